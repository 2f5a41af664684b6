# Needs python3.11 and make; everything else is put into .venv (Airflow 3.3) or .venv-<version>.
# Another Python: PY=3.13, looked for on the PATH as python3.13, or PYTHON=/path/to/python; into .venv-3.3-py3.13.
#   make demo               collect, plan and run the example DAGs
#   make test               the suite;                     AIRFLOW=2.11 chooses the version
#   make oldest             what rests on required libraries, with the oldest of each that is allowed
#   make neighbours         beside other plugins that users have, all of them at once
#   make lint               style, format and types
#   make docs               build the site of docs/ into build/docs; every warning is an error
#   make fuzz N=500         random DAGs, planned and run; the suite itself tries 60
#   make soak N=20          the verdict on determinism, in as many sessions alone and with two workers; a large repository
#   make matrix             plans, runs and determinism on the other Airflows and Pythons, and the table of what was seen;
#                           MATRIX="3.2 3.3-py3.13" chooses; the whole suite on 2.11 and 3.3
#   make bench [ONLY=run]   measure beside others, into build/bench.json, and fail where a figure is missed
#   make bench-page         let the docs tell what was measured last
#   make picture            draw the terminal that the README shows
#   make setup              the environment alone
#   make constraints        resolve the dependencies anew;         ONLY=3.4 chooses the version
#   make page               build the HTML report's page from page/ (needs Node 20 and npm; nothing else does)
#   make page-check         fail if the committed page is not what page/ builds to
#   make clean              remove environments and caches
# ARGS="..." is handed to pytest: make test ARGS="-n 2 -k planner"

DEFAULT_AIRFLOW := 3.3
AIRFLOW ?= $(DEFAULT_AIRFLOW)
ARGS ?=
N ?= 500
# Each cell is a version of Airflow, on Python 3.11 or on the one it names, and has pins of its own.
OTHER_PYTHONS := 2.11-py3.10 2.11-py3.12 3.3-py3.10 3.3-py3.12 3.3-py3.13 3.4-py3.12 3.4-py3.13
MATRIX ?= 2.10 3.0 3.1 3.2 3.4 $(OTHER_PYTHONS)
# There runs what is Airflow's or Python's affair, but for the longest: what Airflow's own dag.test() does, other than beside
# our engine, and whole sessions. The two that CI tests get the whole suite: make matrix MATRIX="2.11 3.3"
WHOLE := 2.11 3.3
MATRIX_TESTS := $(addprefix tests/,graph conformance run generate determinism plugin/test_collection.py)
MATRIX_CHOICE := not [airflow and not -airflow] and not conformance_dags and not airflow_examples and not check_sessions

DEFAULT_PY := 3.11
PY ?= $(DEFAULT_PY)
ifeq ($(PYTHON),)
override PYTHON := $(if $(shell command -v python$(PY)),python$(PY),python3)
else # an interpreter says itself which Python it is
override PY := $(or $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'),$(error PYTHON=$(PYTHON) does not start))
endif
CELL := $(AIRFLOW)$(if $(filter-out $(DEFAULT_PY),$(PY)),-py$(PY))
VENV := .venv$(if $(filter-out $(DEFAULT_AIRFLOW),$(CELL)),-$(CELL))
BIN := $(VENV)/bin
CONSTRAINTS := constraints/airflow-$(CELL).txt

# The environment is as good as what it was made from: a stamp carries the checksum of both files, so that
# neither a checkout (newer files, same contents) nor a change of branch deceives us.
STAMP := $(VENV)/.setup-$(shell cat $(CONSTRAINTS) pyproject.toml 2>/dev/null | cksum | cut -d ' ' -f 1)
# Stands while packages are being installed. Found at the start, it tells of an interrupted set-up.
UNFINISHED := $(VENV)/.setup-unfinished

# As pip does: behind a company's proxy, only the system knows whom to trust.
export UV_SYSTEM_CERTS ?= true
# Tests and benchmarks start sessions by the hundred: without bytecode each process compiles the package anew, 0.3 s.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test oldest neighbours fuzz soak bench bench-page matrix cell lint docs picture page page-check constraints clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

setup: $(STAMP)

$(STAMP):
	@test -f $(CONSTRAINTS) || { echo "no $(CONSTRAINTS); there is: $(wildcard constraints/*.txt)" >&2; exit 2; }
	@if [ -e $(UNFINISHED) ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(PY)")' 2>/dev/null || { \
	    echo "no python$(PY) on the PATH that starts;" \
	      "install Python $(PY), or say where it is: make PYTHON=/path/to/python" >&2; exit 2; }; \
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

# The neighbour that is measured beside us is always at work: in an environment of its own, with our versions of all else.
BOX := build/in-a-box
BOX_STAMP := $(BOX)/.setup-$(shell cksum < constraints/in-a-box.txt | cut -d ' ' -f 1)
$(BOX_STAMP): | setup
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(BOX)
	$(BIN)/uv pip install --quiet --python $(BOX)/bin/python --compile-bytecode -r constraints/in-a-box.txt
	@touch $@

bench: setup $(BOX_STAMP)
	$(BIN)/python benchmarks build/bench.json $(ONLY)

bench-page: setup
	$(BIN)/python benchmarks/page.py build/bench.json

matrix:
	@$(foreach cell,$(MATRIX), echo "=== $(cell)"; \
	  $(MAKE) --no-print-directory cell PYTHON= AIRFLOW=$(firstword $(subst -py, ,$(cell))) \
	    PY=$(or $(word 2,$(subst -py, ,$(cell))),$(DEFAULT_PY)) || failed="$$failed $(cell)";) \
	test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

cell: TESTS = $(if $(filter $(CELL),$(WHOLE)),,$(MATRIX_TESTS))
cell: setup
	@mkdir -p build/matrix
	$(BIN)/pytest -q -n 2 --dist worksteal --junitxml build/matrix/$(CELL).xml $(if $(TESTS),-k '$(MATRIX_CHOICE)' $(TESTS)) $(ARGS)
	$(BIN)/python docs/matrix.py build/matrix/$(CELL).xml $(TESTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy pytest_dynadag $(wildcard tests/typing)
	MYPYPATH=benchmarks $(BIN)/mypy benchmarks

# What builds the site must not decide what Airflow gets: an environment of its own.
docs:
	@$(MAKE) --no-print-directory setup VENV=.venv-docs CONSTRAINTS=constraints/docs.txt
	.venv-docs/bin/sphinx-build --builder html --fail-on-warning --keep-going --fresh-env --quiet \
	  --doctree-dir build/docs-doctrees docs build/docs

picture: setup
	$(BIN)/python docs/picture.py

page/node_modules: page/package.json page/package-lock.json
	cd page && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

page: page/node_modules
	cd page && npm run --silent check && npm run --silent build

page-check: page/node_modules
	cd page && npm run --silent check && npm run --silent build -- --check

# Which versions: constraints/airflow-*.in. Which packages: pyproject.toml. The outcome is committed.
# Other Pythons get the pins of Python 3.11, and others only where those do not support them.
COMPILE := $(BIN)/uv pip compile --quiet --no-header --no-annotate
# A pre-release is taken where nothing else of its version is served, and gives way to the final one.
PINS = $(if $(ONLY),$(patsubst %,airflow-%,$(ONLY)),$(patsubst constraints/%.in,%,$(wildcard constraints/airflow-*.in)))
constraints: setup
	for version in $(PINS); do \
	  $(COMPILE) --upgrade --python-version $(DEFAULT_PY) --extra dev \
	    --output-file constraints/$$version.txt pyproject.toml constraints/$$version.in || exit; done
	for cell in $(foreach version,$(PINS),$(filter $(version:airflow-%=%)-py%,$(OTHER_PYTHONS))); do \
	  cp constraints/airflow-$${cell%-py*}.txt constraints/airflow-$$cell.txt; \
	  $(COMPILE) --python-version $${cell#*-py} --extra dev \
	    --output-file constraints/airflow-$$cell.txt pyproject.toml constraints/airflow-$${cell%-py*}.in || exit; done
ifeq ($(ONLY),)
	$(COMPILE) --upgrade --python-version $(DEFAULT_PY) --extra docs \
	  --output-file constraints/docs.txt pyproject.toml
	$(COMPILE) --python-version $(DEFAULT_PY) --constraint constraints/airflow-$(DEFAULT_AIRFLOW).txt \
	  --output-file constraints/in-a-box.txt constraints/in-a-box.in
endif

clean:
	rm -rf page/node_modules .venv .venv-* build dist htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
