"""The forecast: steps, evaluations, readouts and sources each at what was timed, without anything being run."""

from dataclasses import replace
from typing import Any

import pytest

from tests.tiny import GREY, SOURCE, tiny_suite
from tlbench.curve import evaluation_steps
from tlbench.engine.choices import Choices
from tlbench.engine.executor import Engine
from tlbench.engine.forecast import FIT, FIT_A_VALUE, OVERHEAD, Size, pretraining_seconds, trial_seconds
from tlbench.engine.resume import pending
from tlbench.engine.tuning import Tuned, Tuning
from tlbench.network import Setup, networks
from tlbench.trials import Choice, Outline, Plan, resolve
from tlbench.workspace import Workspace

SIZE = Size(n_train=100, n_val=50, n_test=1000, batch=20, steps=100, trainings=4)
WHOLE = Tuned(Choice(), {"apart": 10.0}, reading=1.0, batch=20)
BEHIND = Tuned(Choice(), {"apart": 2.0}, reading=0.25, batch=20)
READINGS = len(evaluation_steps(100))


def test_all_of_a_network_learns() -> None:
    took = trial_seconds(SIZE, Outline(4, 0, 4), WHOLE, WHOLE, prefixed=True)
    assert took == pytest.approx(OVERHEAD + 4 * (102 * 0.010 + READINGS * 50 * 0.001) + 1000 * 0.001)


def test_a_frozen_part_is_run_once_or_at_every_step() -> None:
    parts = Outline(4, 3, 1)
    once = trial_seconds(SIZE, parts, WHOLE, BEHIND, prefixed=True)
    own = 4 * (102 * 0.002 + READINGS * 50 * 0.00025) + 1000 * 0.00025
    assert once == pytest.approx(OVERHEAD + own + 1150 * 0.00075)
    always = trial_seconds(SIZE, parts, WHOLE, BEHIND, prefixed=False)
    steps = 102 * (0.002 + 20 * 0.00075)
    assert always == pytest.approx(OVERHEAD + 4 * (steps + READINGS * 50 * 0.001) + 1000 * 0.001)


def test_a_readout_is_fits_and_one_look_at_all_items() -> None:
    fitted = Outline(4, 0, None, readouts=5, features=64)
    took = trial_seconds(SIZE, fitted, WHOLE, WHOLE, prefixed=True)
    assert took == pytest.approx(OVERHEAD + 1150 * 0.001 + 4 * (FIT + FIT_A_VALUE * 6400))
    single = trial_seconds(SIZE, replace(fitted, readouts=1), WHOLE, WHOLE, prefixed=True)
    assert single == pytest.approx(OVERHEAD + 1150 * 0.001)


def test_each_call_has_its_price_beside_the_items() -> None:
    tuned = replace(WHOLE, calling=3.0)
    assert [tuned.read_seconds(n) for n in (1, 256, 257)] == pytest.approx([0.004, 0.259, 0.263])
    assert Tuned(Choice(), {"apart": 9.6}).read_seconds(10) == pytest.approx(0.001)  # an older run's


def test_a_source_is_its_steps_and_its_evaluations() -> None:
    tuned = replace(WHOLE, batch=64)
    took = pretraining_seconds(6400, 64, 2000, tuned)
    assert took == pytest.approx(OVERHEAD + 100 * 0.010 + (READINGS + 1) * 2.0)


def _choices(plan: Plan, workspace: Workspace, **engine: Any) -> Choices:
    """Timed beforehand: a whole step 10 ms, behind frozen blocks 2, a source's 40."""
    label = plan.cells[0].conditions.setup.label
    times = {f"{label}, {n} frozen": 2.0 for n in range(1, 6)}
    times |= {f"{label}, 0 frozen": 10.0, f"{label}, source": 40.0}
    begun = {key: Tuned(Choice(), {"apart": each}, reading=0.1, batch=16).as_dict() for key, each in times.items()}
    return Choices(workspace, plan.suite, Engine("cpu", 1, 1, **engine), begun)


def test_readouts_are_not_taken_for_a_training(workspace: Workspace) -> None:
    cross = [{"sources": [SOURCE], "methods": ["features:logistic", "finetune", "direct"]}]
    plan = resolve(tiny_suite(cross=cross, epochs=500), workspace)
    choices = _choices(plan, workspace)
    seconds = {cell.method.label: choices.seconds(cell.trial(0)) for cell in plan.cells}
    assert seconds["finetune"] == pytest.approx(500 * 2 * 0.010, rel=0.2)  # and some reading of validation items
    assert seconds["direct"] < seconds["features-logistic"] < 0.5


def test_to_a_plateau_takes_more_than_the_budget(workspace: Workspace) -> None:
    found = []
    for protocols in (["equal_steps"], ["plateau", "equal_steps"]):
        plan = resolve(tiny_suite(epochs=500, protocols=protocols), workspace)
        choices, baseline = _choices(plan, workspace), plan.baseline(plan.cells[0], 0)
        found.append(choices.seconds(baseline))
        assert choices.seconds(baseline, plain=True) == pytest.approx(found[0])  # a timing pass is never run on
    assert found[1] == pytest.approx(3 * found[0], rel=0.1)


def test_without_shortcuts_frozen_blocks_are_paid_for_at_every_step(workspace: Workspace) -> None:
    plan = resolve(tiny_suite(epochs=500), workspace)
    (probe,) = (cell.trial(0) for cell in plan.cells if cell.method.label == "linear_probe")
    begun = _choices(plan, workspace)
    dear = {key: it | {"reading": 1.0 if key.endswith(" 0 frozen") else 0.0} for key, it in begun.as_dict().items()}
    choices = Choices(workspace, plan.suite, Engine("cpu", 1, 1), dear)
    assert choices.seconds(probe, plain=True) > 1000 * 16 * 0.001 > 4 * choices.seconds(probe)


def test_a_source_is_trained_once_whoever_leans_on_it(workspace: Workspace) -> None:
    source = {**SOURCE, "steps": 1000}
    cross = [{"sources": [source, {"name": "matched", "source": source}], "methods": ["finetune"]}]
    plan = resolve(tiny_suite(cross=cross), workspace)
    choices = _choices(plan, workspace)
    loadings = pending(plan, workspace.storage.cache / "none", workspace).loadings(choices.joins)
    assert [one.seeds for one in loadings] == [(0,), (1,)]  # a draw a seed, and the matched one leans on the same
    assert sum(map(choices.loading_seconds, loadings)) == pytest.approx(2 * 1000 * 0.040, rel=0.3)


def test_a_source_that_was_trained_before_takes_next_to_nothing(workspace: Workspace) -> None:
    plan = resolve(tiny_suite(), workspace)
    choices = _choices(plan, workspace)
    loading, *_ = pending(plan, workspace.storage.cache / "none", workspace).loadings(choices.joins)
    assert choices.loading_seconds(loading) > 10 * OVERHEAD
    loading(workspace)
    assert choices.loading_seconds(loading) == OVERHEAD


def test_reading_and_building_are_timed_with_the_steps(workspace: Workspace) -> None:
    setup = Setup(networks.make({"name": "resnet", "width": 8}), GREY)
    tuned = Tuning(setup, 0, 16, 2, plain=True)(workspace)
    assert tuned.batch == 16
    assert tuned.building > 0
    assert 0 < tuned.read_seconds(16) < 2 * tuned.seconds
