"""Phases: their schedule, weight decay, moments, what moves within a part, and penalties."""

from collections.abc import Sequence
from typing import Literal

import pytest
import torch
from torch import Tensor

from tests.tiny import ACCURACY
from tlbench.errors import TlbenchError
from tlbench.method import Batch, Budget, Penalty, Phase
from tlbench.network import HEAD, Network, networks, values_of
from tlbench.training.items import Encoded
from tlbench.training.learners import Learner
from tlbench.training.loop import Fitted, fit
from tlbench.training.optimizer import AdamW

STEPS, PEAK = 24, 0.01
BUDGET = Budget(STEPS, batch_size=16, learning_rates=(0.01,))
ALL = ("stem", "layer1", "layer2", "layer3", HEAD)
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def _items(seed: int, n: int = 48) -> Encoded:
    generator = torch.Generator().manual_seed(seed)
    return Encoded(torch.randn(n, 1, 8, 8, generator=generator), torch.arange(n) % 3)


def _network(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return networks.make({"name": "resnet", "width": 4}).build((1, 8, 8), 3)


def _fit(network: Network, *phases: Phase, budget: Budget = BUDGET) -> Fitted:
    learner = Learner(network, _items(1), _items(2), torch.Generator().manual_seed(3), ACCURACY)
    return fit([learner], phases, budget, PEAK)[0]


def _trained(*phases: Phase, budget: Budget = BUDGET) -> Network:
    network = _network()
    assert _fit(network, *phases, budget=budget).failure is None
    return network


def _same(one: Network, other: Network) -> bool:
    return one.checksum(ALL) == other.checksum(ALL)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Learning rate and weight decay of each step that moves something."""
    seen: list[tuple[float, float]] = []
    step = AdamW.step

    def told(self: AdamW, rate: float) -> None:
        if rate:  # a first of its kind is taken at 0, on a copy
            seen.append((rate, self.weight_decay))
        step(self, rate)

    monkeypatch.setattr(AdamW, "step", told)
    return seen


def _rates(n: int) -> list[float]:
    """Warm-up and decay over n steps."""
    return [PEAK * BUDGET.rate(i / n) for i in range(n)]


def test_a_continued_schedule_goes_on_along_the_budgets(steps: list[tuple[float, float]]) -> None:
    _trained(Phase((HEAD,), 0.5), Phase(ALL, 0.5))
    assert [rate for rate, _ in steps] == _rates(STEPS)


def test_a_restarted_schedule_has_warm_up_and_decay_within_the_phase(steps: list[tuple[float, float]]) -> None:
    _trained(Phase((HEAD,), 0.25), Phase(ALL, 0.75, schedule="restarted"))
    rates = [rate for rate, _ in steps]
    assert rates == [*_rates(STEPS)[:6], *_rates(18)]
    assert rates[6] == pytest.approx(0.1 * PEAK)
    assert max(rates[6:]) > 0.99 * PEAK
    del steps[:]
    _trained(Phase((HEAD,), 0.5, schedule="restarted"), Phase(ALL, 0.5, schedule="restarted"))
    assert [rate for rate, _ in steps] == _rates(12) * 2


def test_a_phase_may_have_a_weight_decay_of_its_own(steps: list[tuple[float, float]]) -> None:
    _trained(Phase(ALL, 0.5, weight_decay=0.3), Phase(ALL, 0.25), Phase(ALL, 0.25, weight_decay=0.0))
    assert [decay for _, decay in steps] == [0.3] * 12 + [BUDGET.weight_decay] * 6 + [0.0] * 6


def test_a_weight_decay_of_a_phase_is_that_of_a_budget() -> None:
    own = _trained(Phase(ALL, weight_decay=0.3))
    assert _same(own, _trained(Phase(ALL), budget=Budget(STEPS, 16, (0.01,), 0.3)))
    assert not _same(own, _trained(Phase(ALL)))


@pytest.mark.parametrize(("optimizer", "same"), [("kept", True), ("new", False)])
def test_moments_that_are_kept_make_two_phases_one(optimizer: Literal["kept", "new"], same: bool) -> None:
    whole, halves = _network(), _network()
    one = _fit(whole, Phase(ALL))
    two = _fit(halves, Phase(ALL, 0.5), Phase(ALL, 0.5, optimizer=optimizer))
    assert _same(whole, halves) == same
    assert (one.curve.train_loss == two.curve.train_loss) == same
    assert one.curve.train_loss[:10] == two.curve.train_loss[:10]


def test_moments_are_kept_of_what_moved_before() -> None:
    kept, new = (_trained(Phase((HEAD,), 0.5), Phase(ALL, 0.5, optimizer=how)) for how in ("kept", "new"))
    assert kept.checksum([HEAD]) != new.checksum([HEAD])


def test_what_did_not_move_before_begins_anew() -> None:
    old, fresh = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    first = AdamW([([old], 1.0)], 0.0)
    old.sum().backward()
    first.step(0.1)
    groups = {group.factor: group for group in AdamW([([fresh], 0.5), ([old], 2.0)], 0.0, first)._groups}
    assert {factor: [float(count) for count in group.counts] for factor, group in groups.items()} == {
        0.5: [0],
        2.0: [1],
    }
    assert torch.equal(groups[2.0].first[0], first._groups[0].first[0])
    assert torch.equal(groups[0.5].first[0], torch.zeros(3))


@pytest.mark.parametrize(
    ("moving", "moved", "statistics"),
    [
        (("layer2/*.bias",), {"layer2.0.bn1.bias", "layer2.0.bn2.bias"}, {"layer2.0.bn1", "layer2.0.bn2"}),
        (("layer3/0.bn1.*", "head/bias"), {"layer3.0.bn1.weight", "layer3.0.bn1.bias", "head.bias"}, {"layer3.0.bn1"}),
        (("layer2/*conv1*",), {"layer2.0.conv1.weight"}, set()),
    ],
)
def test_only_the_parameters_that_are_named_move(
    moving: tuple[str, ...], moved: set[str], statistics: set[str]
) -> None:
    """Running statistics move where their own layer does."""
    network = _network()
    before = {name: value.clone() for name, value in network.frozen_tensors(()).items()}
    _fit(network, Phase(moving))
    after = network.frozen_tensors(())
    changed = {name for name, value in before.items() if not torch.equal(after[name], value)}
    assert changed == moved | {f"{layer}.{name}" for layer in statistics for name in STATISTICS}
    assert not changed & network.frozen_tensors(moving).keys()


def test_factors_are_by_entry() -> None:
    network = _network()
    before = {name: value.clone() for name, value in network.frozen_tensors(()).items()}
    _fit(network, Phase(("layer2/*.bias", "layer2/*.weight", HEAD), factors={"layer2/*.weight": 0.0}))
    after = network.frozen_tensors(())
    assert torch.equal(after["layer2.0.bn1.weight"], before["layer2.0.bn1.weight"])
    assert not torch.equal(after["layer2.0.bn1.bias"], before["layer2.0.bn1.bias"])


def test_a_parameter_that_two_entries_name_moves_once_at_the_last_ones_factor() -> None:
    whole, twice, slower = _network(), _network(), _network()
    _fit(whole, Phase(("layer3", HEAD)))
    _fit(twice, Phase(("layer3", "layer3/*.bias", "layer3/0.*", HEAD)))
    assert _same(whole, twice)
    before = {name: value.clone() for name, value in slower.frozen_tensors(()).items()}
    _fit(slower, Phase(("layer3", "layer3/*.bias", HEAD), factors={"layer3/*.bias": 0.0}))
    after = slower.frozen_tensors(())
    assert torch.equal(after["layer3.0.bn1.bias"], before["layer3.0.bn1.bias"])
    assert not torch.equal(after["layer3.0.bn1.weight"], before["layer3.0.bn1.weight"])


@pytest.mark.parametrize(("entry", "said"), [("layer9", "part of the network 'layer9'"), ("stem/x", "fits 'x'")])
def test_a_phase_that_moves_what_is_not_there_is_told(entry: str, said: str) -> None:
    with pytest.raises(TlbenchError, match=said):
        _fit(_network(), Phase((HEAD, entry)))


class Seen:
    """A penalty that keeps what it was given and is a constant."""

    def __init__(self, value: float = 5.0) -> None:
        self.batches: list[Batch] = []
        self.value = value

    def __call__(self, batch: Batch) -> Tensor:
        self.batches.append(batch)
        return torch.tensor(self.value)


def test_a_penalty_sees_a_step() -> None:
    seen, network, source = Seen(), _network(), _network(1).eval()
    _fit(network, Phase(ALL, penalty=Penalty(seen, ("layer1", "layer3"), source)))
    assert len(seen.batches) == STEPS
    batch = seen.batches[0]
    assert batch.network is network
    assert batch.source is source
    assert (batch.start, values_of(batch.inputs).shape) == (0, (16, 1, 8, 8))
    assert list(batch.activations) == ["layer1", "layer3"]
    assert values_of(batch.activations["layer1"]).shape == (16, 4, 8, 8)
    pooled = values_of(network.pooling(batch.activations["layer3"]))
    assert torch.equal(pooled, batch.features)
    assert batch.features.shape == (16, 16)
    assert batch.logits.shape == (16, 3)
    order = torch.randperm(48, generator=torch.Generator().manual_seed(3))
    labels = torch.cat([one.labels for one in seen.batches[:3]])
    assert torch.equal(labels, _items(1).labels[order])


def test_a_penalty_asks_for_no_more_than_it_names() -> None:
    seen = Seen()
    _fit(_network(), Phase(ALL, penalty=Penalty(seen)))
    assert (seen.batches[0].activations, seen.batches[0].source) == ({}, None)


def test_a_penaltys_loss_is_added() -> None:
    plain, constant, steep = _network(), _network(), _network()
    one = _fit(plain, Phase(ALL))
    two = _fit(constant, Phase(ALL, penalty=Penalty(Seen(5.0))))
    assert two.curve.train_loss[1:] == pytest.approx(_plus(5, one.curve.train_loss[1:]), rel=1e-5)
    assert _same(plain, constant)
    _fit(steep, Phase(ALL, penalty=Penalty(lambda batch: 10 * batch.logits.square().mean())))
    assert not _same(plain, steep)
    assert steep.head.weight.norm() < plain.head.weight.norm()


def _plus(added: float, losses: Sequence[float | None]) -> list[float]:
    return [loss + added for loss in losses if loss is not None]


def test_a_penalty_belongs_to_its_phase() -> None:
    seen = Seen()
    _fit(_network(), Phase(ALL, 0.5), Phase(ALL, 0.5, penalty=Penalty(seen, ("stem",))))
    assert len(seen.batches) == STEPS / 2


def test_moments_are_kept_over_a_phase_in_which_a_part_rests() -> None:
    kept, new = (
        _trained(Phase((HEAD,), 0.25), Phase(("layer3",), 0.25, optimizer="kept"), Phase((HEAD,), 0.5, optimizer=how))
        for how in ("kept", "new")
    )
    assert kept.checksum([HEAD]) != new.checksum([HEAD])
