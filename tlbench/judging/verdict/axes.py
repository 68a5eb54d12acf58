"""The axes: what is paired, its margin and its noise; each gets a verdict of its own, by the same judge."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.judging import stats
from tlbench.judging.verdict.cell_records import CellRecords, area_of, speed_of, value_of
from tlbench.judging.verdict.judge import Design, Evidence, Judgement, evidence, judge
from tlbench.records import Outcome, Record
from tlbench.run import Run, VerdictSettings


@dataclass(frozen=True)
class Axis:
    """A reading of a record, better as it grows; its margin, on the reading's own scale; the floor under tau."""

    read: Callable[[Record[Outcome]], float | None]
    margin: Callable[[VerdictSettings], float]
    floor: float
    test_noise: bool


FINAL = Axis(value_of, lambda settings: settings.margin, stats.FLOOR, test_noise=True)
CONVERGENCE = Axis(area_of, lambda settings: settings.convergence_margin, 0.0, test_noise=False)
COST = Axis(speed_of, lambda settings: math.log1p(settings.cost_margin), 0.0, test_noise=False)


@dataclass(frozen=True)
class AxisVerdict:
    """A cell's verdict on one axis, with the evidence at its last look."""

    verdict: str
    confirmed: bool
    p_harm: float
    p_benefit: float
    interval: tuple[float, float]
    level: float
    n: int
    mean: float
    spread: float
    skewness: float
    tau: float
    freedom: float

    @property
    def p_adjusted(self) -> float:
        """The smaller of the two directions' adjusted p-values."""
        return min(self.p_harm, self.p_benefit)


def design_of(run: Run, axis: Axis) -> Design:
    """What a run fixed beforehand for an axis."""
    return Design(run.verdict.alpha, axis.margin(run.verdict), run.weights, axis.floor)


def judge_axis(group: Sequence[CellRecords], run: Run, axis: Axis) -> list[AxisVerdict | None]:
    """One family on one axis; cells to which it does not apply are outside the family and get None."""
    cells = [cell for cell in group if not _silent(cell, axis)]
    if not cells:
        return [None] * len(group)
    design = design_of(run, axis)
    seen = _evidence(cells, run, axis)
    looks_had = np.array([run.looks.index(cell.planned) + 1 for cell in cells])
    judgement = judge(seen, design, np.array([cell.screened() for cell in cells]), looks_had)
    verdicts = {}
    for row, cell in enumerate(cells):
        last = looks_had[row] - 1
        level = 1 - design.alpha * design.weights[last]
        verdicts[cell.path] = _verdict(judgement, seen[last], row, level, len(cell.pairs))
    return [verdicts.get(cell.path) for cell in group]


def _evidence(cells: Sequence[CellRecords], run: Run, axis: Axis) -> list[Evidence]:
    """The evidence of a family at each look."""
    readings = np.full((2, len(cells), run.looks[-1]), np.nan)
    for row, cell in enumerate(cells):
        for side, arm in enumerate((cell.own, cell.base)):
            readings[side, row, cell.pairs] = [axis.read(arm.records[seed]) for seed in cell.pairs]
    tau = [np.array([cell.tau(n) if axis.test_noise else 0.0 for cell in cells]) for n in run.looks]
    welch = run.verdict.pairing == "welch"
    return [
        evidence(readings[0, :, :n], readings[1, :, :n], noise, welch=welch)
        for n, noise in zip(run.looks, tau, strict=True)
    ]


def _verdict(judgement: Judgement, seen: Evidence, row: int, level: float, n: int) -> AxisVerdict:
    """A row of a family's judgement, with the evidence at its last look."""
    return AxisVerdict(
        verdict=str(judgement.verdict[row]),
        confirmed=bool(judgement.confirmed[row]),
        p_harm=float(judgement.p_harm[row]),
        p_benefit=float(judgement.p_benefit[row]),
        interval=(float(judgement.low[row]), float(judgement.high[row])),
        level=level,
        n=n,
        mean=float(seen.mean[row]),
        spread=float(seen.spread[row]),
        skewness=float(seen.skewness[row]),
        tau=float(seen.tau[row]),
        freedom=float(seen.freedom[row]),
    )


def judge_cost(group: Sequence[CellRecords], run: Run) -> list[AxisVerdict | None]:
    """One family on cost: the timing pass's seconds, as paired log ratios; None where there was none."""
    first = run.looks[0]
    timed = [cell.at_the_clock(first) for cell in group]
    there = [cell for cell in timed if cell is not None]
    once = run.model_copy(update={"looks": (first,), "weights": (1.0,)})
    verdicts = iter(judge_axis(there, once, COST))
    return [None if cell is None else next(verdicts) for cell in timed]


def _silent(cell: CellRecords, axis: Axis) -> bool:
    """Whether either side has results, but none that the axis can read."""
    for arm in (cell.own, cell.base):
        done = [record for record in arm.records.values() if record.status == "done"]
        if done and all(axis.read(record) is None for record in done):
            return True
    return False
