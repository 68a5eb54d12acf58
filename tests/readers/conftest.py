"""A file of arrays to be, and storage, for every test of a reader."""

from pathlib import Path

import pytest

from tlbench.workspace import Storage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.npz"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data", tmp_path / "cache")
