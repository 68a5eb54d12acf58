"""Jobs are small specs that say nothing of where they were made; what is left to do is read from the records."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import SOURCE, tiny_suite
from tlbench.engine.choices import Choices
from tlbench.engine.executor import Engine
from tlbench.engine.jobs import TOGETHER, Job, Loading, Unit, block_of
from tlbench.engine.resume import all_jobs, as_json, pending, units
from tlbench.engine.tuning import Tuning
from tlbench.errors import TlbenchError
from tlbench.records import Outcome, Record, Timing
from tlbench.trials import Choice, Plan, Scoring, Trial, resolve
from tlbench.workspace import Workspace

SMALL = 20_000  # bytes
CHOSEN = {"choice": {"together": True, "channels_last": False, "shortcuts": True}, "milliseconds": {"together": 1.0}}


def _plan(workspace: Workspace, **changes: Any) -> Plan:
    shape = {"similarities": ["logme", "leep"], "controls": True, "augment": ["flip", "crop:1"], "seeds": 5}
    return resolve(tiny_suite(**shape | changes), workspace)


def _choices(plan: Plan, workspace: Workspace) -> Choices:
    """Settled beforehand: all seeds together."""
    label = plan.cells[0].conditions.setup.label
    return Choices(workspace, plan.suite, Engine("cpu", 1, 1), {f"{label}, {n} frozen": CHOSEN for n in range(5)})


def _work(workspace: Workspace, folder: Path) -> list[Any]:
    """A job's work of every kind."""
    plan = _plan(workspace)
    todo = pending(plan, folder, workspace)
    setup = plan.cells[0].conditions.setup
    tuning = Tuning(setup, 2, 16, 5)
    made = units(plan, folder, todo.trials, _choices(plan, workspace))
    assert {len(unit.trials) for unit in made} == {5}
    return [*made, *todo.loadings(bool), *todo.scorings, tuning, todo.trials[0].time, todo.trials[0].run]


def test_every_kind_of_work_is_small_and_knows_no_place(workspace: Workspace, tmp_path: Path) -> None:
    work = _work(workspace, tmp_path / "run")
    assert {type(one) for one in work} > {Unit, Loading, Scoring, Tuning}
    for one in work:
        sent = pickle.dumps(one)
        assert len(sent) < SMALL, type(one)
        for place in (workspace.storage.data, workspace.storage.cache, tmp_path):
            assert str(place).encode() not in sent


def test_work_that_has_travelled_does_the_same(workspace: Workspace, tmp_path: Path) -> None:
    """Also after it was done here: what a workspace keeps stays with it."""
    plan = _plan(workspace, seeds=2, controls=False, similarities=[])
    made = units(plan, tmp_path, plan.trials(), _choices(plan, workspace))
    for unit in made:
        here = unit(workspace)
        sent = pickle.dumps(unit)
        assert len(sent) < SMALL
        there = pickle.loads(sent)(Workspace(workspace.storage, workspace.device))
        assert [path for path, _ in there] == [path for path, _ in here] == [trial.path for trial in unit.trials]
        assert [record.outcome_digest for _, record in there] == [record.outcome_digest for _, record in here]
        together = 1 if unit.trials[0].method.name == "features" else 2  # where nothing is trained
        assert {record.environment["engine"]["n_together"] for _, record in here} == {together}


def test_a_unit_gives_the_records_that_were_asked_for(workspace: Workspace) -> None:
    trials = [cell.trial(seed) for cell in _plan(workspace).cells[:1] for seed in range(3)]
    unit = Unit(tuple(trials), (trials[1],), Choice(together=True))
    ((path, record),) = unit(workspace)
    assert path == trials[1].path
    assert record.environment["engine"]["n_together"] == 3


def test_a_source_that_cannot_be_made_ready_is_named(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    loading = pending(_plan(workspace), Path("nowhere"), workspace).loadings(bool)[0]

    def broken(*_: object) -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(type(loading.source), "prepare", broken)
    with pytest.raises(TlbenchError, match=r"source '.*' could not be made ready: MemoryError: none left"):
        loading(workspace)


def test_each_source_is_made_ready_once_and_for_each_seed_where_it_varies(workspace: Workspace) -> None:
    varying = {**SOURCE, "per_seed": True, "label": "varying"}
    one = {**SOURCE, "per_seed": False, "label": "one"}
    cross = [
        {"sources": [one, varying], "methods": ["finetune", "linear_probe"]},
        {"sources": [{"name": "matched", "source": varying}], "methods": ["finetune"]},
    ]
    plan = _plan(workspace, controls=False, seeds=7, similarities=[], cross=cross)
    todo = pending(plan, Path("nowhere"), workspace)
    joined = sorted((load.source.label, load.seeds) for load in todo.loadings(lambda _: True))
    assert joined == [("one", (0,)), ("varying", (0, 1, 2, 3, 4)), ("varying", (5, 6))]
    apart = sorted((load.source.label, load.seeds) for load in todo.loadings(lambda _: False))
    assert apart == [("one", (0,)), *(("varying", (seed,)) for seed in range(7))]


def _write(trial: Trial, folder: Path, workspace: Workspace, n_together: int = 1, **environment: Any) -> None:
    where = {"engine": {"n_together": n_together}, **environment}
    Record("trial", trial.recipe(workspace), Outcome(), Timing(), where).write(folder / trial.path)


def test_what_has_a_sound_record_is_not_done_again(workspace: Workspace, tmp_path: Path) -> None:
    plan = _plan(workspace, controls=False, seeds=2, similarities=[])
    trials = plan.trials()
    assert pending(plan, tmp_path, workspace).trials == trials == all_jobs(plan)
    _write(trials[0], tmp_path, workspace)
    (tmp_path / trials[1].path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / trials[1].path).write_text('{"cut off')
    other = Trial(trials[2].source, trials[2].method, trials[2].conditions, 7)
    Record("trial", other.recipe(workspace), Outcome(), Timing(), {}).write(tmp_path / trials[2].path)
    Record("trial", trials[3].recipe(workspace), Outcome(failure="x"), Timing(), {}).write(tmp_path / trials[3].path)
    todo = pending(plan, tmp_path, workspace)
    assert todo.trials == [trials[1], trials[2], *trials[4:]]
    assert todo.count == len(trials) - 2
    assert todo.said == [
        "2 records were made by other code and are kept (a fresh start redoes all)",
        "1 damaged records are made anew",
        "1 records have another recipe and are made anew",
        "1 failed trials are kept (a fresh start redoes all)",
    ]


@pytest.mark.parametrize(("n_together", "whole"), [(5, True), (1, False)])
def test_a_block_that_was_broken_off_is_run_in_its_old_make_up(
    n_together: int, whole: bool, workspace: Workspace, tmp_path: Path
) -> None:
    plan = _plan(workspace, controls=False, seeds=7, similarities=[])
    cell = plan.cells[0]
    for seed in (0, 1):
        _write(cell.trial(seed), tmp_path, workspace, n_together)
    todo = pending(plan, tmp_path, workspace)
    made = units(plan, tmp_path, todo.trials, _choices(plan, workspace))
    broken, later = (next(u for u in made if u.trials[0].cell == cell.path and u.block == block) for block in (0, 1))
    assert [trial.seed for trial in broken.wanted] == [2, 3, 4]
    assert [trial.seed for trial in broken.trials] == ([0, 1, 2, 3, 4] if whole else [2, 3, 4])
    assert [trial.seed for trial in later.trials] == [5, 6]
    assert [unit.block for unit in made] == sorted(unit.block for unit in made)
    assert sum(len(unit.wanted) for unit in made) == len(todo.trials)


def test_blocks_are_of_as_many_seeds_as_are_joined(workspace: Workspace) -> None:
    cell = _plan(workspace).cells[0]
    assert [block_of(cell.trial(seed)) for seed in (0, TOGETHER - 1, TOGETHER, 2 * TOGETHER)] == [0, 0, 1, 2]


def test_a_job_is_one_trial_that_nobody_shares_unless_it_says_so() -> None:
    job = Job(str, "kind", 1.0)
    assert (job.count, job.shares, job.block) == (1, None, 0)


def test_recipes_read_back_as_they_are_compared() -> None:
    assert as_json({"a": (1, (2,)), "b": None}) == {"a": [1, [2]], "b": None}
