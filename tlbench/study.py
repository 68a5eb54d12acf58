"""A study: plan, execute what is not yet on disk, judge. The one module that imports both wings."""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from tlbench import device as devices
from tlbench import environment
from tlbench.engine import (
    Choices,
    Engine,
    Job,
    Mode,
    Pool,
    Progress,
    Work,
    clear,
    default_jobs,
    refuse_what_is_not_ours,
)
from tlbench.errors import TlbenchError, one_line
from tlbench.judging import reach
from tlbench.judging.verdict import verdicts
from tlbench.network import Setup
from tlbench.processes import default_threads
from tlbench.records import RUN_FILE, Record, read_json, read_record, write_json
from tlbench.source import Source
from tlbench.suite import Suite
from tlbench.trials import Plan, Scoring, Trial, Unit, block_of, notes, resolve, run_file
from tlbench.workspace import Workspace

SCORING_SECONDS = 0.05  # of one pair and seed, for the estimate of what is left


@dataclass(frozen=True)
class Loading:
    """Has a source made ready (trained and kept, checked, downloaded) before any trial leans on it."""

    source: Source
    setup: Setup
    seed: int
    root_seed: int

    def __call__(self, workspace: Workspace) -> tuple[str, ...]:
        """What the user should know of the source."""
        try:
            return self.source.load(self.setup, workspace, self.seed, self.root_seed).notes
        except (RuntimeError, OSError, MemoryError) as error:
            raise TlbenchError(f"source '{self.source.label}' could not be made ready: {one_line(error)}") from None


@dataclass(frozen=True)
class Limits:
    """Beyond these, no further look is begun: seconds since the start, seeds a cell."""

    seconds: float | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a study did: trials run, kept from before, failed; and how many of them have no record at the end.

    A missing record was removed, or damaged, by somebody else while the study ran.
    """

    ran: int
    kept: int
    failed: int
    missing: int


class Study:
    """One suite into one folder."""

    def __init__(
        self,
        suite: Suite,
        folder: Path,
        workspace: Workspace,
        jobs: int | None,
        mode: Mode = "fast",
        like: dict[str, Any] | None = None,
    ) -> None:
        """Resolves the suite; reads datasets, trains nothing, writes nothing.

        like: the engine's choices of another run, to be taken over where none was begun here.
        """
        self.suite, self.folder, self.workspace = suite, folder, workspace
        refuse_what_is_not_ours(folder)
        self.plan: Plan = resolve(suite, workspace)
        self._like = like or {}
        begun = read_json(folder / RUN_FILE).get("engine", {}) if (folder / RUN_FILE).is_file() else self._like
        chosen = jobs or default_jobs(workspace.device)
        threads = begun.get("threads", default_threads(chosen))  # both can change the last bit of a result
        self.engine = Engine(str(workspace.device), chosen, threads, mode)
        self.choices = Choices(workspace, suite, self.engine, begun.get("choices", {}))

    def pending(self) -> tuple[list[Scoring | Trial], list[str]]:
        """The jobs whose record is not on disk or does not hold, and what is to be said of the others."""
        todo: list[Scoring | Trial] = []
        said: dict[str, int] = defaultdict(int)
        for job in self.jobs():
            record = read_record(self.folder / job.path)
            if record is None:
                said["damaged records are made anew"] += (self.folder / job.path).exists()
            elif record.recipe != _as_json(job.recipe(self.workspace)):
                said["records have another recipe and are made anew"] += 1
                record = None
            elif record.status == "failed":
                said["failed trials are kept (--fresh redoes all)"] += 1
            if record is None:
                todo.append(job)
            elif record.environment.get("code") != environment.code_digest():
                said["records were made by other code and are kept (--fresh redoes all)"] += 1
        return todo, [f"{count} {what}" for what, count in said.items() if count]

    def jobs(self) -> list[Scoring | Trial]:
        """Everything planned, seed by seed, so that half a run holds half the seeds of every cell; scores first."""
        return sorted([*self.plan.scorings(), *self.plan.trials()], key=lambda job: job.seed)

    def loadings(self, todo: Sequence[Scoring | Trial]) -> list[Loading]:
        """The sources that these jobs need, each once (for each seed where it varies)."""
        found = {}
        for job in todo:
            if job.source is not None:
                seed = job.seed if job.source.varies else 0
                loading = Loading(job.source, job.arm.setup, seed, job.arm.root_seed)
                found[(job.source, job.arm.setup, seed)] = loading
        return list(found.values())

    def run(self, progress: Progress, limits: Limits | None = None, meanwhile: Work | None = None) -> Outcome:
        """Writes run.json, makes sources ready, runs what is missing, and judges; with seeds "auto", look after look.

        Undecided cells get the seeds of the next look until all are decided, hopeless, or out of `limits`. meanwhile:
        what this process does once the workers are busy.
        """
        for line in [*self.plan.skipped, *notes(self.plan, self.workspace)]:
            progress.say(line)
        where = devices.describe(self.workspace.device)
        progress.say(f"device {where}, {self.engine.jobs} workers, {self.engine.threads} threads each")
        if limits and (limits.seconds is not None or limits.seeds is not None) and self.suite.seeds != "auto":
            raise TlbenchError("--max-seconds and --max-seeds need --seeds auto")
        ran, started = 0, time.monotonic()
        with Pool(self.engine, self.workspace) as pool:
            while True:
                todo, said = self.pending()
                for line in said:
                    progress.say(line)
                self.choices.settle([job for job in todo if isinstance(job, Trial)], pool)
                chosen = self.engine.as_dict() | {"choices": self.choices.as_dict()}
                plain = run_file(self.plan, self.workspace, chosen)
                write_json(self.folder / RUN_FILE, plain)
                self._make_ready(pool, todo, progress)
                self._execute(pool, todo, progress, meanwhile)
                write_json(self.folder / RUN_FILE, plain | {"reach": self.reach()})
                ran += len(todo)
                if not self._extend(progress, limits or Limits(), time.monotonic() - started):
                    break
        jobs, found = self.jobs(), self._records(self.jobs())
        failed = sum(record.status == "failed" for record in found)
        return Outcome(ran, len(jobs) - ran, failed, len(jobs) - len(found))

    def _extend(self, progress: Progress, limits: Limits, seconds: float) -> bool:
        """Plans the next look for cells that it may still decide; whether there are any."""
        if len(self.suite.looks) == 1:
            return False
        judged = {f"{v.target}/{v.source}/{v.method}": v for v in verdicts(self.folder)[1]}
        waiting = [c for c in self.plan.cells if c.role == "cell" and self.plan.seeds(c) < self.suite.looks[-1]]
        open_ = [cell for cell in waiting if judged[cell.path].may_be_decided()]
        progress.say(self._saved(len(open_)))
        later = {look: nxt for look, nxt in pairwise(self.suite.looks) if nxt <= (limits.seeds or nxt)}
        given = {cell.path: later[self.plan.seeds(cell)] for cell in open_ if self.plan.seeds(cell) in later}
        if given and limits.seconds is not None and seconds >= limits.seconds:
            progress.say(f"out of time after {seconds:.0f} s; run again with more to go on")
            return False
        self.plan.extended.update(given)
        return bool(given)

    def _saved(self, n_open: int) -> str:
        """How many cells are open, and how many trials the looks have saved so far."""
        last, planned = self.suite.looks[-1], len(self.plan.trials())
        arms = {cell.path for cell in self.plan.cells}
        arms |= {trial.cell for cell in self.plan.cells for trial in self.plan.baselines(cell, 0).values()}
        saved = f"{planned} trials planned so far instead of {len(arms) * last} with {last} seeds everywhere"
        return f"look: {n_open} of {len(self.plan.cells)} cells are open to more seeds; {saved}"

    def _make_ready(self, pool: Pool, todo: Sequence[Scoring | Trial], progress: Progress) -> None:
        needed = self.loadings(todo)
        jobs = [Job(one, one.source.name, self.choices.source_seconds(one.source, one.setup)) for one in needed]
        for _, said in progress.track("sources", jobs, partial(pool.run, jobs)):
            for note in said:
                progress.say(note)

    def _execute(
        self, pool: Pool, todo: list[Scoring | Trial], progress: Progress, meanwhile: Work | None = None
    ) -> None:
        scorings = [job for job in todo if isinstance(job, Scoring)]
        units = self.units([job for job in todo if isinstance(job, Trial)])
        jobs = [Job(one, "similarity", SCORING_SECONDS) for one in scorings]
        jobs += [
            Job(one, one.trials[0].method.label, self._seconds(one), len(one.wanted), one.shares, one.block)
            for one in units
        ]
        for _, found in progress.track("jobs", jobs, partial(pool.run, jobs, meanwhile=meanwhile)):
            for path, record in found:
                record.write(self.folder / path)
                if record.status == "failed":
                    progress.say(f"failed: {path}: {record.outcome['failure']}")

    def units(self, todo: Sequence[Trial]) -> list[Unit]:
        """Trials by arm and by blocks of seeds, in the order of seeds, the longest first.

        A block that was broken off is run in its old make-up, so that the missing ones come out as they would have.
        """
        blocks: dict[tuple[str, int], list[Trial]] = defaultdict(list)
        for trial in todo:
            blocks[(trial.cell, block_of(trial))].append(trial)
        planned: dict[tuple[str, int], list[Trial]] = defaultdict(list)
        for trial in self.plan.trials():
            planned[(trial.cell, block_of(trial))].append(trial)
        made = []
        for key, wanted in blocks.items():
            choice = self.choices.choice(wanted[0])
            kept = [trial for trial in planned[key] if trial not in wanted]
            whole = choice.together and all(self._made_together(trial, len(planned[key])) for trial in kept)
            made.append(Unit(tuple(planned[key] if whole else wanted), tuple(wanted), choice))
        return sorted(made, key=lambda unit: (unit.block, -self._seconds(unit)))

    def _made_together(self, trial: Trial, count: int) -> bool:
        """Whether a record was made with as many others as are planned with it now."""
        record = read_record(self.folder / trial.path)
        return record is not None and record.environment.get("engine", {}).get("n_together") == count

    def _seconds(self, unit: Unit) -> float:
        return self.choices.seconds(unit.trials[0]) * len(unit.trials)

    def time(self, progress: Progress) -> None:
        """The timing pass: every arm at the first look's seeds, alone in this process, without shortcuts."""
        trials = [trial for trial in self.plan.trials() if trial.seed < self.suite.looks[0]]
        todo = [trial for trial in trials if not self._timed(trial)]
        jobs = [Job(trial.time, trial.method.label, self.choices.seconds(trial)) for trial in todo]
        here = Pool(replace(self.engine, jobs=1), self.workspace)
        for position, record in progress.track("timing", jobs, partial(here.run, jobs)):
            record.write(self.folder / todo[position].timing_path)

    def _timed(self, trial: Trial) -> bool:
        record = read_record(self.folder / trial.timing_path)
        return record is not None and record.recipe == _as_json(trial.recipe(self.workspace))

    def _records(self, jobs: Sequence[Scoring | Trial]) -> list[Record]:
        found = (read_record(self.folder / job.path) for job in jobs)
        return [record for record in found if record is not None]

    def reach(self) -> dict[str, float | None]:
        """For each baseline, the validation accuracy that "steps to target" asks for."""
        baselines: dict[str, dict[int, Record]] = defaultdict(dict)
        for cell in self.plan.cells:
            for seed in range(self.plan.seeds(cell)):
                trial = self.plan.baseline(cell, seed)
                if (record := read_record(self.folder / trial.path)) is not None:
                    baselines[trial.cell][seed] = record
        return {path: reach(records) for path, records in baselines.items()}

    def clear(self) -> int:
        """Removes the run's own files from the folder: the fresh start that was asked for; how many others were left.

        Raises:
            TlbenchError: the folder holds something, but not a run.
        """
        left = clear(self.folder)
        self.choices = Choices(self.workspace, self.suite, self.engine, self._like.get("choices", {}))
        return left

    def describe(self) -> str:
        """What a run would do here: trials by cell, and hours."""
        todo, said = self.pending()
        trials = [job for job in todo if isinstance(job, Trial)]
        lines = [f"{trial.cell} seed {trial.seed}" for trial in trials]
        lines += [*said, *self.plan.skipped, *notes(self.plan, self.workspace)]
        total = f"{len(trials)} trials, {len(todo) - len(trials)} scorings, {len(self.loadings(todo))} sources"
        return "\n".join([*lines, f"{total}; at most {self._hours(todo):.2f} hours here"])

    def _hours(self, todo: Sequence[Scoring | Trial]) -> float:
        """What these jobs will take here, from a few timed steps of each network."""
        trials = sum(self.choices.seconds(job) for job in todo if isinstance(job, Trial))
        training = sum(self.choices.source_seconds(one.source, one.setup) for one in self.loadings(todo))
        return (trials + training) / self.engine.jobs / 3600


def _as_json(recipe: dict[str, Any]) -> Any:
    """A recipe as it reads back from a file (tuples become lists)."""
    return json.loads(json.dumps(recipe))
