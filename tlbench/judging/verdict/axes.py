"""The axes: what is read of a trial, its margin and its noise; each gets a verdict of its own, by the same judge."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from tlbench.judging import chances, stats
from tlbench.judging.verdict.arm import Arm
from tlbench.judging.verdict.cell_records import CellRecords, area_of, speed_of
from tlbench.judging.verdict.evidence import Evidence, evidence
from tlbench.judging.verdict.judge import CONFIRM_PAIRS, Design, Judgement, judge
from tlbench.runfile import Run, VerdictSettings


@dataclass(frozen=True)
class Axis:
    """A reading of a trial, better as it grows; its margin, on the reading's own scale; the floor under tau.

    on_test: whether it is read on the test split; drawn: whether it depends on what was drawn from the pool; screened:
    whether an arm that is unstable, or at chance, says nothing on it.
    """

    read: Callable[[Arm, int], float | None]
    margin: Callable[[VerdictSettings], float]
    floor: float
    on_test: bool
    drawn: bool = True
    screened: bool = True


def _score(arm: Arm, seed: int) -> float | None:
    """The judged metric on the test split."""
    return arm.measured(seed).value


def _area(arm: Arm, seed: int) -> float | None:
    return area_of(arm.records[seed])


def _speed(arm: Arm, seed: int) -> float | None:
    return speed_of(arm.records[seed])


FINAL = Axis(_score, lambda settings: settings.margin, stats.FLOOR, on_test=True)
CONVERGENCE = Axis(_area, lambda settings: settings.convergence_margin, 0.0, on_test=False)
COST = Axis(_speed, lambda settings: math.log1p(settings.cost_margin), 0.0, on_test=False, drawn=False, screened=False)


@dataclass(frozen=True)
class AxisVerdict:
    """A cell's verdict on one axis, with the evidence at its last look.

    error: the standard error of the mean. sees: the smallest mean that would have been flagged with power 0.8. pooled:
    flagged by the family's pooled variance alone; prior: degrees of freedom that this added.
    """

    verdict: str
    confirmed: bool
    p_harm: float
    p_benefit: float
    interval: tuple[float, float]
    level: float
    n: int
    m: int
    pairs: int
    mean: float
    spread: float
    base_spread: float
    pair_spread: float
    skewness: float
    tau: float
    error: float
    sees: float
    pooled: bool
    prior: float

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
    seen = [_evidence(cells, run, axis, n) for n in run.looks]
    looks_had = np.array([run.looks.index(cell.planned) + 1 for cell in cells])
    words = [cell.screened() if axis.screened else "" for cell in cells]
    judgement = judge(seen, design, np.array(words), looks_had)
    verdicts = {}
    for row, cell in enumerate(cells):
        last = looks_had[row] - 1
        verdicts[cell.path] = _verdict(judgement, seen[last], row, design, design.alpha * design.weights[last])
    return [verdicts.get(cell.path) for cell in group]


def _evidence(cells: Sequence[CellRecords], run: Run, axis: Axis, n: int) -> Evidence:
    """The evidence of a family at a look of n seeds."""
    own, base = np.full((len(cells), n), np.nan), np.full((len(cells), run.verdict.surplus * n), np.nan)
    for row, cell in enumerate(cells):
        for values, arm, seeds in ((own, cell.own, cell.own_seeds), (base, cell.base, cell.base_seeds)):
            seen = [seed for seed in seeds if seed < values.shape[1]]
            values[row, seen] = [axis.read(arm, seed) for seed in seen]
    tau = np.array([cell.tau(n) if axis.on_test else 0.0 for cell in cells])
    reuse, welch = np.array([cell.reuse if axis.drawn else 0.0 for cell in cells]), run.verdict.pairing == "welch"
    confirms = axis.on_test and welch and n >= CONFIRM_PAIRS
    pair_tau = np.array([cell.pair_tau(n) for cell in cells]) if confirms else tau
    return evidence(own, base, tau, pair_tau=pair_tau, welch=welch, reuse=reuse)


def _verdict(judgement: Judgement, seen: Evidence, row: int, design: Design, level: float) -> AxisVerdict:
    """A row of a family's judgement, with the evidence at its last look, which had so much of the level."""
    one = Evidence(*(getattr(seen, f.name)[row] for f in fields(Evidence)))
    error, freedom = one.error(design.least)
    size = judgement.verdict.shape[-1]
    return AxisVerdict(
        verdict=str(judgement.verdict[row]),
        confirmed=bool(judgement.confirmed[row]),
        p_harm=float(judgement.p_harm[row]),
        p_benefit=float(judgement.p_benefit[row]),
        interval=(float(judgement.low[row]), float(judgement.high[row])),
        level=1 - level,
        n=int(one.n),
        m=int(one.m if np.isfinite(one.m) else one.n),
        pairs=int(one.pairs),
        mean=float(one.mean),
        spread=float(one.spread),
        base_spread=float(one.base_spread),
        pair_spread=float(one.pair_spread),
        skewness=float(one.skewness),
        tau=float(one.tau),
        error=float(error),
        sees=float(chances.detectable(error, freedom, level / 2 / size, design.margin)),
        pooled=bool(judgement.pooled[row]),
        prior=float(judgement.freedom[row]),
    )


def judge_cost(group: Sequence[CellRecords], run: Run) -> list[AxisVerdict | None]:
    """One family on cost: the timing pass's seconds, as paired log ratios; None where there was none."""
    first = run.looks[0]
    timed = [cell.at_the_clock(first) for cell in group]
    if all(cell is None or cell.invalid for cell in timed):
        return [None] * len(group)
    there = [cell for cell in timed if cell is not None]
    paired = run.verdict.model_copy(update={"pairing": "paired"})
    once = run.model_copy(update={"looks": (first,), "weights": (1.0,), "verdict": paired})
    verdicts = iter(judge_axis(there, once, COST))
    found = [None if cell is None else next(verdicts) for cell in timed]
    return [None if cell.invalid else judged for cell, judged in zip(group, found, strict=True)]


def _silent(cell: CellRecords, axis: Axis) -> bool:
    """Whether either side has results, but none that the axis can read; or would have none, were it run."""
    if cell.invalid and axis is CONVERGENCE:
        return cell.plan.method.unfrozen is None
    for arm in (cell.own, cell.base):
        done = [seed for seed, record in arm.records.items() if record.status == "done"]
        if done and all(axis.read(arm, seed) is None for seed in done):
            return True
    return False
