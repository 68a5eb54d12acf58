"""The scheme: how arms and baselines are compared, and at which looks, is fixed before any result and kept."""

from pathlib import Path
from typing import Any

import pytest

from tests.synthetic import run_of
from tests.tiny import tiny_suite
from tlbench.errors import TlbenchError
from tlbench.judging.verdict import note_reported
from tlbench.runfile import LOOKS, WEIGHTS, Run, read_run
from tlbench.study import Means, Study
from tlbench.trials import Scheme, scheme_of

ONE = Means("cpu", 1)
PAIRED, WELCH = {"pairing": "paired"}, {"pairing": "welch"}


def begun(seeds: int = 5, reported: tuple[int, ...] = (), **changes: Any) -> Run:
    return run_of([], seeds, reported=reported, **changes)


def of(run: Run | None, **suite: Any) -> Scheme:
    return scheme_of(tiny_suite(**suite), run)


def test_unpaired_with_surplus_baseline_seeds_is_the_default() -> None:
    found = of(None, verdict={}, seeds=5)
    assert (found.pairing, found.surplus, found.looks, found.weights) == ("welch", 2, (5,), (1.0,))
    assert of(None, seeds=5).surplus == 1


def test_a_design_stays_what_it_was_when_the_run_was_begun() -> None:
    with pytest.raises(TlbenchError, match='begun with pairing = "paired", and the suite asks for "welch"'):
        of(begun(), verdict=WELCH)
    assert of(begun(design="by a pilot"), verdict={"pairing": "pilot"}).why == "by a pilot"


def test_what_was_not_reported_may_be_planned_anew() -> None:
    found = of(begun(5), seeds=10)
    assert (found.looks, found.weights, found.late) == ((10,), (1.0,), False)


def test_a_later_look_shares_the_level_with_what_was_reported() -> None:
    found = of(begun(5, (5,)), seeds=10)
    assert (found.looks, found.weights, found.late) == (LOOKS, WEIGHTS, True)
    assert of(begun(5, (5,)), seeds=5).weights == (1.0,)
    odd = of(begun(7, (7,)), seeds=12)
    assert (odd.looks, odd.weights, odd.late) == ((7, 12), WEIGHTS[:2], True)


def test_looks_of_an_adaptive_run_are_no_late_ones() -> None:
    auto = begun(5, (5, 10), looks=LOOKS, weights=WEIGHTS)
    assert not of(auto, seeds="auto").late
    assert of(begun(5, (5,)), seeds="auto").late


def test_without_level_no_further_look_is_given() -> None:
    with pytest.raises(TlbenchError, match="shown here at 5, 7, 9 seeds, and no level is left"):
        of(begun(9, (5, 7, 9)), seeds=11)


def test_verdicts_that_are_shown_are_kept_and_judged_with_what_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    study = Study(tiny_suite(seeds=5), folder)
    study.run(means=ONE)
    assert read_run(folder).reported == ()
    assert study.judge().verdicts[0].interval_level == pytest.approx(0.95)
    assert read_run(folder).reported == (5,)
    more = Study(tiny_suite(seeds=6), folder)
    more.run(means=ONE)
    judged = more.judge()
    assert (judged.run.looks, judged.run.weights, judged.run.late) == ((5, 6), WEIGHTS[:2], True)
    assert judged.verdicts[0].interval_level == pytest.approx(1 - 0.05 * 0.3)
    assert read_run(folder).reported == (5, 6)


def test_a_half_finished_run_is_no_look(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    study = Study(tiny_suite(seeds=2), folder)
    study.run(means=ONE)
    next(folder.rglob("finetune/seed-1.json")).unlink()
    note_reported(study.judge())
    assert read_run(folder).reported == ()


def test_baselines_have_twice_the_seeds_where_nothing_is_paired() -> None:
    suite = tiny_suite(seeds=2, verdict=WELCH, cross=[{"sources": ["null"], "methods": ["finetune"]}])
    plan = Study(suite, "nowhere").plan(ONE)
    seeds = [(trial.method.label, trial.seed) for trial in plan.trials()]
    assert sorted(seeds) == [("finetune", 0), ("finetune", 1), *(("scratch", seed) for seed in range(4))]


def test_a_pilot_decides_and_says_why(tmp_path: Path) -> None:
    suite = tiny_suite(
        seeds=5, epochs=10, verdict={"pairing": "pilot"}, cross=[{"sources": ["null"], "methods": ["finetune"]}]
    )
    study = Study(suite, tmp_path / "out")
    assert "decided by a pilot of 5 seeds" in study.describe(ONE)
    study.run(means=ONE)
    run, pilot = read_run(tmp_path / "out"), read_run(tmp_path / "out-pilot")
    assert run.design.startswith("by a pilot: at 5 seeds paired gains would show ")
    assert run.verdict.pairing in ("paired", "welch")
    assert pilot.suite.root_seed != run.suite.root_seed
    assert "would see more: at 5 seeds" in study.describe(ONE)
    assert study.run(means=ONE).ran == 0
