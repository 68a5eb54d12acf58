"""A cell with its records at hand, and how they are read from a run's folder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from tlbench.judging import stats
from tlbench.judging.readings import curve_of
from tlbench.judging.verdict.arm import Arm
from tlbench.judging.verdict.screen import screen
from tlbench.records import Outcome, OutcomeT, Record, Scores, read_record
from tlbench.runfile import PlannedCell, Protocol, Run


@dataclass(frozen=True)
class CellRecords:
    """A planned cell, its own records and its baseline's by seed, and the similarities scored for it.

    timed: records of the timing pass, own and baseline's; others: its baseline under the suite's further protocols.
    """

    plan: PlannedCell
    own: Arm
    base: Arm
    scores: dict[int, Record[Scores]]
    timed: tuple[dict[int, Record[Outcome]], dict[int, Record[Outcome]]] = ({}, {})
    others: dict[Protocol, Arm] = field(default_factory=dict)

    def at_the_clock(self, first_look: int) -> "CellRecords | None":
        """The cell with its timing records in place of its own; None without them, or where machines differ."""
        machines = {r.environment["machine"]["fingerprint"] for records in self.timed for r in records.values()}
        if len(machines) != 1 or not all(self.timed):
            return None
        own, base = (
            Arm(records, frozenset(seed for seed, record in records.items() if record.status == "failed"))
            for records in self.timed
        )
        return CellRecords(self.plan.model_copy(update={"seeds": first_look}), own, base, {})

    @property
    def path(self) -> str:
        """Where its records lie within the run's folder."""
        return self.plan.path

    @property
    def planned(self) -> int:
        """How many seeds are planned for it, so far."""
        return self.plan.seeds

    @property
    def pairs(self) -> list[int]:
        """Seeds at which both sides have a result that the screen let pass."""
        both = set(self.own.good) & set(self.base.good)
        return sorted(seed for seed in both if seed < self.planned)

    @property
    def invalid(self) -> bool:
        """Whether its test items were seen before, so that nothing of it was run."""
        return self.plan.leak is not None and self.plan.leak.forbids

    def provisional(self) -> bool:
        """Whether planned seeds are still missing on either side."""
        if self.invalid:
            return False
        return not set(range(self.planned)) <= set(self.own.records) & set(self.base.records)

    def screened(self) -> str:
        """What the screen says of the cell: "invalid", "unstable" or nothing."""
        if self.invalid or self.base.at_chance():
            return "invalid"
        return "unstable" if self.own.unstable() or self.base.unstable() else ""

    def tau(self, seeds: int) -> float:
        """The test set's own noise in the mean gain, from the pairs among the first seeds."""
        pairs = [seed for seed in self.pairs if seed < seeds]
        if len(pairs) < 2:
            return 0.0
        own, base = (
            np.array([arm.records[seed].outcome.judged.contributions() for seed in pairs])
            for arm in (self.own, self.base)
        )
        return stats.item_noise(own, base)


def value_of(record: Record[Outcome]) -> float | None:
    """The judged metric on the test split, better as it grows."""
    return record.outcome.judged.value


def speed_of(record: Record[Outcome]) -> float | None:
    """Minus the log of the trial's seconds, so that more is better."""
    return -math.log(max(record.timing.seconds, 1e-9))


def area_of(record: Record[Outcome]) -> float | None:
    """Mean validation score over the budget above chance; None for an arm without a curve."""
    curve = curve_of(record)
    return None if curve is None else curve.area(record.outcome.validation_chance)


def disagreement(own: Outcome, base: Outcome) -> tuple[int, int] | None:
    """Test items of which only the arm is right, and only its baseline is.

    By the judged metric where its items are right or wrong, else by accuracy where it is shown; None without either.
    """
    for name in (own.metric, "accuracy"):
        readings = own.measured.get(name), base.measured.get(name)
        if all(reading is not None and reading.items.startswith("b") for reading in readings):
            first, second = (reading.contributions() for reading in readings if reading is not None)
            return int((first > second).sum()), int((second > first).sum())
    return None


def higher_is_better(cells: Sequence[CellRecords]) -> bool:
    """What the records say of the metric; true where there are none."""
    records = (record for cell in cells for arm in (cell.own, cell.base) for record in arm.records.values())
    return next((record.outcome.judged.higher_is_better for record in records if record.status == "done"), True)


def read_cells(folder: Path, run: Run) -> list[CellRecords]:
    """Every planned cell of a run with its records, each read once, screened against the other arms of its target."""
    planned = _planned_seeds(run)

    def read(path: str, kind: str, seeds: int, outcome: type[OutcomeT]) -> dict[int, Record[OutcomeT]]:
        records = {seed: read_record(folder / path / f"{kind}-{seed}.json", outcome) for seed in range(seeds)}
        return {seed: record for seed, record in records.items() if record is not None}

    @cache
    def trials(path: str) -> dict[int, Record[Outcome]]:
        return read(path, "seed", planned[path], Outcome)

    @cache
    def timings(path: str) -> dict[int, Record[Outcome]]:
        """Those of the recipe that was run, not of one that was timed before."""
        found, run_now = read(path, "timing", planned[path], Outcome), trials(path)
        return {s: r for s, r in found.items() if s in run_now and r.recipe_digest == run_now[s].recipe_digest}

    @cache
    def scores(target: str, source: str) -> dict[int, Record[Scores]]:
        return read(f"{target}/{source}/similarity", "seed", run.looks[-1], Scores)

    def with_records(plan: PlannedCell) -> CellRecords:
        timed = timings(plan.path), timings(plan.baseline)
        others = {protocol: arms[path] for protocol, path in list(plan.baselines.items())[1:]}
        similar = scores(plan.target.label, plan.source.label)
        return CellRecords(plan, arms[plan.path], arms[plan.baseline], similar, timed, others)

    paths = dict.fromkeys(path for p in run.cells for path in (p.path, p.baseline, *p.baselines.values()))
    arms = screen({path: trials(path) for path in paths})
    return [with_records(plan) for plan in run.cells]


def _planned_seeds(run: Run) -> dict[str, int]:
    """For each arm's path the most seeds that a cell plans with it: records beyond are of an earlier run."""
    planned: dict[str, int] = {}
    for plan in run.cells:
        for path in (plan.path, plan.baseline, *plan.baselines.values()):
            planned[path] = max(planned.get(path, 0), plan.seeds)
    return planned
