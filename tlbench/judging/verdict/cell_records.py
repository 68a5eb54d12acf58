"""A cell with its records at hand, and how they are read from a run's folder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from tlbench.judging import stats
from tlbench.judging.readings import curve_of
from tlbench.judging.verdict.arm import Arm, reading_of
from tlbench.judging.verdict.screen import best_by_target, screened
from tlbench.judging.verdict.variance import Split, split
from tlbench.records import Outcome, OutcomeT, Record, Scores, read_record
from tlbench.runfile import PlannedCell, Protocol, Run


@dataclass(frozen=True)
class CellRecords:
    """A planned cell, its own records and its baseline's by seed, and the similarities scored for it.

    timed: records of the timing pass, own and baseline's; others: both of its arms under the suite's further protocols.
    early: both within the suite's budget, by which convergence is judged. surplus: baseline seeds for each of its own,
    1 where it is paired. crossed: its trials with the next seed's source.
    """

    plan: PlannedCell
    own: Arm
    base: Arm
    scores: dict[int, Record[Scores]]
    timed: tuple[dict[int, Record[Outcome]], dict[int, Record[Outcome]]] = ({}, {})
    others: dict[Protocol, tuple[Arm, Arm]] = field(default_factory=dict)
    early: tuple[Arm, Arm] | None = None
    surplus: int = 1
    crossed: dict[int, Record[Outcome]] = field(default_factory=dict)

    def at_the_clock(self, first_look: int) -> "CellRecords | None":
        """The cell with its timing records in place of its own; None without them, or where machines differ."""
        if self.invalid:
            return replace(self, plan=self.plan.model_copy(update={"seeds": first_look}))
        machines = {r.environment["machine"]["fingerprint"] for records in self.timed for r in records.values()}
        if len(machines) != 1 or not all(self.timed):
            return None
        own, base = (
            Arm(records, {seed: failure for seed, one in records.items() if (failure := one.outcome.failure)})
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
    def own_seeds(self) -> list[int]:
        """Its own seeds that are judged."""
        return [seed for seed in self.own.good if seed < self.planned] if self.surplus > 1 else self.pairs

    @property
    def base_seeds(self) -> list[int]:
        """Its baseline's seeds that are judged; more than its own where it is not paired."""
        if self.surplus == 1:
            return self.pairs
        return [seed for seed in self.base.good if seed < self.surplus * self.planned]

    @property
    def invalid(self) -> bool:
        """Whether its test items were seen before, so that nothing of it was run."""
        return self.plan.leak is not None and self.plan.leak.forbids

    @property
    def reuse(self) -> float:
        """The share of the pool that each of its draws takes; 0 where all seeds have one draw."""
        outcome = next((r.outcome for r in self.own.records.values() if r.status == "done"), Outcome())
        return 0.0 if self.plan.target.draw == "all" else outcome.n_train / outcome.pool

    def split(self) -> Split | None:
        """What its scores vary with, where trials were made that can tell."""
        seeds = sorted(self.crossed.keys() & set(self.own.good))
        if seeds != list(range(len(seeds))) or any(one.status == "failed" for one in self.crossed.values()):
            return None
        again = Arm(self.crossed, {}, self.own.reading)
        return split(self.own.values(seeds), again.values(seeds))

    def within_budget(self) -> "CellRecords":
        """The cell with both of its arms as they stand at the end of the suite's budget."""
        return replace(self, own=self.early[0], base=self.early[1]) if self.early else self

    def provisional(self) -> bool:
        """Whether planned seeds are still missing on either side."""
        if self.invalid:
            return False
        own, base = (set(range(n)) for n in (self.planned, self.surplus * self.planned))
        return not (own <= set(self.own.records) and base <= set(self.base.records))

    def screened(self) -> str:
        """What the screen says of the cell: "invalid", "unstable" or nothing."""
        if self.invalid or self.base.at_chance():
            return "invalid"
        return "unstable" if self.own.unstable() or self.base.unstable() else ""

    def pair_tau(self, seeds: int) -> float:
        """The test set's own noise in the mean of paired gains, from the first seeds."""
        pairs = [seed for seed in self.pairs if seed < seeds]
        if len(pairs) < 2:
            return 0.0
        return stats.item_noise(self.own.contributions(pairs), self.base.contributions(pairs))

    def tau(self, seeds: int) -> float:
        """The test set's own noise in the mean gain, from the first seeds."""
        if self.surplus == 1:
            return self.pair_tau(seeds)
        own = [seed for seed in self.own_seeds if seed < seeds]
        base = [seed for seed in self.base_seeds if seed < self.surplus * seeds]
        if min(len(own), len(base)) < 2:
            return 0.0
        (first, own_chance), (second, base_chance) = self.own.item_means(own), self.base.item_means(base)
        return stats.noise_of_items(first - second, own_chance + base_chance)


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

    @cache
    def best(protocol: Protocol) -> dict[str, float]:
        return best_by_target({path: trials(path) for path in planned}, reading_of(protocol))

    @cache
    def arm(protocol: Protocol, path: str, seeds: int) -> Arm:
        """An arm as it stands at so many seeds, whatever further looks of other cells have brought."""
        seen = {seed: record for seed, record in trials(path).items() if seed < seeds}
        return screened(seen, best(protocol)[path.partition("/")[0]], reading_of(protocol))

    def sides(plan: PlannedCell, protocol: Protocol, baseline: str) -> tuple[Arm, Arm]:
        return arm(protocol, plan.path, plan.seeds), arm(protocol, baseline, run.verdict.surplus * plan.seeds)

    def with_records(plan: PlannedCell) -> CellRecords:
        timed = timings(plan.path), timings(plan.baseline)
        first, *further = plan.baselines
        others = {protocol: sides(plan, protocol, plan.baselines[protocol]) for protocol in further}
        early = sides(plan, "equal_steps", plan.baselines.get("equal_steps", plan.baseline))
        similar = scores(plan.target.label, plan.source.label)
        crossed = read(plan.crossed, "seed", run.looks[0], Outcome) if plan.crossed else {}
        own, base = sides(plan, first, plan.baseline)
        return CellRecords(plan, own, base, similar, timed, others, early, run.verdict.surplus, crossed)

    return [with_records(plan) for plan in run.cells]


def _planned_seeds(run: Run) -> dict[str, int]:
    """For each arm's path the most seeds that a cell plans with it: records beyond are of an earlier run."""
    planned: dict[str, int] = {}
    for plan in run.cells:
        baselines = dict.fromkeys((plan.baseline, *plan.baselines.values()), run.verdict.surplus * plan.seeds)
        for path, seeds in {plan.path: plan.seeds, **baselines}.items():
            planned[path] = max(planned.get(path, 0), seeds)
    return planned
