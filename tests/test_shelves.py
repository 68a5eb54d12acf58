"""The contracts over every leaf of every shelf: a new leaf is tested unasked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tlbench.errors import TlbenchError
from tlbench.readers import TorchvisionDataset
from tlbench.shelf import Leaf
from tlbench.suite import SHELVES, builtin, read_suite
from tlbench.testing import check, needs_argument
from tlbench.workspace import Workspace

LEAF_LINES = 60
SHORT: dict[str, Any] = {"dataset": "patterns", "steps": 10}
TRAINED: dict[str, Any] = {"name": "trained", **SHORT}
OPTIONS: dict[str, dict[str, Any]] = {  # of leaves that cannot be made from their name alone, or would take long
    "trained": SHORT,
    "shuffled": SHORT,
    "permuted": SHORT,
    "matched": {"source": TRAINED},
    "networks/torchvision": {"model": "resnet18"},
}
OF_FILES = {
    "csv": "x.csv",
    "folder": "x",
    "npz": "x.npz",
    "file": "x.pt",
    "sources/torchvision": "resnet18",
}  # tested where files are


def _leaves() -> Iterator[tuple[str, str]]:
    for shelf, names in SHELVES.items():
        for name in names:
            yield shelf, name


@pytest.mark.parametrize(("shelf", "name"), list(_leaves()))
def test_every_leaf_holds_its_contract(shelf: str, name: str, workspace: Workspace) -> None:
    argument = OF_FILES.get(f"{shelf}/{name}", OF_FILES.get(name) if shelf in ("datasets", "sources") else None)
    own = OPTIONS.get(name) if shelf == "sources" else None
    options = OPTIONS.get(f"{shelf}/{name}", own or {})
    if argument:
        of_files: Leaf = SHELVES[shelf].make(f"{name}:{argument}")
        assert SHELVES[shelf].make(of_files.recipe()) == of_files
        return
    leaf: Leaf = SHELVES[shelf].make({"name": name} | options)
    if isinstance(leaf, TorchvisionDataset):
        with pytest.raises(TlbenchError, match="allow the download"):
            leaf.open("train", workspace.storage)
        return
    assert not needs_argument(type(leaf)) or options
    check(leaf, workspace)


@pytest.mark.parametrize("shelf", ["datasets", "sources", "methods", "metrics", "similarities"])
def test_leaves_are_small(shelf: str) -> None:
    for path in (Path(__file__).parents[1] / "tlbench" / shelf).glob("*.py"):
        assert len(path.read_text().splitlines()) <= LEAF_LINES, path.name


@pytest.mark.parametrize("name", builtin())
def test_every_suite_reads(name: str) -> None:
    suite = read_suite(name)
    assert suite.name == name
    assert suite.description
