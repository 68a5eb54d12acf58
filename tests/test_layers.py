"""Imports go one way; the judging wing never sees torch; no late imports, no TYPE_CHECKING blocks."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tlbench"
LAYERS = (
    {"errors"},
    {"curve", "stats", "shelf", "streams", "device", "environment", "machine", "layers", "optimizer"},
    {"records", "dataset", "workers"},
    {"ownership", "pictures", "published", "workspace", "inputs", "readings"},
    {"network", "verdict", "job"},
    {"joined", "frame", "insights", "simulation", "accepted"},
    {"learners", "figures", "changes"},
    {"training", "augment"},
    {"features", "source", "checkpoint", "report", "power", "gate"},
    {"pretraining", "method", "similarity", "exports", "history", "arm"},
    {"prefix"},
    {"attempt"},
    {"begun"},
    {"trial"},
    {"tuning"},
    {"scoring", "suite"},
    {"plan", "executor", "progress"},
    {"runfile", "choices"},
    {"datasets", "networks"},
    {"sources", "methods", "similarities", "suites"},
    {"study"},
    {"catalogue", "launch"},
    {"doctor"},
    {"cli"},
    {"__init__", "__main__"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
JUDGING = (
    *("curve", "stats", "records", "frame", "readings", "verdict", "simulation", "insights", "figures", "report"),
    *("power", "accepted", "changes", "gate", "exports", "history"),
)
LATE = ("cli", "__init__")  # where imports inside functions keep the start fast


def _module(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(tree: ast.AST) -> set[str]:
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {
        f"tlbench.{a.name}"
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.module == "tlbench"
        for a in n.names
    }
    found |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_come_from_above_only(path: Path) -> None:
    own = _module(path)
    for name in _imports(ast.parse(path.read_text())):
        if name.startswith("tlbench."):
            other = name.split(".")[1]
            assert other == own or RANK[other] < RANK[own], f"{own} imports {other}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text())
    late = [
        n
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef)
        for n in ast.walk(f)
        if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    assert not late or _module(path) in LATE
    assert "TYPE_CHECKING" not in path.read_text()


def test_a_leaf_imports_no_other_leaf_of_its_shelf() -> None:
    for shelf in ("datasets", "networks", "sources", "methods", "similarities"):
        for path in (PACKAGE / shelf).glob("*.py"):
            assert not {n for n in _imports(ast.parse(path.read_text())) if n.startswith(f"tlbench.{shelf}")}


def test_judging_never_imports_torch() -> None:
    names = ", ".join(f"tlbench.{name}" for name in JUDGING)
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


def test_help_imports_neither_torch_nor_pandas() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from tlbench.cli import app; "
        "result = CliRunner().invoke(app, ['--help']); "
        "sys.exit(result.exit_code or any(name in sys.modules for name in ('torch', 'pandas', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_module_has_a_layer() -> None:
    assert {_module(path) for path in PACKAGE.rglob("*.py")} | {"suites"} == set(RANK)


def test_statistics_import_only_numpy_and_scipy() -> None:
    known = {"dataclasses", "numpy", "scipy", "typing"}
    assert {n.split(".")[0] for n in _imports(ast.parse((PACKAGE / "stats.py").read_text()))} <= known


def test_there_is_one_training_loop() -> None:
    backward = [path.name for path in PACKAGE.rglob("*.py") if "optimizer.step(" in path.read_text()]
    assert backward == ["training.py"]
