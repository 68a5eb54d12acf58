"""Frozen prefixes: run once, shared by what starts from the same blocks, kept in memory or in a file that is gone."""

import copy
import shutil
from typing import NamedTuple

import pytest
import torch
from torch import nn

from tests.tiny import ACCURACY
from tlbench.method import Budget, Phase
from tlbench.network import HEAD, Activations, Masked, Network, networks, values_of
from tlbench.training import prefix as prefixes
from tlbench.training.items import Encoded, Items
from tlbench.training.joined import join
from tlbench.training.learners import Learner
from tlbench.training.loop import fit
from tlbench.training.prefix import FrozenPrefix, Prefixed
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


def _reach(network: Network, boundary: int, workspace: Workspace, of: str = "items") -> Prefixed | None:
    return FrozenPrefix(network, boundary, workspace).apply(ITEMS, of)


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


def test_blocks_are_digested_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Network] = []
    digests = Network.leading_digests

    def counted(self: Network) -> list[str]:
        calls.append(self)
        return digests(self)

    monkeypatch.setattr(Network, "leading_digests", counted)
    prefix = FrozenPrefix(NETWORK, 3, workspace)
    for of in ("train", "validation", "tested", "train"):
        assert prefix.apply(ITEMS, of) is not None
    assert calls == [NETWORK]
    assert FrozenPrefix(NETWORK, 0, workspace).apply(ITEMS, "items") is not None
    assert calls == [NETWORK]


class Masking(nn.Module):
    """Rows as positions; those with a mean above zero count."""

    def forward(self, inputs: Activations) -> Masked:
        values = values_of(inputs).flatten(2).transpose(1, 2)
        return Masked(values, values.mean(2) > 0)


class Keeping(nn.Module):
    """A layer over each position, the mask handed on."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 4)

    def forward(self, inputs: Masked) -> Masked:
        return Masked(self.linear(inputs.values), inputs.mask)


class MaskedMean(nn.Module):
    """The mean over the positions that count."""

    def forward(self, inputs: Masked) -> torch.Tensor:
        weights = inputs.mask.float()
        return (inputs.values * weights.unsqueeze(2)).sum(1) / weights.sum(1, keepdim=True).clamp_min(1)


def _masked() -> Network:
    torch.manual_seed(0)
    return Network({"mask": Masking(), "one": Keeping()}, MaskedMean(), nn.Linear(4, 3))


@pytest.mark.parametrize("room", [None, 0], ids=["memory", "disk"])
def test_a_mask_is_kept_with_its_activations(
    room: int | None, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    if room is not None:
        monkeypatch.setattr(prefixes, "room", lambda _: room)
    network = _masked()
    for boundary in (1, 2):
        found = _reach(network, boundary, workspace)
        assert found is not None
        assert found.kept_in == ("memory" if room is None else "disk")
        seen, expected = found.items.inputs(CHOSEN), network.run(ITEMS.inputs(CHOSEN), 0, boundary)
        assert isinstance(seen, Masked)
        assert isinstance(expected, Masked)
        assert torch.allclose(seen.values, expected.values, atol=1e-6)
        assert torch.equal(seen.mask, expected.mask)
        assert 0 < seen.mask.float().mean() < 1
        assert torch.allclose(network(seen, boundary), network(ITEMS.inputs(CHOSEN)), atol=1e-6)
    pooled = _reach(network, 3, workspace)
    assert pooled is not None
    assert isinstance(pooled.items.inputs(CHOSEN), torch.Tensor)


def test_networks_on_masked_activations_are_not_joined(workspace: Workspace) -> None:
    network = _masked()
    found = _reach(network, 1, workspace)
    assert found is not None
    assert join([network] * 2, found.items.inputs(CHOSEN), 1) == "activations carry a mask"
    assert join([network] * 2, ITEMS.inputs(CHOSEN)) == "Masking cannot be joined"


def test_masked_activations_are_trained_on_from_a_boundary(workspace: Workspace) -> None:
    through, cached = _masked(), _masked()
    reached = FrozenPrefix(cached, 1, workspace).apply(ITEMS, "items")
    assert reached is not None
    budget, phase = Budget(steps=4, batch_size=5, learning_rates=(0.01,)), Phase(("one", HEAD))
    one, two = (
        fit([Learner(network, items, items, torch.Generator().manual_seed(0), ACCURACY)], [phase], budget, 0.01, start)[
            0
        ]
        for network, items, start in ((through, ITEMS, 0), (cached, reached.items, 1))
    )
    assert one.failure is None
    assert one.curve.train_loss == two.curve.train_loss
    assert through.checksum(["one", HEAD]) == cached.checksum(["one", HEAD])


class Disk(NamedTuple):
    """What there is on a disk."""

    free: int


def test_where_there_is_no_room_at_all_nothing_is_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "room", lambda _: 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(0))
    assert _reach(NETWORK, 2, workspace) is None
