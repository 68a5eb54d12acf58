"""Frozen prefixes: run once, shared by what starts from the same blocks, kept in memory or in a file that is gone."""

import copy
import shutil
from typing import NamedTuple

import pytest
import torch

from tlbench.network import Activations, Network, networks, values_of
from tlbench.training import prefix as prefixes
from tlbench.training.items import Encoded, Items
from tlbench.training.prefix import FrozenPrefix, Reached
from tlbench.workspace import Workspace

NETWORK = networks.make({"name": "resnet", "width": 4}).build((1, 8, 8), 3)
ITEMS = Encoded(torch.randn(10, 1, 8, 8), torch.arange(10) % 3)
CHOSEN = torch.tensor([4, 7])


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The boundaries between which networks are run, a pair a batch and one to see how large the result is."""
    seen: list[tuple[int, int]] = []
    run = Network.run

    def counted(self: Network, inputs: Activations, start: int, stop: int) -> Activations:
        seen.append((start, stop))
        return run(self, inputs, start, stop)

    monkeypatch.setattr(Network, "run", counted)
    return seen


def _reach(network: Network, boundary: int, workspace: Workspace, of: str = "items") -> Reached | None:
    return FrozenPrefix(network, boundary, workspace).reach(ITEMS, of)


def _values(items: Items) -> torch.Tensor:
    return values_of(items.inputs(CHOSEN))


def _apart(network: Network, boundary: int) -> torch.Tensor:
    return values_of(network.eval().run(ITEMS.inputs(CHOSEN), 0, boundary))


def test_a_boundary_of_zero_is_the_items_themselves(workspace: Workspace) -> None:
    found = _reach(NETWORK, 0, workspace)
    assert found is not None
    assert (found.items, found.seconds, found.kept_in) == (ITEMS, 0.0, None)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_activations_are_the_prefix_in_eval_mode(workspace: Workspace, memory_format: torch.memory_format) -> None:
    network = copy.deepcopy(NETWORK).to(memory_format=memory_format)
    network.train()
    before = network.checksum(network.names)
    found = _reach(network, 2, workspace)
    assert found is not None
    assert found.kept_in == "memory"
    assert found.seconds > 0
    seen = _values(found.items)
    assert torch.allclose(seen, _apart(network, 2), atol=1e-6)
    assert seen.is_contiguous(memory_format=memory_format)
    assert network.checksum(network.names) == before


def test_what_has_the_same_blocks_shares_and_goes_on_from_there(
    workspace: Workspace, passes: list[tuple[int, int]]
) -> None:
    first = _reach(NETWORK, 2, workspace)
    again = _reach(copy.deepcopy(NETWORK), 2, workspace)
    assert passes == [(0, 2)] * 2
    further = _reach(copy.deepcopy(NETWORK), 4, workspace)
    assert passes[2:] == [(2, 4)] * 2
    assert first is again
    assert first is not None
    assert further is not None
    assert further.seconds > first.seconds
    assert torch.allclose(_values(further.items), _apart(NETWORK, 4), atol=1e-6)


def test_other_blocks_and_other_items_share_nothing(workspace: Workspace, passes: list[tuple[int, int]]) -> None:
    other = copy.deepcopy(NETWORK)
    with torch.no_grad():
        next(other.blocks["layer1"].parameters()).add_(1e-6)
    _reach(NETWORK, 2, workspace)
    _reach(other, 2, workspace)
    _reach(NETWORK, 2, workspace, "other items")
    assert passes == [(0, 2)] * 6
    _reach(other, 1, workspace)  # the stem is the same
    assert passes[6:] == [(0, 1)] * 2


def test_what_is_too_large_for_memory_is_in_a_file_that_is_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _reach(NETWORK, 2, workspace)
    monkeypatch.setattr(prefixes, "room", lambda _: 0)
    found = _reach(NETWORK, 2, workspace, "the same items")
    assert found is not None
    assert expected is not None
    assert found.kept_in == "disk"
    assert torch.equal(_values(found.items), _values(expected.items))
    assert not list((workspace.storage.cache / "activations").iterdir())


class Disk(NamedTuple):
    """What there is on a disk."""

    free: int


def test_where_there_is_no_room_at_all_nothing_is_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "room", lambda _: 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(0))
    assert _reach(NETWORK, 2, workspace) is None
