"""Imports go one way, from room to room by their doors; judging never sees torch; no late imports, no TYPE_CHECKING.

What stands where is read from the tree: a folder beside a module of the same name in the singular is a shelf and that
module its contract; any other folder is a room; the other modules at the root are ground and seam, but for the front
door and what stands before it.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tlbench"
FILES = sorted(PACKAGE.rglob("*.py"))
LATE = ("cli", "__init__", "study")  # where imports inside functions keep the start fast
FRONT = ("study", "testing", "cli", "__init__", "__main__")  # above all rooms, each above those before it
ROOMS = (
    ("judging", "training", "readers", "leakage"),
    ("shelves",),
    ("trials",),
    ("engine",),
)  # a line imports from lines above


def _plurals(name: str) -> set[str]:
    return {f"{name}s", f"{name.removesuffix('y')}ies"}


FOLDERS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
MODULES = {path.stem for path in PACKAGE.glob("*.py")}
CONTRACTS = {name for name in MODULES if _plurals(name) & FOLDERS}
SHELVES = {folder for name in CONTRACTS for folder in _plurals(name) & FOLDERS}
GROUND_AND_SEAM = MODULES - CONTRACTS - set(FRONT)
RANK = (
    dict.fromkeys(GROUND_AND_SEAM, 0)
    | dict.fromkeys(CONTRACTS, 1)
    | {name: 2 + rank for rank, names in enumerate(ROOMS) for name in names}
    | dict.fromkeys(SHELVES, 3)
    | {name: 10 + rank for rank, name in enumerate(FRONT)}
)


def _name(path: Path) -> str:
    """A file's dotted name within the package; a room's for its `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


NAMES = {_name(path): path for path in FILES}


def _place(name: str) -> str:
    return name.partition(".")[0]


@cache
def _offered(module: str) -> set[str]:
    """What a room's door names."""
    path = NAMES.get(module.removeprefix("tlbench."))
    for node in ast.parse(path.read_text()).body if path else []:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value)) if isinstance(node.value, ast.List) else set()
    return set()


def _imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, by its full name; of `from package import module` the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            inner = [f"{module}.{alias.name}" for alias in node.names if alias.name not in _offered(module)]
            known = [name for name in inner if name.removeprefix("tlbench.") in NAMES]
            yield from known if len(known) == len(node.names) else [*known, module]


def _own_imports(path: Path) -> set[str]:
    found = {
        name.removeprefix("tlbench.") for name in _imports(ast.parse(path.read_text())) if name.startswith("tlbench.")
    }
    return found | ({"__init__"} if "import tlbench\n" in path.read_text() else set())


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_come_from_above_only(path: Path) -> None:
    own = _place(_name(path))
    for other in {_place(name) for name in _own_imports(path)} - {own}:
        assert other in RANK, f"{other} is neither ground, contract, shelf nor room"
        allowed = RANK[other] < RANK[own] or (own in CONTRACTS | GROUND_AND_SEAM and RANK[other] == RANK[own])
        assert allowed, f"{own} imports {other}"


def test_no_import_goes_round() -> None:
    """Of the modules at the root, and of the files within each room."""
    graph = {name: {other for other in _own_imports(path) if other in NAMES} for name, path in NAMES.items()}
    doors = {name for name, path in NAMES.items() if path.name == "__init__.py"}
    TopologicalSorter({name: others - doors for name, others in graph.items() if name not in doors}).prepare()


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_nobody_reaches_past_a_door(path: Path) -> None:
    """From outside, a room is its `__init__`; the file inside is its own business. Rooms within rooms likewise."""
    own = _name(path) if path.name == "__init__.py" else _name(path).rpartition(".")[0]
    for other in _own_imports(path):
        room = other.rpartition(".")[0] if other in NAMES and NAMES[other].name != "__init__.py" else ""
        inside = not room or own == room or own.startswith(f"{room}.")
        assert inside, f"{_name(path)} imports {other}, a file inside {room}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    late = [n for f in functions for n in ast.walk(f) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not late or _place(_name(path)) in LATE
    assert "TYPE_CHECKING" not in path.read_text()


@pytest.mark.parametrize("shelf", sorted(SHELVES))
def test_a_leaf_imports_no_other_leaf_of_its_shelf(shelf: str) -> None:
    for path in (PACKAGE / shelf).glob("*.py"):
        assert shelf not in {_place(name) for name in _own_imports(path)}


@pytest.mark.parametrize("room", sorted(FOLDERS - SHELVES))
def test_a_room_says_its_job(room: str) -> None:
    for door in (PACKAGE / room).rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(door.read_text()))


def test_the_wings_meet_only_in_the_seam() -> None:
    """Judging imports no contract, and the seam needs no torch."""
    judging = {name for name, path in NAMES.items() if _place(name) == "judging" for name in _own_imports(path)}
    assert not {_place(name) for name in judging} & (CONTRACTS | SHELVES)
    names = ", ".join(f"tlbench.{name}" for name in NAMES if _place(name) == "judging")
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


def test_help_imports_neither_torch_nor_pandas() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from tlbench.cli import app; "
        "result = CliRunner().invoke(app, ['--help']); "
        "sys.exit(result.exit_code or any(name in sys.modules for name in ('torch', 'pandas', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_statistics_import_only_numpy_and_scipy() -> None:
    known = {"dataclasses", "numpy", "scipy", "typing"}
    assert {n.split(".")[0] for n in _imports(ast.parse((PACKAGE / "judging" / "stats.py").read_text()))} <= known


def test_there_is_one_training_loop() -> None:
    backward = [path.name for path in FILES if "optimizer.step(" in path.read_text()]
    assert backward == ["loop.py"]
