"""A study: plan, execute what is not yet on disk, judge. The front door, and the one module that knows both wings."""

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from tlbench import device as devices
from tlbench.engine import (
    Choices,
    Engine,
    Execution,
    Executor,
    Limits,
    Means,
    Progress,
    Ran,
    WorkerPool,
    clear,
    default_jobs,
    pending,
    piloted,
    ran_of,
    refuse_other_versions,
    refuse_what_is_not_ours,
    what_cannot_travel,
)
from tlbench.errors import TlbenchError
from tlbench.frame import read
from tlbench.judging import choose, pilot_of, target_scores
from tlbench.judging.verdict import Design, Judged, judge_run, note_reported
from tlbench.processes import default_threads
from tlbench.records import RUN_FILE, Outcome, Record, read_record
from tlbench.runfile import read_run
from tlbench.shelf import slug
from tlbench.suite import Suite, make_suite, read_suite
from tlbench.trials import (
    PILOT,
    Plan,
    Trial,
    begun_budgets,
    notes,
    pilot_suite,
    resolve,
    run_of,
    scheme_of,
)
from tlbench.workspace import Workspace, storage

__all__ = ["Limits", "Means", "Ran", "Study"]


class Study:
    """One suite into one folder.

    Constructing is free: it reads nothing, writes nothing and sets nothing. `run` resumes what was begun there.
    """

    def __init__(
        self,
        suite: Suite | str | Path | Mapping[str, Any],
        folder: str | Path,
        *,
        data_root: str | Path | None = None,
        download: bool | None = None,
    ) -> None:
        """The suite (or its name, its TOML file's path, its keys), and the folder for its records.

        data_root: where torchvision's datasets lie. download: whether anything may be; the suite says without it.
        """
        self._given, self.folder = suite, Path(folder)
        self._data_root, self._download = data_root, download

    @property
    def suite(self) -> Suite:
        """The suite, read on first use where it was named."""
        if not isinstance(self._given, Suite):
            given = self._given
            self._given = read_suite(given) if isinstance(given, str | Path) else make_suite(given, "the suite")
        return self._given

    def run(
        self,
        *,
        device: str = "auto",
        jobs: int | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
        limits: Limits | None = None,
        means: Means | None = None,
    ) -> Ran:
        """Runs what is missing and writes it as it comes; with seeds "auto", look after look.

        device, jobs: as in `Means`, which may be given whole. executor: who runs it, local workers without one.
        progress: where it is shown, on stderr or in the notebook without one.

        Raises:
            TlbenchError: something named is not there or does not fit, or a source could not be made ready.
        """
        return self._session(means or Means(device, jobs)).run(executor, progress or Progress(), limits or Limits())

    def time(self, *, progress: Progress | None = None, means: Means | None = None) -> None:
        """The timing pass: every arm alone in this process, without shortcuts, so that cost can be judged."""
        self._session(means or Means()).time(progress or Progress())

    def judge(self) -> Judged:
        """The verdicts, finished or not: a table in a notebook, `.frame()` a DataFrame.

        That they were looked at is kept in `run.json`.

        Raises:
            TlbenchError: nothing was run here yet.
        """
        return note_reported(judge_run(self.folder))

    def report(self) -> Path:
        """Writes the page, its markdown and its figures into the folder; the page's path.

        Raises:
            TlbenchError: nothing was run here yet, or a file cannot be written.
        """
        from tlbench.judging.report import render  # what draws takes a second to import, and a run does not need it

        return render(self.judge())

    def plan(self, means: Means | None = None, *, fresh: bool = False) -> Plan:
        """The cells and trials that are planned; datasets are opened, nothing is trained.

        fresh: for a fresh start, whatever run lies in the folder.

        Raises:
            TlbenchError: something named is not there or does not fit.
        """
        return self._session(means or Means(), fresh=fresh).plan

    def record(self, trial: Trial) -> Record[Outcome] | None:
        """A planned trial's record; None where it has not run."""
        return read_record(self.folder / trial.path, Outcome)

    def trials(self) -> pd.DataFrame:
        """A row a trial that has run.

        Raises:
            TlbenchError: nothing was run here yet.
        """
        return read(self.folder)

    def clear(self) -> int:
        """Removes the run's own files from the folder, for a fresh start; how many others were left there.

        Raises:
            TlbenchError: the folder holds something, but not a run.
        """
        return clear(self.folder)

    def describe(self, means: Means | None = None) -> str:
        """What a run would do here: trials by cell, and how long. Datasets are opened; nothing is trained or written.

        Raises:
            TlbenchError: something named is not there or does not fit.
        """
        return self._session(means or Means()).describe()

    def _session(self, means: Means, *, fresh: bool = False) -> "_Session":
        """Everything is opened anew each time, since a user's files may have changed meanwhile."""
        refuse_what_is_not_ours(self.folder)
        if not fresh:
            refuse_other_versions(self.folder)
        place = storage(self._data_root, download=self.suite.download if self._download is None else self._download)
        return _Session(self.suite, self.folder, means, Workspace(place, devices.choose(means.device)), fresh=fresh)

    def __repr__(self) -> str:
        return f"Study({self.suite.name or 'a suite'}, folder={str(self.folder)!r})"


class _Session:
    """A study with its datasets opened and its plan made, on one device."""

    def __init__(self, suite: Suite, folder: Path, means: Means, workspace: Workspace, *, fresh: bool = False) -> None:
        self.suite, self.folder, self.means, self.workspace = suite, folder, means, workspace
        run = read_run(folder) if (folder / RUN_FILE).is_file() and not fresh else None
        self.plan: Plan = resolve(suite, self.workspace, scheme_of(suite, run)).piloted(begun_budgets(suite, run))
        begun = run.engine if run else means.like or {}
        if means.jobs is not None and means.jobs < 1:
            raise TlbenchError(f"{means.jobs} workers: at least 1 is needed")
        jobs = means.jobs or default_jobs(self.workspace.device)
        threads = begun.get("threads", default_threads(jobs))  # both can change the last bit of a result
        self.engine = Engine(str(self.workspace.device), jobs, threads, means.mode)
        self.choices = Choices(self.workspace, suite, self.engine, begun.get("choices", {}))

    def run(self, executor: Executor | None, progress: Progress, limits: Limits) -> Ran:
        if (limits.seconds is not None or limits.seeds is not None) and self.suite.seeds != "auto":
            raise TlbenchError('limits of seconds and seeds need seeds = "auto"')
        if executor is None and self.engine.jobs > 1 and (why := what_cannot_travel(self.plan)):
            self.engine = replace(self.engine, jobs=1)
            progress.say(f"{why}: run in this process alone")
        if self.plan.scheme.open:
            self._decide_design(progress)
        self._introduce(progress)
        ran, started = 0, time.monotonic()
        with executor or WorkerPool(self.engine, self.workspace) as runner:
            self.plan = piloted(self.plan, self.workspace, self.engine.mode, runner, progress)
            execution = Execution(self.plan, self.folder, self.workspace, runner, self.choices, progress)
            while True:
                todo = pending(self.plan, self.folder, self.workspace)
                self.choices.settle(todo.trials, runner)
                chosen = self.engine.as_dict() | {"choices": self.choices.as_dict()}
                plan = run_of(self.plan, self.workspace, slug(self.folder.resolve().name), chosen)
                plan.write(self.folder)
                execution.make_ready(todo)
                execution.run(todo)
                plan.model_copy(update={"target_scores": target_scores(self.folder, plan)}).write(self.folder)
                ran += todo.count
                if not self._extend(progress, limits, time.monotonic() - started):
                    return ran_of(self.plan, self.folder, ran)

    def _decide_design(self, progress: Progress) -> None:
        """By a pilot under another root seed, in a folder beside the run's: its trials are none of the run's."""
        place = self.folder.resolve()
        pilot = Study(pilot_suite(self.suite), place.with_name(f"{place.name}-{PILOT}"))
        progress.say(f'pairing = "pilot": {pilot.suite.looks[0]} seeds under root seed {pilot.suite.root_seed} first')
        pilot.run(progress=progress, means=self.means)
        margin = read_run(pilot.folder).verdict.margin
        design = Design(self.suite.verdict.alpha * self.plan.scheme.weights[0], margin)
        chosen = choose(pilot_of(pilot.folder), design, self.suite.looks[0])
        self.plan = replace(self.plan, scheme=self.plan.scheme.paired_by(chosen.pairing, f"by a pilot: {chosen.why}"))

    def _introduce(self, progress: Progress) -> None:
        for line in [*self.plan.skipped, *notes(self.plan, self.workspace)]:
            progress.say(line)
        where = devices.describe(self.workspace.device)
        progress.say(f"device {where}, {self.engine.jobs} workers, {self.engine.threads} threads each")

    def _extend(self, progress: Progress, limits: Limits, seconds: float) -> bool:
        """Plans the next look for cells that it may still decide; whether there are any."""
        if len(self.suite.looks) == 1:
            return False
        judged = {f"{v.target}/{v.source}/{v.method}": v for v in judge_run(self.folder).verdicts}
        waiting = [c for c in self.plan.cells if c.role == "cell" and self.plan.seeds(c) < self.suite.looks[-1]]
        undecided = [cell for cell in waiting if judged[cell.path].may_be_decided()]
        progress.say(self._saved(len(undecided)))
        later = {look: after for look, after in pairwise(self.suite.looks) if after <= (limits.seeds or after)}
        given = {cell.path: later[self.plan.seeds(cell)] for cell in undecided if self.plan.seeds(cell) in later}
        if given and limits.seconds is not None and seconds >= limits.seconds:
            progress.say(f"out of time after {seconds:.0f} s; run again with more to go on")
            return False
        self.plan.extended.update(given)
        return bool(given)

    def _saved(self, n_open: int) -> str:
        """How many cells are open, and how many trials the looks have saved so far."""
        last, planned, cells = self.suite.looks[-1], len(self.plan.trials()), self.plan.cells
        bases = (self.plan.baselines(cell, 0).values() for cell in cells)
        arms, baselines = {cell.path for cell in cells}, {trial.cell for found in bases for trial in found}
        everywhere = last * (len(arms) + self.plan.scheme.surplus * len(baselines))
        saved = f"{planned} trials planned so far instead of {everywhere} with {last} seeds everywhere"
        return f"look: {n_open} of {sum(cell.role == 'cell' for cell in cells)} cells are open to more seeds; {saved}"

    def time(self, progress: Progress) -> None:
        if not (self.folder / RUN_FILE).is_file():
            raise TlbenchError(f"nothing has been run in {self.folder} yet; run it first, then time it")
        with WorkerPool(replace(self.engine, jobs=1), self.workspace) as here:
            execution = Execution(self.plan, self.folder, self.workspace, here, self.choices, progress)
            execution.time(self.suite.looks[0])

    def describe(self) -> str:
        todo = pending(self.plan, self.folder, self.workspace)
        lines = [f"{trial.cell} seed {trial.seed}" for trial in todo.trials]
        lines += [*todo.said, *self.plan.skipped, *notes(self.plan, self.workspace), self._design()]
        n_sources = len({(one.source, one.setup) for one in todo.loadings(self.choices.joins)})
        total = f"{len(todo.trials)} trials, {len(todo.scorings)} scorings, {n_sources} sources"
        with WorkerPool(replace(self.engine, jobs=1), self.workspace) as here:
            execution = Execution(self.plan, self.folder, self.workspace, here, self.choices, Progress())
            expected = execution.expected(todo, self.engine.jobs)
        return "\n".join([*lines, f"{total}; {expected}"])

    def _design(self) -> str:
        """Whether arms and baselines are paired, and why; by the run that lies in the folder, where one does."""
        scheme, lines = self.plan.scheme, []
        if scheme.open:
            return f"pairing: decided by a pilot of {self.suite.looks[0]} seeds under another root seed, run first"
        if (self.folder / RUN_FILE).is_file() and (pilot := pilot_of(self.folder)).spread:
            design = Design(self.suite.verdict.alpha, read_run(self.folder).verdict.margin)
            chosen = choose(pilot, design, self.suite.looks[0])
            lines = [f'; by the run in {self.folder}, "{chosen.pairing}" would see more: {chosen.why}']
        return f'pairing: "{scheme.pairing}", {scheme.why}{"".join(lines)}'
