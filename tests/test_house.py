"""The floors of the house: who may import whom, held by reading every module's imports."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

import pytest_dynadag

PACKAGE = "pytest_dynadag"
ROOT = Path(pytest_dynadag.__file__).parent

# From the ground up. Rooms on one floor do not know each other; only the ground floor's share a room.
GROUND = ("printable", "location", "errors", "named", "secrecy", "findings", "allowances")
FLOORS = (GROUND, ("graph",), ("render", "bridge"), ("generate", "run"), ("cases",), ("plugin", "__main__"))
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# The roof: it names what is public, and nobody below imports it.
ROOF = PACKAGE

AIRFLOW_DOORS = (f"{PACKAGE}.bridge", f"{PACKAGE}.run.engines")
PYTEST_DOORS = (f"{PACKAGE}.plugin",)
# What a session that does not use us must not pay for.
HEAVY = (
    "airflow",
    "yaml",
    "freezegun",
    "syrupy",
    "filelock",
    "hypothesis",
    "coverage",
    "xdist",
    "cryptography",
)
LOADED_BY_EVERY_SESSION = f"{PACKAGE}.plugin.hooks"

LONGEST_FUNCTION = 60
LONGEST_UNEXPLAINED = 6
"""Lines that a public function may have without saying what it does."""


@dataclass(frozen=True)
class Import:
    """One imported name: by which module, on which line, and when it happens."""

    importer: str
    name: str
    line: int
    at_module_level: bool
    for_types_only: bool

    @property
    def on_load(self) -> bool:
        """Whether loading the importer is enough to make the import happen."""
        return self.at_module_level and not self.for_types_only

    def says(self, complaint: str) -> str:
        """Give the line that a failing test prints."""
        return f"{self.importer}:{self.line} imports {self.name}: {complaint}"


class _ImportReader(ast.NodeVisitor):
    """Collect the imports of one module, those by `import_module("...")` included."""

    def __init__(self, module: str, *, is_package: bool) -> None:
        self.module, self.is_package = module, is_package
        self.found: list[Import] = []
        self.depth, self.types_only = 0, False

    def add(self, name: str, line: int) -> None:
        self.found.append(Import(self.module, name, line, self.depth == 0, self.types_only))

    def visit(self, node: ast.AST) -> None:
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        self.depth += inside
        super().visit(node)
        self.depth -= inside

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = self._base_of_relative(node.level) if node.level else []
        origin = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            self.add(f"{origin}.{alias.name}", node.lineno)

    def _base_of_relative(self, level: int) -> list[str]:
        parts = self.module.split(".")
        return parts[: len(parts) - level + self.is_package]

    def visit_Call(self, node: ast.Call) -> None:
        called = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        first = node.args[0] if node.args else None
        literal = first.value if isinstance(first, ast.Constant) else None
        if called in {"import_module", "__import__", "importorskip"} and isinstance(literal, str):
            self.add(literal, node.lineno)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) not in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            self.generic_visit(node)
            return
        outside, self.types_only = self.types_only, True
        for child in node.body:
            self.visit(child)
        self.types_only = outside
        for child in node.orelse:
            self.visit(child)


@dataclass(frozen=True)
class House:
    """The modules of a package and their imports, read from the source."""

    modules: dict[str, ast.Module]
    imports: tuple[Import, ...]

    def target(self, name: str) -> str | None:
        """Find the module of the house that an imported name stands in, None for somebody else's."""
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        return name or None

    def inside(self) -> list[tuple[Import, str]]:
        """Pair each import of a module of the house with that module."""
        return [(found, target) for found in self.imports if (target := self.target(found.name))]

    def loads(self, module: str) -> set[str]:
        """Give what is loaded with *module*: what it imports at module level, and every parent package."""
        edges = self.edges()
        for name in self.modules:
            edges[name] |= {name.rpartition(".")[0]} - {""}
        return {module} | reach(edges, module)

    def edges(self) -> dict[str, set[str]]:
        """Give the modules that each module itself imports at module level."""
        edges: dict[str, set[str]] = {name: set() for name in self.modules}
        for found, target in self.inside():
            if found.on_load:
                edges[found.importer].add(target)
        return edges


def reach(edges: dict[str, set[str]], start: str) -> set[str]:
    """Give what can be reached from *start* in one step or more."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = edges[waiting.pop()] - reached
        reached |= fresh
        waiting += fresh
    return reached


def read_house(root: Path) -> House:
    """Read every module below *root*, a package folder."""
    modules: dict[str, ast.Module] = {}
    imports: list[Import] = []
    for path in sorted(root.rglob("*.py")):
        is_package = path.name == "__init__.py"
        place = path.parent if is_package else path.with_suffix("")
        name = ".".join(place.relative_to(root.parent).parts)
        modules[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
        reader = _ImportReader(name, is_package=is_package)
        reader.visit(modules[name])
        imports += reader.found
    return House(modules, tuple(imports))


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    """Tell whether a module is one of *packages*, stands in one, or is a part of one (`engines_direct`)."""
    return any(name == package or name.startswith((f"{package}.", f"{package}_")) for package in packages)


def is_library(name: str, *libraries: str) -> bool:
    """Tell whether an imported name comes from one of *libraries*."""
    return name.partition(".")[0] in libraries


def room_of(module: str) -> str:
    """Give the part of the house that a module below the roof stands in."""
    return module.split(".")[1]


def breaks_of_floors(house: House) -> list[str]:
    """List the imports that lead upstairs, next door, or to the roof."""
    broken = []
    for found, target in house.inside():
        if found.importer == ROOF:
            continue
        if target == ROOF:
            broken.append(found.says("the roof is for users, not for the house"))
            continue
        here, there = room_of(found.importer), room_of(target)
        together = here == there or (here in GROUND and there in GROUND)
        if not together and FLOOR_OF[here] <= FLOOR_OF[there]:
            broken.append(found.says(f"{here} is not above {there}"))
    return broken


def breaks_of_doors(house: House) -> list[str]:
    """List the imports of Airflow and pytest that do not go through their doors."""
    broken = []
    for found in house.imports:
        if is_library(found.name, "airflow"):
            if not is_within(found.importer, AIRFLOW_DOORS):
                broken.append(found.says("the bridge is the door to Airflow"))
            elif found.on_load:
                broken.append(found.says("Airflow is imported inside functions"))
        if is_library(found.name, "pytest", "_pytest") and not is_within(found.importer, PYTEST_DOORS):
            broken.append(found.says("only the plugin knows pytest"))
    return broken


def breaks_of_idleness(house: House) -> list[str]:
    """List the heavy libraries that a session loads with us although it does not use us."""
    loaded = house.loads(LOADED_BY_EVERY_SESSION)
    return [
        found.says(f"every session loads it with {LOADED_BY_EVERY_SESSION}")
        for found in house.imports
        if found.importer in loaded and found.on_load and is_library(found.name, *HEAVY)
    ]


def cycles(house: House) -> list[str]:
    """List the modules that come back to themselves through what they import at module level."""
    edges = house.edges()
    return [name for name in edges if name in reach(edges, name)]


def unexplained_functions(house: House) -> list[str]:
    """List the public functions, those inside others included, that are no glance and say nothing of themselves."""
    return [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in house.modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
        if (node.end_lineno or 0) - node.lineno >= LONGEST_UNEXPLAINED and not ast.get_docstring(node)
    ]


def long_functions(house: House) -> list[str]:
    """List the functions that do not fit a screen, counted with signature and docstring."""
    return [
        f"{name}:{node.lineno} {node.name} has {length} lines"
        for name, tree in house.modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]


@pytest.fixture(scope="module")
def house() -> House:
    """Read the package as it stands."""
    return read_house(ROOT)


def test_every_module_stands_on_a_floor(house: House) -> None:
    """No room is built without saying on which floor it stands."""
    assert set() == {room_of(name) for name in house.modules if name != ROOF} - set(FLOOR_OF)


def test_floors_import_only_lower_ones(house: House) -> None:
    """A module imports from its own room and from lower floors, also inside functions and for types."""
    assert [] == breaks_of_floors(house)


def test_airflow_and_pytest_have_one_door_each(house: House) -> None:
    """Airflow is imported by the bridge and the engines, inside functions; pytest by the plugin."""
    assert [] == breaks_of_doors(house)


def test_a_session_that_does_not_use_us_loads_nothing_heavy(house: House) -> None:
    """Neither Airflow nor the libraries that cases, runs and snapshots need come with the hooks."""
    assert [] == breaks_of_idleness(house)


def test_no_module_imports_itself_in_a_circle(house: House) -> None:
    """What modules import when they are loaded has an order."""
    assert [] == cycles(house)


def test_functions_fit_a_screen(house: House) -> None:
    """No function has more than 60 lines."""
    assert [] == long_functions(house)


def test_public_functions_say_what_they_do(house: House) -> None:
    """A public function of more than six lines has a docstring."""
    assert [] == unexplained_functions(house)


def build(root: Path, **sources: str) -> House:
    """Write a package with *sources* by module (`room__module`; a room alone means its `__init__`) and read it."""
    package = root / PACKAGE
    for room in ("", *(room for floor in FLOORS[1:] for room in floor)):
        (package / room).mkdir(parents=True, exist_ok=True)
        (package / room / "__init__.py").touch()
    for module, source in sources.items():
        place = package / module.replace("__", "/")
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        file.write_text(source, encoding="utf-8")
    return read_house(package)


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("graph__plan", "import pytest_dynadag.run.guard", "graph is not above run"),
        ("graph__plan", "def f():\n  from pytest_dynadag import plugin", "graph is not above plugin"),
        ("graph__plan", "from ..bridge import home", "graph is not above bridge"),
        ("render__text", "from pytest_dynadag.bridge.home import X", "render is not above bridge"),
        ("generate__probe", "import pytest_dynadag.run", "generate is not above run"),
        ("errors", "from .graph import plan", "errors is not above graph"),
        ("cases__casefile", "from pytest_dynadag import Plan", "the roof is for users, not for the house"),
        ("plugin__fixtures", "import pytest_dynadag as d", "the roof is for users, not for the house"),
    ],
)
def test_an_import_that_leads_upstairs_is_seen(
    tmp_path: Path, module: str, source: str, complaint: str
) -> None:
    """However it is written, an import from a floor that is not lower is reported."""
    house = build(tmp_path, **{module: source})

    [broken] = breaks_of_floors(house)

    assert broken.endswith(complaint)


def test_imports_from_lower_floors_are_fine(tmp_path: Path) -> None:
    """Lower floors, one's own room, and the roof looking down are no offence."""
    house = build(
        tmp_path,
        location="",
        errors="from .location import Location",
        graph__structure="from pytest_dynadag.errors import DynadagError",
        graph__plan="from .structure import Structure",
        run__guard="from pytest_dynadag import findings\nfrom ..graph import plan",
        findings="",
    )

    assert [] == breaks_of_floors(house)


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("graph__plan", "def f():\n  import airflow.sdk", "the bridge is the door to Airflow"),
        (
            "graph__plan",
            "import importlib\nimportlib.import_module('airflow')",
            "the bridge is the door to Airflow",
        ),
        ("bridge__v3", "from airflow import DAG", "Airflow is imported inside functions"),
        (
            "bridge__v3",
            "try:\n  import airflow\nexcept ImportError: ...",
            "Airflow is imported inside functions",
        ),
        ("run__guard", "def f():\n  from airflow.models import Log", "the bridge is the door to Airflow"),
        ("run__guard", "from _pytest import x", "only the plugin knows pytest"),
        ("cases__casefile", "def f():\n  import pytest", "only the plugin knows pytest"),
    ],
)
def test_an_import_that_goes_through_the_wall_is_seen(
    tmp_path: Path, module: str, source: str, complaint: str
) -> None:
    """Airflow and pytest imported elsewhere than at their doors are reported."""
    house = build(tmp_path, **{module: source})

    [broken] = breaks_of_doors(house)

    assert broken.endswith(complaint)


def test_imports_through_the_doors_are_fine(tmp_path: Path) -> None:
    """The bridge and the engines import Airflow in functions or for types, the plugin imports pytest."""
    house = build(
        tmp_path,
        bridge__v2="def f():\n  import airflow",
        bridge__v3="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from airflow.sdk import DAG",
        run__engines="class Engine:\n  def run(self):\n    import airflow.models",
        run__engines_direct="async def f():\n  import airflow.models",
        plugin__hooks="import pytest",
    )

    assert [] == breaks_of_doors(house)


def test_a_heavy_library_behind_the_hooks_is_seen(tmp_path: Path) -> None:
    """What the hooks load is followed, parent packages included; imports in functions are not."""
    house = build(
        tmp_path,
        plugin__hooks="from pytest_dynadag.cases.casefile import read\ndef f():\n  import syrupy",
        cases__casefile="def read():\n  import yaml",
        cases="import filelock",
        run__clock="import freezegun",
    )

    assert [
        "pytest_dynadag.cases:1 imports filelock: every session loads it with pytest_dynadag.plugin.hooks"
    ] == breaks_of_idleness(house)


def test_a_circle_is_seen(tmp_path: Path) -> None:
    """Two modules that import each other while loading are named; a function or a type breaks the circle."""
    house = build(
        tmp_path,
        graph__plan="from .structure import Structure",
        graph__structure="from . import plan",
        run__guard="from . import runner\nfrom pytest_dynadag.graph import plan",
        run__runner="def f():\n  from . import guard",
    )

    assert ["pytest_dynadag.graph.plan", "pytest_dynadag.graph.structure"] == cycles(house)


def test_a_long_function_is_seen(tmp_path: Path) -> None:
    """A function of 61 lines is reported, one of 60 is not."""
    long = "def long():\n" + "    x = 1\n" * 60
    fitting = "def fitting():\n" + "    x = 1\n" * 59

    house = build(tmp_path, graph__plan=long + fitting)

    assert ["pytest_dynadag.graph.plan:1 long has 61 lines"] == long_functions(house)


def test_an_unexplained_function_is_seen(tmp_path: Path) -> None:
    """Seven lines without a docstring are reported; six are not, nor a private function, nor one that explains itself."""
    body = "    x = 1\n"
    functions = [f"def long():\n{body * 6}", f"def short():\n{body * 5}", f"def _own():\n{body * 6}"]
    explained = f'def explained():\n    """Do it."""\n{body * 6}'

    house = build(tmp_path, graph__plan="".join([*functions, explained]))

    assert ["pytest_dynadag.graph.plan:1 long"] == unexplained_functions(house)
