"""A study: plan, execute what is not yet on disk, judge. The one module that imports both wings."""

import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tlbench import device as devices
from tlbench import environment
from tlbench.errors import TlbenchError, one_line
from tlbench.executor import Engine, Pool, default_jobs, default_threads
from tlbench.network import Setup
from tlbench.plan import Cell, Plan, resolve
from tlbench.progress import Progress
from tlbench.readings import reach
from tlbench.records import RUN_FILE, SCHEMA_VERSION, Record, read_json, read_record, write_json
from tlbench.scoring import Scoring
from tlbench.source import Source
from tlbench.suite import Suite
from tlbench.training import seconds_a_step
from tlbench.trial import Trial
from tlbench.workspace import Workspace


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
class Outcome:
    """What a study did: trials run, kept from before, failed."""

    ran: int
    kept: int
    failed: int


class Study:
    """One suite into one folder."""

    def __init__(self, suite: Suite, folder: Path, workspace: Workspace, jobs: int | None) -> None:
        """Resolves the suite; reads datasets, trains nothing, writes nothing."""
        self.suite, self.folder, self.workspace = suite, folder, workspace
        self.plan: Plan = resolve(suite, workspace)
        self.engine = self._engine(jobs)

    def _engine(self, jobs: int | None) -> Engine:
        """Threads are those of the run already begun here, if any: they can change the last bit of a result."""
        chosen = jobs or default_jobs(self.workspace.device)
        threads = default_threads(chosen)
        if (self.folder / RUN_FILE).is_file():
            threads = read_json(self.folder / RUN_FILE).get("engine", {}).get("threads", threads)
        return Engine(str(self.workspace.device), chosen, threads)

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

    def run(self, progress: Progress) -> Outcome:
        """Writes run.json, makes sources ready, runs what is missing, and stores the accuracy to be reached."""
        todo, said = self.pending()
        for line in [*said, *self.plan.skipped, *self.notes()]:
            progress.say(line)
        progress.say(
            f"device {devices.describe(self.workspace.device)}, {self.engine.jobs} workers, "
            f"{self.engine.threads} threads each"
        )
        write_json(self.folder / RUN_FILE, self.run_file())
        with Pool(self.engine, self.workspace) as pool:
            needed = self.loadings(todo)
            labels = [f"source {one.source.label}" for one in needed]
            for _, notes in progress.track("sources", labels, pool.run(needed)):
                for note in notes:
                    progress.say(note)
            failed = self._execute(pool, todo, progress)
        write_json(self.folder / RUN_FILE, self.run_file() | {"reach": self.reach()})
        return Outcome(len(todo), len(self.jobs()) - len(todo), failed)

    def _execute(self, pool: Pool, todo: list[Scoring | Trial], progress: Progress) -> int:
        labels = ["similarity" if isinstance(job, Scoring) else job.method.label for job in todo]
        records = pool.run([job.run for job in todo])
        for position, record in progress.track("trials", labels, records):
            record.write(self.folder / todo[position].path)
            if record.status == "failed":
                progress.say(f"failed: {todo[position].path}: {record.outcome['failure']}")
        return sum(record.status == "failed" for record in self._records(self.jobs()))

    def _records(self, jobs: Sequence[Scoring | Trial]) -> list[Record]:
        found = (read_record(self.folder / job.path) for job in jobs)
        return [record for record in found if record is not None]

    def reach(self) -> dict[str, float | None]:
        """For each baseline, the validation accuracy that "steps to target" asks for."""
        baselines: dict[str, dict[int, Record]] = defaultdict(dict)
        for cell in self.plan.cells:
            for seed in range(self.suite.seeds):
                trial = self.plan.baseline(cell, seed)
                if (record := read_record(self.folder / trial.path)) is not None:
                    baselines[trial.cell][seed] = record
        return {path: reach(records) for path, records in baselines.items()}

    def notes(self) -> list[str]:
        """What was done to the data, and what limits the verdicts."""
        found: list[str] = []
        forms = {(d, c.arm.setup.form) for c in self.plan.cells for d in (c.arm.target.dataset, *c.source.datasets())}
        for dataset, form in sorted(forms, key=lambda pair: (pair[0].label, pair[1].label)):
            if (shape := self.workspace.split(dataset, "train").shape) != form.shape:
                found.append(f"{dataset.label}: images of {_by(shape)} brought to {_by(form.shape)}")
        for target in {cell.arm.target.label: cell.arm.target for cell in self.plan.cells}.values():
            pool, test = (self.workspace.split(target.dataset, part) for part in ("train", "test"))
            found += [*pool.notes, *test.notes]
            if (f := target.n_train / len(pool)) > 0.2:
                found.append(f"target {target.label}: each draw takes {f:.0%} of the pool, so the draws overlap")
        for cell in self.plan.cells:
            if cell.role == "cell" and cell.arm.target.dataset in cell.source.datasets():
                found.append(f"source {cell.source.label} was trained on the pool of target {cell.arm.target.label}")
        return list(dict.fromkeys(found))

    def run_file(self) -> dict[str, Any]:
        """What a report needs beside the records: written before the first trial."""
        suite = self.suite.model_dump(include={"name", "description", "seeds", "root_seed", "image_size"})
        return {
            "schema_version": SCHEMA_VERSION,
            "suite": suite | {"network": self.suite.network.recipe(), "budget": asdict(self.suite.budget)},
            "seeds": self.suite.seeds,
            "verdict": self.suite.verdict.model_dump(),
            "cells": [self._cell(cell) for cell in self.plan.cells],
            "skipped": self.plan.skipped,
            "notes": self.notes(),
            "engine": self.engine.as_dict(),
            "environment": environment.describe(devices.describe(self.workspace.device), self.engine.threads),
            "reach": {},
        }

    def _cell(self, cell: Cell) -> dict[str, Any]:
        target = cell.arm.target
        shape = self.workspace.split(target.dataset, "train").shape
        n_blocks = len(cell.arm.setup.build(2).names)
        return {
            "path": cell.trial(0).cell,
            "baseline": self.plan.baseline(cell, 0).cell,
            "role": cell.role,
            "family": cell.family,
            "expect": cell.expect,
            "source": {"label": cell.source.label} | cell.source.recipe(),
            "target": {
                "label": target.label,
                "dataset": target.dataset.label,
                "n_train": target.n_train,
                "shape": list(shape),
            },
            "method": {"label": cell.method.label, "unfrozen": cell.method.unfrozen(n_blocks)} | cell.method.recipe(),
            "input": cell.arm.setup.form.recipe(),
        }

    def clear(self) -> None:
        """Removes this suite's earlier records from the folder: the fresh start that was asked for.

        Raises:
            TlbenchError: the folder holds something, but not a run.
        """
        if not self.folder.exists():
            return
        if any(self.folder.iterdir()) and not (self.folder / RUN_FILE).is_file():
            raise TlbenchError(f"{self.folder} is not the folder of a run; --fresh would delete it: name another --out")
        shutil.rmtree(self.folder)

    def describe(self) -> str:
        """What a run would do here: trials by cell, and hours."""
        todo, said = self.pending()
        trials = [job for job in todo if isinstance(job, Trial)]
        lines = [f"{trial.cell} seed {trial.seed}" for trial in trials]
        lines += [*said, *self.plan.skipped, *self.notes()]
        total = f"{len(trials)} trials, {len(todo) - len(trials)} scorings, {len(self.loadings(todo))} sources"
        return "\n".join([*lines, f"{total}; at most {self.estimate_hours():.2f} hours here"])

    def estimate_hours(self) -> float:
        """Hours that the pending jobs will take here, from a few timed steps of each network; an upper bound."""
        todo, _ = self.pending()
        setups = {job.arm.setup for job in todo}
        size = self.suite.batch_size
        cost = {setup: seconds_a_step(setup.build(10), setup.form.shape, size) for setup in setups}
        trials = sum(
            cost[job.arm.setup] * job.arm.budget.steps(job.arm.target.n_train) * len(job.arm.budget.learning_rates)
            for job in todo
            if isinstance(job, Trial)
        )
        training = sum(
            2 * cost[one.setup] * getattr(one.source, "steps", 0)  # batches of 64
            for one in self.loadings(todo)
        )
        return (trials + training) / self.engine.jobs / 3600


def _by(shape: Sequence[int]) -> str:
    return "x".join(str(side) for side in shape)


def _as_json(recipe: dict[str, Any]) -> Any:
    """A recipe as it reads back from a file (tuples become lists)."""
    return json.loads(json.dumps(recipe))
