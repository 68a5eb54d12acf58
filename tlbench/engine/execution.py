"""The execution of a plan into a folder: sources are made ready, what is missing is run and written, arms are timed."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tlbench.engine.choices import Choices
from tlbench.engine.estimate import in_words
from tlbench.engine.executor import Executor
from tlbench.engine.forecast import OVERHEAD
from tlbench.engine.jobs import Job
from tlbench.engine.progress import Progress
from tlbench.engine.resume import Pending, as_json, units
from tlbench.records import Outcome, Record, read_record
from tlbench.trials import FAILED_TOGETHER, Plan, Trial, notes
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class Execution:
    """A plan, the folder it goes into, whoever runs it, how its trials are run, and where progress is shown."""

    plan: Plan
    folder: Path
    workspace: Workspace
    executor: Executor
    choices: Choices
    progress: Progress

    def make_ready(self, todo: Pending) -> None:
        """Says what is to be said; sources are trained, checked or downloaded before any trial leans on them."""
        for line in todo.said:
            self.progress.say(line)
        known = set(notes(self.plan, self.workspace))  # said already, as what limits the whole run
        timed = [(one, self.choices.loading_seconds(one)) for one in todo.loadings(self.choices.joins)]
        jobs = [
            Job(one, one.source.name, seconds, kind=(one.setup, one.source.name, seconds > OVERHEAD))
            for one, seconds in timed
        ]
        after = self._seconds(todo)
        for _, said in self.progress.track("sources", jobs, partial(self.executor.run, jobs), after):
            for note in said:
                if note not in known:
                    self.progress.say(note)

    def run(self, todo: Pending) -> None:
        """What is left, each record written as it comes."""
        jobs = [Job(scoring, "similarity", self.choices.scoring_seconds(scoring)) for scoring in todo.scorings]
        for unit in units(self.plan, self.folder, todo.trials, self.choices):
            first, seconds = unit.trials[0], self.choices.unit_seconds(unit)
            kind = first.method.label, first.conditions.setup, first.conditions.variant
            jobs.append(Job(unit, first.method.label, seconds, len(unit.wanted), unit.shares, unit.block, kind))
        for _, made in self.progress.track("jobs", jobs, partial(self.executor.run, jobs)):
            for path, record in made:
                record.write(self.folder / path)
                self._tell(path, record)

    def _tell(self, path: Path, record: Record[Outcome]) -> None:
        if record.status == "failed":
            self.progress.say(f"failed: {path}: {record.outcome.failure}")
        apart = record.environment.get("engine", {}).get("apart") or ""
        if apart.startswith(FAILED_TOGETHER):
            self.progress.say(f"{path}: run alone; {apart}")

    def time(self, seeds: int) -> None:
        """The timing pass: every arm at the first seeds, one after the other, without shortcuts."""
        trials = [trial for trial in self.plan.trials() if trial.seed < seeds]
        todo = [trial for trial in trials if not self._timed(trial)]
        jobs = [Job(trial.time, trial.method.label, self.choices.seconds(trial, plain=True)) for trial in todo]
        for position, record in self.progress.track("timing", jobs, partial(self.executor.run, jobs)):
            record.write(self.folder / todo[position].timing_path)

    def _timed(self, trial: Trial) -> bool:
        record = read_record(self.folder / trial.timing_path, Outcome)
        return record is not None and record.recipe == as_json(trial.recipe(self.workspace))

    def _seconds(self, todo: Pending) -> float:
        """Of one worker, sources aside."""
        trials = sum(self.choices.seconds(trial) for trial in todo.trials)
        return trials + sum(self.choices.scoring_seconds(scoring) for scoring in todo.scorings)

    def expected(self, todo: Pending, workers: int) -> str:
        """How long what is left will take on so many workers, from a few timed steps of each network, in words."""
        sources = sum(self.choices.loading_seconds(one) for one in todo.loadings(self.choices.joins))
        return f"about {in_words(max(1.0, (self._seconds(todo) + sources) / workers))} here, from a few timed steps"
