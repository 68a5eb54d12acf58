"""Studies: run.json first, resume, redo what changed, keep what is done, whatever the number of workers."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.synthetic import run_of
from tests.tiny import SOURCE, tiny_suite, tiny_trial
from tlbench import environment
from tlbench.engine import Mode
from tlbench.engine.jobs import Unit
from tlbench.engine.progress import Progress
from tlbench.engine.resume import pending, units
from tlbench.engine.tuning import Tuned, Tuning
from tlbench.errors import TlbenchError
from tlbench.frame import read
from tlbench.judging import target_scores
from tlbench.judging.verdict import verdicts
from tlbench.records import Outcome, read_record
from tlbench.runfile import Run as PlannedRun
from tlbench.study import Limits, Means, Ran, Study
from tlbench.trials.choice import Choice
from tlbench.trials.plan import resolve
from tlbench.trials.planfile import notes
from tlbench.workspace import Workspace


class Said(Progress):
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


ONE = Means("cpu", 1)
TWO = [{"sources": [SOURCE], "methods": ["last_k:1", "finetune"]}]  # none of which has a convex head beside it
MODES: tuple[Mode, ...] = ("fast", "plain")


def _study(folder: Path, **changes: Any) -> Study:
    return Study(tiny_suite(**{"cross": TWO, **changes}), folder)


def _run(folder: Path, progress: Progress | None = None, means: Means = ONE, **changes: Any) -> Ran:
    return _study(folder, **changes).run(progress=progress or Said(), means=means)


def _outcomes(folder: Path) -> dict[str, Any]:
    found = {str(p.relative_to(folder)): json.loads(p.read_text()) for p in sorted(folder.rglob("seed-*.json"))}
    return {path: (plain["recipe"], plain["outcome"]) for path, plain in found.items()}


def test_a_run_writes_run_json_and_a_record_a_trial(tmp_path: Path) -> None:
    cross = [{"sources": [SOURCE], "methods": ["linear_probe", "finetune"]}]
    study = _study(tmp_path / "out", similarities=["leep"], cross=cross)
    outcome = study.run(progress=Said(), means=ONE)
    assert (outcome.ran, outcome.kept, outcome.failed) == (2 * (1 + 1 + 2 + 1), 0, 0)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["cells"][0]["baseline"] == "patterns-1.0-n32/resnet-8-width-4-1x8x8/scratch"
    assert run["target_scores"][run["cells"][0]["baseline"]] > 0
    assert len(read(tmp_path / "out")) == 8


def test_constructing_reads_writes_and_sets_nothing(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    suite = {"targets": [{"dataset": "folder:/nowhere", "n_train": 9}], "cross": []}
    study = Study(suite | {"cross": [{"sources": ["null"], "methods": ["finetune"]}]}, str(tmp_path / "out"))
    Study("no such suite", tmp_path / "out")
    assert (torch.get_num_threads(), list(tmp_path.iterdir())) == (threads, [])
    with pytest.raises(TlbenchError, match="no folder at /nowhere"):
        study.run(means=ONE, progress=Said())
    with pytest.raises(TlbenchError, match="give the folder that a run was written to"):
        study.judge()


@pytest.mark.parametrize("version", [1, 2, 4])
def test_a_run_of_another_schema_version_is_not_written_over(version: int, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    _run(folder)
    before = _outcomes(folder)
    manifest = folder / "run.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema_version": version}))
    with pytest.raises(TlbenchError, match=rf"holds a run of schema version {version}, this tlbench writes 3"):
        _run(folder)
    assert _outcomes(folder) == before
    assert _study(folder).clear() == 0
    assert _run(folder).ran == 6


def test_what_the_program_itself_defines_is_run_in_its_process(tmp_path: Path) -> None:
    """Such a class cannot be found by workers; the run says so instead of ending with a broken one."""
    script = """
        from dataclasses import dataclass
        from tests.tiny import tiny_suite
        from tlbench import Method, Phase, Start, Study

        @dataclass(frozen=True)
        class HeadOnly(Method):
            def start(self, materials):
                return Start(materials.transferred(), (Phase(("head",)),))

        cross = [{"sources": ["null"], "methods": [HeadOnly()]}]
        print(Study(tiny_suite(cross=cross), "out").run(device="cpu", jobs=2))
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(script))
    command = [sys.executable, "-W", "ignore", "script.py"]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "Ran(ran=4, kept=0, failed=0, missing=0)" in done.stdout, done.stderr
    assert "HeadOnly is defined in the program itself" in done.stderr


@pytest.mark.parametrize("jobs", [0, -2])
def test_fewer_than_one_worker_is_refused(jobs: int, tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match="at least 1 is needed"):
        _study(tmp_path / "out").run(device="cpu", jobs=jobs)


def test_seeds_of_an_earlier_run_beyond_those_planned_are_not_judged(tmp_path: Path) -> None:
    """Neither scores nor failures; they are of another recipe."""
    _run(tmp_path / "out", seeds=4, epochs=1)
    _run(tmp_path / "out", seeds=2, epochs=6)
    _run(tmp_path / "other", seeds=2, epochs=6)
    judged, alone = (_study(tmp_path / name, seeds=2).judge() for name in ("out", "other"))
    assert [v.score for v in judged.verdicts] == pytest.approx([v.score for v in alone.verdicts], abs=0.01)
    assert all(set(cell.own.records) | set(cell.base.records) == {0, 1} for cell in judged.cells)


def test_timings_of_another_recipe_are_not_judged(tmp_path: Path) -> None:
    _run(tmp_path / "out", epochs=1)
    _study(tmp_path / "out", epochs=1).time(progress=Said(), means=ONE)
    assert not any(v.cost["estimated"] for v in _study(tmp_path / "out").judge().verdicts)
    _run(tmp_path / "out", epochs=2)
    assert all(v.cost["estimated"] for v in _study(tmp_path / "out").judge().verdicts)


def test_nothing_is_timed_before_it_is_run(tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match=r"nothing has been run in .* yet"):
        _study(tmp_path / "out").time(progress=Said(), means=ONE)
    assert not (tmp_path / "out").exists()


def test_a_second_run_of_one_study_sees_changed_data(tmp_path: Path) -> None:
    random = np.random.default_rng(0)

    def write() -> None:
        images = random.integers(0, 256, (90, 8, 8)).astype(np.uint8)
        np.savez(tmp_path / "mine.npz", train_images=images, train_labels=np.arange(90) % 2)

    write()
    cross = [{"sources": ["null"], "methods": ["finetune"]}]
    targets = [{"dataset": f"npz:{tmp_path / 'mine.npz'}", "n_train": 20}]
    study = _study(tmp_path / "out", targets=targets, cross=cross)
    assert study.run(progress=Said(), means=ONE).ran == 4
    assert study.run(progress=Said(), means=ONE).ran == 0
    write()
    assert study.run(progress=Said(), means=ONE).ran == 4


def test_a_run_leaves_threads_as_they_were(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    _run(tmp_path / "out", means=Means("cpu", 1, "fast", {"threads": 2}))
    assert torch.get_num_threads() == 1


def test_a_judged_run_is_a_table(tmp_path: Path) -> None:
    _run(tmp_path / "out")
    judged = _study(tmp_path / "out").judge()
    table = judged.frame()
    assert list(table["method"]) == ["last_k-1", "finetune"]
    assert {"gain", "interval_low", "interval_high", "source_spec"} <= set(table)
    assert "convergence" not in table
    assert "<table" in judged._repr_html_()
    assert repr(judged).startswith("Judged(")


def test_run_json_stands_before_the_first_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Unit, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "out")
    assert (tmp_path / "out" / "run.json").exists()


def test_a_second_run_does_only_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    _run(folder)
    before = _outcomes(folder)
    gone = next(folder.rglob("finetune/seed-1.json"))
    gone.unlink()
    outcome = _run(folder)
    assert (outcome.ran, outcome.kept) == (1, 5)
    assert _outcomes(folder) == before


def test_more_seeds_add_trials_and_redo_none(tmp_path: Path) -> None:
    _run(tmp_path / "out")
    outcome = _run(tmp_path / "out", seeds=3)
    assert (outcome.ran, outcome.kept) == (3, 6)


def test_a_record_of_another_recipe_is_redone_and_said(tmp_path: Path) -> None:
    _run(tmp_path / "out")
    said = Said()
    outcome = _run(tmp_path / "out", epochs=3, progress=said)
    assert outcome.ran == 6
    assert "6 records have another recipe and are made anew" in said.lines


def test_records_of_other_code_are_kept_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(tmp_path / "out")
    monkeypatch.setattr(environment, "code_digest", lambda: "other")
    said = Said()
    assert _run(tmp_path / "out", progress=said).ran == 0
    assert "6 records were made by other code and are kept (a fresh start redoes all)" in said.lines


def test_a_damaged_record_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    _run(folder)
    broken = next(folder.rglob("finetune/seed-0.json"))
    broken.write_text(broken.read_text()[:100])
    said = Said()
    assert _run(folder, progress=said).ran == 1
    assert "1 damaged records are made anew" in said.lines
    assert read_record(broken, Outcome) is not None


def test_workers_give_the_same_outcomes_as_one_process(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    study = _study(one)
    (one).mkdir()
    run_of([], engine={"threads": 1}).write(one)
    study = _study(one)
    study.run(progress=Said(), means=ONE)
    two.mkdir()
    (two / "run.json").write_text((one / "run.json").read_text())
    _run(two, means=Means("cpu", 2))
    assert _outcomes(one) == _outcomes(two)


def test_the_plain_engine_gives_the_same_accuracies_within_noise(tmp_path: Path) -> None:
    """Grouped, cached and laid out as timing says, against every trial alone: a test item or two of 800."""
    accuracies = []
    for mode in MODES:
        _run(tmp_path / mode, means=Means("cpu", 1, mode, {"threads": 1}))
        accuracies.append(
            {path: plain["measured"]["accuracy"]["score"] for path, (_, plain) in _outcomes(tmp_path / mode).items()}
        )
    fast, plain = accuracies
    assert fast.keys() == plain.keys()
    assert max(abs(fast[path] - plain[path]) for path in fast) <= 0.01
    record = read_record(next((tmp_path / "plain").rglob("last_k-1/seed-0.json")), Outcome)
    assert record is not None
    assert record.environment["engine"] == {
        "together": False,
        "channels_last": False,
        "shortcuts": False,
        "n_together": 1,
        "apart": None,
    }


def test_a_broken_off_block_is_run_in_its_old_make_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tuning, "__call__", lambda *_: Tuned(Choice(together=True), {"together": 1.0}))
    study = _study(tmp_path / "out")
    study.run(progress=Said(), means=ONE)
    before = _outcomes(tmp_path / "out")
    gone = next((tmp_path / "out").rglob("finetune/seed-1.json"))
    gone.unlink()
    again = _study(tmp_path / "out")
    session = again._session(ONE)
    todo = pending(session.plan, again.folder, session.workspace)
    (unit,) = units(session.plan, again.folder, todo.trials, session.choices)
    assert ([t.seed for t in unit.trials], [t.seed for t in unit.wanted]) == ([0, 1], [1])
    again.run(progress=Said(), means=ONE)
    assert _outcomes(tmp_path / "out") == before
    record = read_record(gone, Outcome)
    assert record is not None
    assert record.environment["engine"]["n_together"] == 2


def test_threads_of_a_begun_run_are_kept(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run_of([], engine={"threads": 3}).write(tmp_path / "out")
    assert _study(tmp_path / "out")._session(ONE).engine.threads == 3


def test_adding_a_source_changes_no_other_trial(tmp_path: Path) -> None:
    _run(tmp_path / "out")
    before = _outcomes(tmp_path / "out")
    wider = [{"sources": ["null", SOURCE], "methods": ["last_k:1", "finetune"]}]
    outcome = _run(tmp_path / "out", cross=wider)
    assert outcome.ran == 4
    after = _outcomes(tmp_path / "out")
    assert {path: after[path] for path in before} == before


def test_a_failed_trial_is_kept_and_counted_again(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"learning_rates": [1e30], "epochs": 30}
    assert _run(tmp_path / "out", **settings).failed > 0
    said = Said()
    again = _run(tmp_path / "out", **settings, progress=said)
    assert again.ran == 0
    assert again.failed > 0
    assert any("failed trials are kept" in line for line in said.lines)


def test_records_that_go_missing_during_a_run_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process removes one when the run is all but over."""

    def meddled(folder: Path, run: PlannedRun) -> dict[str, float | None]:
        next(folder.rglob("finetune/seed-1.json")).unlink()
        return target_scores(folder, run)

    monkeypatch.setattr("tlbench.study.target_scores", meddled)
    outcome = _run(tmp_path / "out")
    assert (outcome.ran, outcome.missing) == (6, 1)


def test_a_fresh_start_clears_a_run_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    study = _study(folder)
    study.run(progress=Said(), means=ONE)
    study.clear()
    assert not folder.exists()
    folder.mkdir()
    (folder / "thesis.txt").touch()
    with pytest.raises(TlbenchError, match="is not the folder of a run"):
        study.clear()
    assert (folder / "thesis.txt").exists()


def test_a_full_or_readonly_place_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TlbenchError, match=r"cannot write .*run\.json: .*name another folder"):
        _run(tmp_path / "file" / "out")


def test_a_dry_run_lists_trials_and_their_time_and_writes_nothing(tmp_path: Path) -> None:
    text = _study(tmp_path / "out").describe(ONE)
    assert "patterns-1.0-n32/trained-patterns-0.5-steps-10/finetune seed 1" in text
    assert re.search(r"6 trials, 0 scorings, 1 sources; about \d+ s here, from a few timed steps$", text)
    assert not (tmp_path / "out").exists()


def test_a_source_that_cannot_be_made_ready_ends_the_run_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("tlbench.training.pretraining.fit", broken)
    with pytest.raises(TlbenchError, match="could not be made ready: RuntimeError"):
        _run(tmp_path / "out")


def test_the_notes_tell_of_overlapping_draws_and_of_a_source_of_the_targets_pool(workspace: Workspace) -> None:
    cross = [{"sources": [{"name": "trained", "dataset": "patterns", "steps": 10}], "methods": ["finetune"]}]
    suite = tiny_suite(cross=cross, targets=[{"dataset": "patterns", "n_train": 640}])
    found = notes(resolve(suite, workspace), workspace)
    assert any("takes 40% of the pool" in note for note in found)
    assert any("seen by trained-patterns-1.0-steps-10: none, of the pool up to 100%" in note for note in found)
    assert "patterns-1.0: items of 1x12x12 brought to 1x8x8" in found


def test_adaptive_seeds_look_again_only_where_it_may_decide(tmp_path: Path) -> None:
    said = Said()
    study = _study(tmp_path / "out", seeds="auto", epochs=6)
    outcome = study.run(progress=said, means=ONE)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    planned = {cell["path"]: cell["seeds"] for cell in run["cells"]}
    assert run["looks"] == [5, 10, 20]
    assert set(planned.values()) <= {5, 10, 20}
    assert outcome.ran == len(list((tmp_path / "out").rglob("seed-*.json")))
    for v in verdicts(tmp_path / "out")[1]:
        assert v.n_planned == planned[f"{v.target}/{v.source}/{v.method}"]
        assert v.interval_level == pytest.approx(1 - 0.05 * {5: 0.2, 10: 0.3, 20: 0.5}[v.n_planned])
        assert v.n_planned == 20 or not v.may_be_decided()
    assert any("trials planned so far instead of 60 with 20 seeds everywhere" in line for line in said.lines)
    again = _run(tmp_path / "out", seeds="auto", epochs=6)
    assert (again.ran, again.kept) == (0, outcome.ran)


@pytest.mark.parametrize("limits", [Limits(seconds=0), Limits(seeds=9)])
def test_adaptive_seeds_stop_at_their_limits(limits: Limits, tmp_path: Path) -> None:
    outcome = _study(tmp_path / "out", seeds="auto").run(progress=Said(), limits=limits, means=ONE)
    assert outcome.ran == 15


def test_a_timing_pass_times_each_arm_of_the_first_look_once(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    study = _study(folder)
    study.run(progress=Said(), means=ONE)
    before = _outcomes(folder)
    study.time(progress=Said(), means=ONE)
    timed = sorted(folder.rglob("timing-*.json"))
    assert len(timed) == 6
    assert _outcomes(folder) == before
    assert len(read(folder)) == 6
    stamps = [path.stat().st_mtime_ns for path in timed]
    study.time(progress=Said(), means=ONE)
    assert [path.stat().st_mtime_ns for path in timed] == stamps
    assert all(v.cost["estimated"] is False for v in verdicts(folder)[1])


def test_a_trial_timed_without_shortcuts_has_the_same_outcome(workspace: Workspace) -> None:
    trial = tiny_trial("linear_probe")
    assert trial.time(workspace).outcome == trial.run(workspace).outcome
