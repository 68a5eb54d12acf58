"""Frozen prefixes: run once, shared by what starts from the same blocks, kept in memory or in a file that is gone."""

import copy
import shutil
from typing import NamedTuple

import pytest
import torch

from tlbench.network import Network, networks
from tlbench.training import prefix as prefixes
from tlbench.training.items import Encoded
from tlbench.training.prefix import run_prefix
from tlbench.workspace import Workspace

NETWORK = networks.make({"name": "resnet", "width": 4}).build((1, 8, 8), 3)
ITEMS = Encoded(torch.randn(10, 1, 8, 8), torch.arange(10) % 3)
CHOSEN = torch.tensor([4, 7])


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The boundaries between which networks are run, a pair a batch and one to see how large the result is."""
    seen: list[tuple[int, int]] = []
    run = Network.run

    def counted(self: Network, inputs: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        seen.append((start, stop))
        return run(self, inputs, start, stop)

    monkeypatch.setattr(Network, "run", counted)
    return seen


def test_a_boundary_of_zero_is_the_items_themselves(workspace: Workspace) -> None:
    found = run_prefix(NETWORK, ITEMS, "items", 0, workspace)
    assert found is not None
    assert (found.items, found.seconds, found.kept) == (ITEMS, 0.0, None)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_activations_are_the_prefix_in_eval_mode(workspace: Workspace, memory_format: torch.memory_format) -> None:
    network = copy.deepcopy(NETWORK).to(memory_format=memory_format)
    network.train()
    before = network.checksum(network.names)
    found = run_prefix(network, ITEMS, "items", 2, workspace)
    assert found is not None
    assert found.kept == "memory"
    assert found.seconds > 0
    seen = found.items.inputs(CHOSEN)
    assert torch.allclose(seen, network.eval().run(ITEMS.inputs(CHOSEN), 0, 2), atol=1e-6)
    assert seen.is_contiguous(memory_format=memory_format)
    assert network.checksum(network.names) == before


def test_what_has_the_same_blocks_shares_and_goes_on_from_there(
    workspace: Workspace, passes: list[tuple[int, int]]
) -> None:
    first = run_prefix(NETWORK, ITEMS, "items", 2, workspace)
    again = run_prefix(copy.deepcopy(NETWORK), ITEMS, "items", 2, workspace)
    assert passes == [(0, 2)] * 2
    further = run_prefix(copy.deepcopy(NETWORK), ITEMS, "items", 4, workspace)
    assert passes[2:] == [(2, 4)] * 2
    assert first is again
    assert first is not None
    assert further is not None
    assert further.seconds > first.seconds
    assert torch.allclose(further.items.inputs(CHOSEN), NETWORK.eval().run(ITEMS.inputs(CHOSEN), 0, 4), atol=1e-6)


def test_other_blocks_and_other_items_share_nothing(workspace: Workspace, passes: list[tuple[int, int]]) -> None:
    other = copy.deepcopy(NETWORK)
    with torch.no_grad():
        next(other.blocks["layer1"].parameters()).add_(1e-6)
    run_prefix(NETWORK, ITEMS, "items", 2, workspace)
    run_prefix(other, ITEMS, "items", 2, workspace)
    run_prefix(NETWORK, ITEMS, "other items", 2, workspace)
    assert passes == [(0, 2)] * 6
    run_prefix(other, ITEMS, "items", 1, workspace)  # the stem is the same
    assert passes[6:] == [(0, 1)] * 2


def test_what_is_too_large_for_memory_is_in_a_file_that_is_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run_prefix(NETWORK, ITEMS, "items", 2, workspace)
    monkeypatch.setattr(prefixes, "room", lambda _: 0)
    found = run_prefix(NETWORK, ITEMS, "the same items", 2, workspace)
    assert found is not None
    assert expected is not None
    assert found.kept == "disk"
    assert torch.equal(found.items.inputs(CHOSEN), expected.items.inputs(CHOSEN))
    assert not list((workspace.storage.cache / "activations").iterdir())


class Disk(NamedTuple):
    """What there is on a disk."""

    free: int


def test_where_there_is_no_room_at_all_nothing_is_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "room", lambda _: 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(0))
    assert run_prefix(NETWORK, ITEMS, "items", 2, workspace) is None
