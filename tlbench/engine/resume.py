"""What is left to do: planned jobs whose record is not on the disk, or does not hold any more."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench import environment
from tlbench.engine.choices import Choices
from tlbench.engine.jobs import TOGETHER, Loading, Unit, block_of
from tlbench.engine.means import Ran
from tlbench.network import Setup
from tlbench.records import Outcome, Record, Scores, read_record
from tlbench.source import Source
from tlbench.trials import Plan, Scoring, Trial
from tlbench.workspace import Workspace

AGAIN = "a fresh start redoes all"


@dataclass(frozen=True)
class Pending:
    """The jobs that are left, and what is to be said of the others."""

    trials: list[Trial]
    scorings: list[Scoring]
    said: list[str]

    @property
    def count(self) -> int:
        """How many jobs are left."""
        return len(self.trials) + len(self.scorings)

    def loadings(self, joins: Callable[[Setup], bool]) -> list[Loading]:
        """The sources that these jobs need, each once.

        Where one varies, it is for each seed; for a block of them at once where networks of the setup are joined.
        """
        found: dict[tuple[Source, Setup, int, int], set[int]] = defaultdict(set)
        jobs: list[Scoring | Trial] = [*self.scorings, *self.trials]
        for job in jobs:
            if job.source is not None:
                source, setup = job.source.root, job.conditions.setup
                drawn_with = job.drawn_with if isinstance(job, Trial) else job.seed
                seed = drawn_with if source.varies else 0
                block = seed // TOGETHER if source.varies and joins(setup) else seed
                found[(source, setup, block, job.conditions.root_seed)].add(seed)
        return [Loading(source, setup, tuple(sorted(seeds)), root) for (source, setup, _, root), seeds in found.items()]


def all_jobs(plan: Plan) -> list[Scoring | Trial]:
    """Everything planned, seed by seed, so that half a run holds half the seeds of every cell; scores first."""
    return sorted([*plan.scorings(), *plan.trials()], key=lambda job: job.seed)


def record_of(job: Scoring | Trial, folder: Path) -> Record[Outcome] | Record[Scores] | None:
    """A job's record, where there is a sound one."""
    path = folder / job.path
    return read_record(path, Scores) if isinstance(job, Scoring) else read_record(path, Outcome)


def ran_of(plan: Plan, folder: Path, ran: int) -> Ran:
    """What became of a plan, of whose jobs so many were run."""
    jobs = all_jobs(plan)
    records = [record for job in jobs if (record := record_of(job, folder)) is not None]
    failed = sum(record.status == "failed" for record in records)
    return Ran(ran, len(jobs) - ran, failed, len(jobs) - len(records))


def pending(plan: Plan, folder: Path, workspace: Workspace) -> Pending:
    """The jobs whose record is not on the disk or is of another recipe; failed trials are kept."""
    trials, scorings = list[Trial](), list[Scoring]()
    said: dict[str, int] = defaultdict(int)
    for job in all_jobs(plan):
        record = record_of(job, folder)
        if record is None:
            said["damaged records are made anew"] += (folder / job.path).exists()
        elif record.recipe != as_json(job.recipe(workspace)):
            said["records have another recipe and are made anew"] += 1
            record = None
        elif record.status == "failed":
            said[f"failed trials are kept ({AGAIN})"] += 1
        if record is None and isinstance(job, Trial):
            trials.append(job)
        elif record is None and isinstance(job, Scoring):
            scorings.append(job)
        elif record is not None and record.environment.get("code") != environment.code_digest():
            said[f"records were made by other code and are kept ({AGAIN})"] += 1
    return Pending(trials, scorings, [f"{count} {what}" for what, count in said.items() if count])


def units(plan: Plan, folder: Path, todo: Sequence[Trial], choices: Choices) -> list[Unit]:
    """Trials by arm and by blocks of seeds, in the order of seeds, the longest first.

    A block that was broken off is run in its old make-up, so that the missing ones come out as they would have.
    """
    planned, made = _by_block(plan.trials()), list[Unit]()
    for key, wanted in _by_block(todo).items():
        choice, whole = choices.choice(wanted[0]), planned[key]
        kept = [trial for trial in whole if trial not in wanted]
        as_one = choice.together and all(_made_together(trial, folder, len(whole)) for trial in kept)
        made.append(Unit(tuple(whole if as_one else wanted), tuple(wanted), choice))
    return sorted(made, key=lambda unit: (unit.block, -choices.unit_seconds(unit)))


def _by_block(trials: Sequence[Trial]) -> dict[tuple[str, int], list[Trial]]:
    blocks: dict[tuple[str, int], list[Trial]] = defaultdict(list)
    for trial in trials:
        blocks[(trial.cell, block_of(trial))].append(trial)
    return blocks


def _made_together(trial: Trial, folder: Path, count: int) -> bool:
    """Whether a record was made with as many others as are planned with it now."""
    record = read_record(folder / trial.path, Outcome)
    return record is not None and record.environment.get("engine", {}).get("n_together") == count


def as_json(recipe: Mapping[str, Any]) -> Any:
    """A recipe as it reads back from a file (tuples become lists)."""
    return json.loads(json.dumps(recipe))
