"""Every test has a cache, data and results of its own, and leaves torch's threads as they were."""

from pathlib import Path

import pytest
import torch

from tlbench.workspace import Storage, Workspace

collect_ignore = ["plugin"]  # a package of its own, whose tests are run as its own


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TLBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    torch.set_num_threads(1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace on the CPU with storage under tmp_path."""
    torch.set_num_threads(1)
    return Workspace(Storage(tmp_path / "data", tmp_path / "cache"), torch.device("cpu"))
