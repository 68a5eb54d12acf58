"""Running on: what still improves at the end of the budget is trained for longer, whatever arm it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from tests.tiny import BUDGET, tiny_conditions, tiny_trial
from tests.trials.test_starts import Custom, _dead, _everything, _two
from tlbench.dataset import Target, datasets
from tlbench.method import Budget, Materials, Start
from tlbench.metrics.accuracy import Accuracy
from tlbench.records import Outcome
from tlbench.source import sources
from tlbench.trials import Choice, Conditions, Trial, run_together
from tlbench.workspace import Workspace

SHORT = replace(BUDGET, steps=8, learning_rates=(0.003, 0.01))
CHANCE = 1 / 8


@dataclass(frozen=True)
class Coarse(Accuracy):
    """Accuracy of which only large differences count, so that rounding decides nothing."""

    margin: ClassVar[float] = 0.05


def _conditions(budget: Budget = SHORT, metric: Accuracy | None = None, *, run_on: bool = True) -> Conditions:
    target, own = Target(datasets.make("patterns"), 64, 160), tiny_conditions(budget=budget)
    return replace(own, target=target, metric=metric or own.metric, run_on=run_on)


def _run(conditions: Conditions, workspace: Workspace, method: str = "scratch", seed: int = 0) -> Outcome:
    return tiny_trial(method, "null", seed, conditions).run(workspace).outcome


def _within(outcome: Outcome) -> Outcome:
    """Without what running on has changed."""
    return replace(outcome, measured=outcome.within or outcome.measured, within={}, run_on=1, train_loss=None)


@pytest.mark.parametrize("method", ["scratch", "finetune", "linear_probe"])
def test_what_is_undertrained_is_run_on_and_its_record_holds_both_readings(method: str, workspace: Workspace) -> None:
    conditions = _conditions()
    outcome = _run(conditions, workspace, method)
    assert outcome.run_on > 1
    assert outcome.judged.score > outcome.within_budget.score
    plain = _run(replace(conditions, run_on=False), workspace, method)
    assert (plain.run_on, plain.within) == (1, {})
    assert _within(outcome) == _within(plain)
    rate = outcome.learning_rate or 0.0
    budget = replace(SHORT, steps=outcome.run_on * SHORT.steps, learning_rates=(rate,), head_rates=(rate,))
    longer = _run(_conditions(budget, run_on=False), workspace, method)
    assert (outcome.judged, outcome.train_loss) == (longer.judged, longer.train_loss)


def test_where_nothing_rises_the_arm_is_the_one_within_the_budget(workspace: Workspace) -> None:
    outcome = _run(_conditions(replace(SHORT, steps=64, learning_rates=(0.03,)), Coarse()), workspace)
    assert outcome.judged.score > 0.4
    assert (outcome.run_on, outcome.within, outcome.steps) == (1, {}, 64)
    assert outcome.curve is not None
    assert outcome.train_loss == outcome.curve.train_loss[-1]


def test_an_arm_at_chance_has_not_begun_and_goes_on(workspace: Workspace) -> None:
    """From 8 to 16 steps scratch does not move; at 64 it has learnt. Stopped there, it would make a false gain."""
    slow = replace(SHORT, learning_rates=(0.003,))
    doubled = _run(_conditions(replace(slow, steps=16), run_on=False), workspace, seed=3)
    outcome = _run(_conditions(slow, Coarse()), workspace, seed=3)
    assert doubled.judged.score < CHANCE + 0.1
    assert outcome.within_budget.score < CHANCE + 0.1
    assert outcome.run_on >= 4
    assert outcome.judged.score > 0.4


def test_a_null_source_fine_tuned_and_scratch_are_run_on_alike(workspace: Workspace) -> None:
    both = [[_run(_conditions(), workspace, method, seed) for seed in range(2)] for method in ("scratch", "finetune")]
    means = [sum(outcome.judged.score for outcome in arm) / 2 for arm in both]
    assert all(outcome.run_on > 1 for arm in both for outcome in arm)
    assert abs(means[0] - means[1]) < 0.1


@pytest.mark.parametrize(
    ("budget", "seeds", "rates", "factors"),
    [
        (replace(SHORT, steps=4, learning_rates=(0.01, 0.03)), (0, 1, 2), 2, 1),
        (replace(SHORT, steps=16, learning_rates=(0.01,)), (0, 2, 3), 1, 2),
    ],
    ids=["one chooses another rate", "one rises for longer"],
)
def test_run_on_together_is_run_on_apart(
    budget: Budget, seeds: Sequence[int], rates: int, factors: int, workspace: Workspace
) -> None:
    """Seeds of one rate are joined anew, and those that rose."""
    trials = [tiny_trial("scratch", "null", seed, _conditions(budget, Coarse())) for seed in seeds]
    apart = [trial.run(workspace).outcome for trial in trials]
    records = run_together(trials, workspace, Choice(together=True))
    together = [record.outcome for record in records]
    assert {record.environment["engine"]["n_together"] for record in records} == {3}
    assert (len({one.learning_rate for one in apart}), len({one.run_on for one in apart})) == (rates, factors)
    for one, other in zip(apart, together, strict=True):
        assert (one.run_on, one.learning_rate, one.steps) == (other.run_on, other.learning_rate, other.steps)
        assert one.judged.score == pytest.approx(other.judged.score, abs=0.02)
        assert one.within_budget.score == pytest.approx(other.within_budget.score, abs=0.02)
        assert one.train_loss == pytest.approx(other.train_loss, abs=0.01)
    assert max(outcome.run_on for outcome in apart) > 1


def test_of_several_candidates_the_better_one_is_run_on(workspace: Workspace) -> None:
    def dead_first(materials: Materials) -> Start:
        return replace(_dead(materials), alternatives=(_everything(materials),))

    conditions = _conditions(replace(SHORT, learning_rates=(0.03,)))
    alone, first, last = (
        Trial(sources.make("null"), Custom(made=made), conditions, 0).run(workspace).outcome
        for made in (_everything, _two, dead_first)
    )
    assert alone.run_on > 1
    assert alone.judged == first.judged == last.judged
    assert alone.run_on == first.run_on == last.run_on


@pytest.mark.parametrize("method", ["features", "majority"])
def test_what_is_not_trained_is_not_run_on(method: str, workspace: Workspace) -> None:
    both = [_run(_conditions(run_on=run_on), workspace, method) for run_on in (False, True)]
    assert both[0] == both[1]
    assert (both[1].failure, both[1].run_on, both[1].train_loss) == (None, 1, None)


def test_the_timing_pass_keeps_to_the_budget_and_times_the_same_recipe(workspace: Workspace) -> None:
    trial = tiny_trial("scratch", conditions=_conditions())
    timed, run = trial.time(workspace), trial.run(workspace)
    assert (timed.recipe_digest, timed.outcome.run_on) == (run.recipe_digest, 1)
    assert timed.outcome.judged == run.outcome.within_budget
    assert run.outcome.run_on > 1


def test_a_diverging_arm_is_not_run_on(workspace: Workspace) -> None:
    budget = replace(SHORT, steps=60, learning_rates=(1e30,))
    record = tiny_trial("scratch", conditions=_conditions(budget)).run(workspace)
    assert record.status == "failed"
    assert (record.outcome.run_on, record.outcome.within) == (1, {})
