"""The pilot: scratch at budgets that double, until it stands still; what is found holds for the whole run."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.test_study import Said
from tests.tiny import tiny_conditions, tiny_suite, tiny_trial
from tlbench.errors import TlbenchError
from tlbench.study import Means, Study
from tlbench.trials import PLAIN, Choice, Pilot, budget_lines, draw_of, resolve, tries
from tlbench.trials import pilot as pilots
from tlbench.trials.trial import Trial
from tlbench.workspace import Workspace

KEY = "patterns-1.0-n64/resnet-8-width-4-1x8x8"
OPEN: dict[str, Any] = {"epochs": None, "targets": [{"dataset": "patterns", "n_train": 64, "n_val": 160}]}
LIMIT = 0.3  # of luck
ONE = Means("cpu", 1, "fast", {"threads": 1})


def _pilot(choice: Choice | None = None) -> Pilot:
    return Pilot(tiny_trial("scratch").method, tiny_conditions(64), choice or Choice(together=True))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets of 16 to 64 steps."""
    monkeypatch.setattr(pilots, "LEAST", 16)
    monkeypatch.setattr(pilots, "MOST", 64)


@pytest.mark.parametrize(
    ("scores", "steps", "tried"),
    [
        ({64: 0.5, 128: 0.7, 256: 0.704, 512: 0.9}, 128, 3),
        ({64: 0.5, 128: 0.7, 256: 0.705, 512: 0.7}, 256, 4),
        ({64: 0.5, 128: 0.4}, 64, 2),
        ({64: 0.25, 128: 0.25, 256: 0.6, 512: 0.6}, 256, 4),
        ({64: -np.inf, 128: 0.6, 256: 0.6}, 128, 3),
        ({64 * 2**i: 0.5 + 0.05 * i for i in range(7)}, 4096, 7),
        (dict.fromkeys([64 * 2**i for i in range(7)], 0.2), 64, 7),
    ],
    ids=["still", "just a margin is a rise", "falls", "at chance is not still", "diverged", "rising", "never learnt"],
)
def test_the_smallest_budget_whose_doubling_adds_no_margin(
    scores: Mapping[int, float], steps: int, tried: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def score(_: Pilot, budget: int, __: Workspace) -> tuple[float, float]:
        seen.append(budget)
        return scores[budget], LIMIT

    monkeypatch.setattr(Pilot, "_score", score)
    assert _pilot()(workspace) == steps
    assert seen == [64 * 2**i for i in range(tried)]


@pytest.mark.parametrize("choice", [Choice(together=True), Choice()], ids=["together", "apart"])
def test_a_budgets_score_is_the_mean_of_the_seeds_best(choice: Choice, workspace: Workspace) -> None:
    """Of three trials of scratch on draws that no judged seed has."""
    pilot = _pilot(choice)
    made = pilot._tried(16, workspace)
    judged = [draw_of(pilot.conditions, seed, workspace)[0].train for seed in range(20)]
    scores = []
    for seed, (arm, _) in enumerate(made):
        own = arm.conditions
        assert (own.budget.steps, own.run_on, arm.seed) == (16, False, seed)
        drawn = draw_of(own, seed, workspace)[0].train
        assert not any(set(drawn) == set(other) for other in judged)
        scores.append(tries(Trial(None, pilot.method, own, seed).arm(workspace), Choice()).best.score)
    assert pilot._score(16, workspace)[0] == pytest.approx(sum(scores) / 3, abs=1 / 16)
    assert pilot._score(16, workspace)[1] == pytest.approx(1 / 8 + 3 * (7 / 64 / 1500) ** 0.5, abs=0.01)


def test_what_cannot_be_joined_is_piloted_apart(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _pilot(Choice())._score(16, workspace)
    monkeypatch.setattr(pilots, "joint", lambda *_: "not to be joined")
    assert _pilot()._score(16, workspace) == expected


@pytest.mark.usefixtures("short")
def test_a_run_is_piloted_once_and_goes_on_with_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, said, begun = tmp_path / "out", Said(), list[Pilot]()
    call = Pilot.__call__

    def told(self: Pilot, workspace: Workspace) -> int:
        begun.append(self)
        return call(self, workspace)

    monkeypatch.setattr(Pilot, "__call__", told)
    suite = tiny_suite(**OPEN)
    Study(suite, folder).run(progress=said, means=ONE)
    run = json.loads((folder / "run.json").read_text())
    steps = run["budgets"][KEY]
    assert list(run["budgets"]) == [KEY]
    assert steps in (16, 32, 64)
    assert {cell["target"]["steps"] for cell in run["cells"]} == {steps}
    records = [json.loads(path.read_text()) for path in folder.rglob("seed-*.json")]
    assert {record["recipe"]["budget"]["steps"] for record in records} == {steps}
    assert {record["outcome"]["steps"] for record in records} <= {0, steps}  # none of what is not trained
    line = f"target patterns-1.0-n64 with resnet-8-width-4-1x8x8: {steps} steps, "
    assert any(note.startswith(line) for note in run["notes"])
    assert any(note.startswith(line) for note in said.lines)
    assert (len(begun), begun[0].choice.together) == (1, True)
    again = Study(suite, folder).run(progress=Said(), means=ONE)
    assert (again.ran, len(begun)) == (0, 1)
    assert json.loads((folder / "run.json").read_text())["budgets"] == {KEY: steps}
    Study(tiny_suite(**OPEN, learning_rates=[0.003]), folder).run(progress=Said(), means=ONE)
    assert len(begun) == 2


@pytest.mark.usefixtures("short")
def test_each_target_has_a_pilot_and_a_budget_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells and its baselines; where no shortcuts are to be taken, pilots take none."""
    found, choices = {32: 16, 64: 48}, set[Choice]()

    def told(self: Pilot, _: Workspace) -> int:
        choices.add(self.choice)
        return found[self.conditions.target.n_train]

    monkeypatch.setattr(Pilot, "__call__", told)
    targets = [{"dataset": "patterns", "n_train": [32, 64]}]
    study = Study(tiny_suite(**OPEN | {"targets": targets}, seeds=1), tmp_path / "out")
    study.run(progress=Said(), means=replace(ONE, mode="plain"))
    assert choices == {PLAIN}
    plan = study.plan(ONE)
    taken = {t.conditions.target.n_train: t.conditions.budget.steps for t in plan.trials()}
    assert taken == {32: 16, 64: 48}


def test_a_plan_and_a_dry_run_train_nothing_and_say_what_they_reckon_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> int:
        raise AssertionError

    monkeypatch.setattr(Pilot, "__call__", never)
    study = Study(tiny_suite(**OPEN), tmp_path / "out")
    assert {cell.conditions.budget.steps for cell in study.plan(ONE).cells} == {512}
    assert "a pilot finds the steps when it is run; 512 are reckoned with until then" in study.describe(ONE)
    assert not (tmp_path / "out").exists()


def test_a_suite_that_says_its_budget_is_not_piloted(workspace: Workspace) -> None:
    for given, steps in (({"epochs": 3}, 12), ({"epochs": None, "steps": 7}, 7)):
        plan = resolve(tiny_suite(**OPEN | given), workspace)
        assert {cell.conditions.budget.steps for cell in plan.cells} == {steps}
        assert plan.unpiloted() == {}
        assert plan.piloted({KEY: 99}) is plan


def test_what_was_not_enough_is_said(workspace: Workspace) -> None:
    plan = resolve(tiny_suite(**OPEN), workspace)
    (line,) = budget_lines(plan.piloted({KEY: 4096}))
    assert line.startswith("target patterns-1.0-n64 with resnet-8-width-4-1x8x8: 4096 steps, at which a pilot ")
    assert line.endswith(" was still rising (3 seeds of its own)")


def test_a_baseline_that_trains_nothing_is_piloted_by_scratch(workspace: Workspace) -> None:
    plan = resolve(tiny_suite(**OPEN, baseline="majority"), workspace)
    (pilot,) = pilots.pilots(plan, Choice(), workspace)
    assert pilot.method.label == "scratch"


def test_a_pilot_that_fails_ends_the_run_in_a_line(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr(pilots, "tries", broken)
    with pytest.raises(
        TlbenchError, match=r"^the pilot of scratch at .* failed: RuntimeError: out of memory; give the"
    ):
        _pilot(Choice())(workspace)


def test_the_pilots_root_seed_is_the_suites_own(workspace: Workspace) -> None:
    first, other = _pilot(), _pilot()
    other = replace(other, conditions=replace(other.conditions, root_seed=1))
    seeds = [pilot._tried(16, workspace)[0][0].conditions.root_seed for pilot in (first, other)]
    assert len({*seeds, 0, 1}) == 4
