# Needs python3.11 and make; everything else is put into .venv (Airflow 3.3) or .venv-<version>.
#   make demo               collect, plan and run the example DAGs
#   make test               the suite;                     AIRFLOW=2.11 chooses the version
#   make oldest             what rests on required libraries, with the oldest of each that is allowed
#   make neighbours         beside other plugins that users have, all of them at once
#   make lint               style, format and types
#   make docs               build the site of docs/ into build/docs; every warning is an error
#   make fuzz N=500         random DAGs, planned and run; the suite itself tries 60
#   make soak N=20          the verdict on determinism, in as many sessions alone and with two workers
#   make matrix             the tests of runs on the other versions: 2.10, 3.0, 3.1, 3.2
#   make bench              measure, and fail where a figure is missed
#   make setup              the environment alone
#   make constraints        resolve the dependencies anew
#   make page               build the HTML report's page from page/ (needs Node 20 and npm; nothing else does)
#   make page-check         fail if the committed page is not what page/ builds to
#   make clean              remove environments and caches
# ARGS="..." is handed to pytest: make test ARGS="-n 2 -k planner"

DEFAULT_AIRFLOW := 3.3
AIRFLOW ?= $(DEFAULT_AIRFLOW)
ARGS ?=
N ?= 500
MATRIX ?= 2.10 3.0 3.1 3.2
MATRIX_TESTS := tests/run/test_engines.py tests/run/test_equality.py

# The constraints are resolved for Python 3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv$(if $(filter-out $(DEFAULT_AIRFLOW),$(AIRFLOW)),-$(AIRFLOW))
BIN := $(VENV)/bin
CONSTRAINTS := constraints/airflow-$(AIRFLOW).txt

# The environment is as good as what it was made from: a stamp carries the checksum of both files, so that
# neither a checkout (newer files, same contents) nor a change of branch deceives us.
STAMP := $(VENV)/.setup-$(shell cat $(CONSTRAINTS) pyproject.toml 2>/dev/null | cksum | cut -d ' ' -f 1)
# Stands while packages are being installed. Found at the start, it tells of an interrupted set-up.
UNFINISHED := $(VENV)/.setup-unfinished

# As pip does: behind a company's proxy, only the system knows whom to trust.
export UV_SYSTEM_CERTS ?= true

.DEFAULT_GOAL := help
.PHONY: help setup demo test oldest neighbours fuzz soak bench matrix lint docs page page-check constraints clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

setup: $(STAMP)

$(STAMP):
	@test -f $(CONSTRAINTS) || { echo "no $(CONSTRAINTS); there is: $(wildcard constraints/*.txt)" >&2; exit 2; }
	@if [ -e $(UNFINISHED) ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  echo "making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv --clear $(VENV); fi
	@touch $(UNFINISHED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r $(CONSTRAINTS)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.setup-* && touch $@

demo: setup
	$(BIN)/pytest --dynadag example_dags $(ARGS)

test: setup
	$(BIN)/pytest $(ARGS)

# Collection and snapshots (pytest, syrupy), case files (PyYAML), the shared folder (filelock), a clock that stands (freezegun).
OLDEST_TESTS := $(addprefix tests/,plugin/test_snapshot_fixture.py plugin/test_collection.py plugin/test_folder.py \
  cases run/test_waiting.py)
oldest: setup
	@rm -rf build/oldest && mkdir -p build
	@sed -n '/^dependencies/,/^]/s/^ *"\(.*>=[^"]*\)".*/\1/p' pyproject.toml > build/oldest.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --target build/oldest --no-deps \
	  --resolution lowest-direct -r build/oldest.txt
	PYTHONPATH=$(CURDIR)/build/oldest $(BIN)/python -m pytest $(OLDEST_TESTS) $(ARGS)

# Beside the environment, not in it: they would change every session.
NEIGHBOURS := $(CURDIR)/build/neighbours-$(AIRFLOW)
neighbours: setup
	$(BIN)/uv pip install --quiet --python $(BIN)/python --target $(NEIGHBOURS) --no-deps -r constraints/neighbours.txt
	DYNADAG_NEIGHBOURS=$(NEIGHBOURS) $(BIN)/pytest tests/neighbours $(ARGS)

fuzz: setup
	DYNADAG_FUZZ=$(N) $(BIN)/pytest -p no:logging tests/conformance/test_random_dags.py --timeout 0 $(ARGS)

soak: N = 20
soak: setup
	DYNADAG_SOAK=$(N) $(BIN)/pytest tests/soak $(ARGS)

bench: setup
	@for what in plan run parallel determinism reports large; do \
	  echo "=== $$what"; $(BIN)/python benchmarks/$$what.py || missed="$$missed $$what"; \
	done; test -z "$$missed" || { echo "missed:$$missed" >&2; exit 1; }

# The versions between those that the suite runs on: what runs and waits there, by the engine that is ours.
matrix:
	@for version in $(MATRIX); do \
	  echo "=== Airflow $$version"; \
	  $(MAKE) --no-print-directory test AIRFLOW=$$version ARGS="-q -k 'direct or features' $(MATRIX_TESTS) $(ARGS)" \
	    || failed="$$failed $$version"; \
	done; test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy pytest_dynadag $(wildcard tests/typing)

# What builds the site must not decide what Airflow gets: an environment of its own.
docs:
	@$(MAKE) --no-print-directory setup VENV=.venv-docs CONSTRAINTS=constraints/docs.txt
	.venv-docs/bin/sphinx-build --builder html --fail-on-warning --keep-going --fresh-env --quiet \
	  --doctree-dir build/docs-doctrees docs build/docs

page/node_modules: page/package.json page/package-lock.json
	cd page && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

page: page/node_modules
	cd page && npm run --silent check && npm run --silent build

page-check: page/node_modules
	cd page && npm run --silent check && npm run --silent build -- --check

# Which versions: constraints/airflow-*.in. Which packages: pyproject.toml. The outcome is committed.
constraints: setup
	for version in $(patsubst constraints/%.in,%,$(wildcard constraints/*.in)); do \
	  $(BIN)/uv pip compile --quiet --upgrade --no-header --no-annotate --python $(BIN)/python --extra dev \
	    --output-file constraints/$$version.txt pyproject.toml constraints/$$version.in || exit; done
	$(BIN)/uv pip compile --quiet --upgrade --no-header --no-annotate --python $(BIN)/python --extra docs \
	  --output-file constraints/docs.txt pyproject.toml

clean:
	rm -rf page/node_modules .venv .venv-* build dist htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
