"""The one loop: budgets, schedules, clocks, freezing, failure, and seeds trained side by side."""

import math
import time

import pytest
import torch
from torch import Tensor

from tests.tiny import ACCURACY
from tlbench.curve import evaluation_steps
from tlbench.method import Batch, Budget, Penalty, Phase
from tlbench.network import HEAD, Activations, Network, networks, values_of
from tlbench.training.items import Encoded
from tlbench.training.learners import Learner, predict
from tlbench.training.loop import Clock, Fitted, fit, seconds_a_step
from tlbench.training.prefix import FrozenPrefix
from tlbench.workspace import Workspace

BUDGET = Budget(steps=12, batch_size=16, learning_rates=(0.01,))


def _items(seed: int, n: int = 48) -> Encoded:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    means = torch.eye(3).repeat_interleave(64 // 3 + 1, 1)[:, :64].view(3, 1, 8, 8)
    return Encoded(3 * means[labels] + torch.randn(n, 1, 8, 8, generator=generator), labels)


def _learner(seed: int) -> Learner:
    torch.manual_seed(seed)
    network = networks.make({"name": "resnet", "width": 4}).build((1, 8, 8), 3)
    return Learner(network, _items(seed), _items(seed + 100), torch.Generator().manual_seed(seed), ACCURACY)


def _all(network: Network) -> tuple[str, ...]:
    return (*network.names, HEAD)


def _fit(learner: Learner, *phases: Phase) -> Fitted:
    return fit([learner], phases or [Phase(_all(learner.network))], BUDGET, 0.01)[0]


def test_training_learns_and_reads_the_curve_at_the_fixed_steps() -> None:
    learner = _learner(0)
    fitted = _fit(learner)
    assert fitted.failure is None
    assert fitted.curve.steps == evaluation_steps(BUDGET.steps)
    assert fitted.curve.train_loss[0] is None
    reached = ACCURACY.value(predict(learner.network, learner.validation), learner.validation.labels)
    assert fitted.curve.validation_score[-1] == reached > 0.8
    assert list(fitted.curve.seconds) == sorted(fitted.curve.seconds)


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = _learner(3), _learner(3)
    assert _fit(first).curve.train_loss == _fit(second).curve.train_loss
    assert first.network.checksum(_all(first.network)) == second.network.checksum(_all(second.network))


def test_seeds_trained_side_by_side_are_as_if_alone() -> None:
    together = [_learner(seed) for seed in (0, 1, 2)]
    alone = [_learner(seed) for seed in (0, 1, 2)]
    grouped = fit(together, [Phase(_all(together[0].network))], BUDGET, 0.01)
    for one, learner, group in zip(alone, together, grouped, strict=True):
        assert _fit(one).curve.validation_score == group.curve.validation_score
        assert one.network.checksum(_all(one.network)) == learner.network.checksum(_all(learner.network))


def test_frozen_parts_keep_every_bit_batchnorm_statistics_included() -> None:
    learner = _learner(1)
    frozen = learner.network.names[:2]
    before, moved = learner.network.checksum(frozen), learner.network.checksum(["layer3"])
    _fit(learner, Phase(("layer2", "layer3", HEAD)))
    assert learner.network.checksum(frozen) == before
    assert learner.network.checksum(["layer3"]) != moved


def test_training_on_a_cached_prefix_equals_training_through_it(workspace: Workspace) -> None:
    through, cached = _learner(2), _learner(2)
    plain = _fit(through, Phase(("layer3", HEAD)))
    parts = {"train": cached.train, "validation": cached.validation}
    prefix = FrozenPrefix(cached.network, 3, workspace)
    found = [prefix.apply(items, of) for of, items in parts.items()]
    items = [one.items for one in found if one is not None]
    short = fit(
        [Learner(cached.network, items[0], items[1], cached.order, ACCURACY)],
        [Phase(("layer3", HEAD))],
        BUDGET,
        0.01,
        3,
    )[0]
    assert short.curve.train_loss == plain.curve.train_loss
    assert cached.network.checksum(_all(cached.network)) == through.network.checksum(_all(through.network))


def test_phases_share_the_budget() -> None:
    learner = _learner(4)
    fitted = _fit(learner, Phase((HEAD,), share=0.5), Phase(_all(learner.network), share=0.5))
    assert fitted.curve.steps[-1] == BUDGET.steps


def test_a_learning_rate_factor_of_zero_leaves_a_part_where_it_is() -> None:
    learner = _learner(5)
    weights = [p.clone() for p in learner.network.part("stem").parameters()]
    _fit(learner, Phase(_all(learner.network), factors={"stem": 0.0}))
    assert all(torch.equal(a, b) for a, b in zip(weights, learner.network.part("stem").parameters(), strict=True))


def test_a_penalty_sees_network_inputs_and_features_and_changes_the_result() -> None:
    seen: list[tuple[int, ...]] = []

    def penalty(batch: Batch) -> Tensor:
        seen.append((*values_of(batch.inputs).shape, *batch.features.shape))
        return 10 * batch.features.square().mean() + 0 * batch.network.head.weight.sum()

    plain, held = _learner(6), _learner(6)
    _fit(plain)
    _fit(held, Phase(_all(held.network), penalty=Penalty(penalty)))
    assert set(seen) == {(16, 1, 8, 8, 16, 16)}
    assert plain.network.checksum([HEAD]) != held.network.checksum([HEAD])


def test_a_loss_that_is_not_finite_fails_one_seed_and_not_its_neighbour() -> None:
    bad, good = _learner(7), _learner(8)
    bad.train.labels[:] = 0
    with torch.no_grad():
        bad.network.head.weight.fill_(math.nan)
    failed, fine = fit([bad, good], [Phase(_all(bad.network))], BUDGET, 0.01)
    assert "not finite" in str(failed.failure)
    assert fine.failure is None
    assert fine.curve.steps[-1] == BUDGET.steps


def test_evaluation_is_outside_the_clock() -> None:
    learner = _learner(9)

    class Slow(Encoded):
        def inputs(self, chosen: Tensor) -> Activations:
            time.sleep(0.05)
            return super().inputs(chosen)

    slow = Slow(values_of(learner.validation.inputs(torch.arange(48))), learner.validation.labels)
    start = time.perf_counter()
    fitted = fit(
        [Learner(learner.network, learner.train, slow, learner.order, ACCURACY)],
        [Phase(_all(learner.network))],
        BUDGET,
        0.01,
    )[0]
    waited = 0.05 * len(fitted.curve.steps)
    assert fitted.seconds <= time.perf_counter() - start - waited


def test_predict_leaves_modes_and_order_alone() -> None:
    network = _learner(0).network
    network.move_only(["layer3"])
    modes = [module.training for module in network.modules()]
    outputs = predict(network, _items(0))
    assert [module.training for module in network.modules()] == modes
    sixth = Encoded(values_of(_items(0).inputs(torch.tensor([5]))), torch.zeros(1))
    assert torch.equal(outputs[5:6].argmax(1), predict(network, sixth).argmax(1))


def test_the_learning_rate_rises_then_falls() -> None:
    rates = [BUDGET.rate(step / 100) for step in range(101)]
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert max(rates) == pytest.approx(1)
    assert rates[-1] == pytest.approx(0)


def test_an_epoch_counts_full_batches() -> None:
    assert Budget(batch_size=32).epoch(100) == 3
    assert Budget(batch_size=32).epoch(20) == 1


def test_the_clock_adds_up_only_what_runs_within_it() -> None:
    clock = Clock(torch.device("cpu"))
    with clock.running():
        time.sleep(0.02)
    first = clock.seconds
    time.sleep(0.02)
    assert clock.seconds == first >= 0.02


def test_a_step_has_a_cost() -> None:
    learner = _learner(0)
    assert seconds_a_step([learner], Phase(_all(learner.network)), 16, 0, None) > 0
