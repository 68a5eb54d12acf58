"""The axes: what is paired, its margin and its noise; each gets a verdict of its own, by the same judge."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlbench.judging import stats
from tlbench.judging.verdict.held import Held, accuracy_of, area_of, speed_of
from tlbench.judging.verdict.judge import Design, evidence, judge
from tlbench.records import Record


@dataclass(frozen=True)
class Axis:
    """A reading of a record, better as it grows; the setting that holds its margin; the floor under tau.

    scale: the margin on the reading's own scale.
    """

    read: Callable[[Record], float | None]
    margin: str
    floor: float
    test_noise: bool
    scale: Callable[[float], float] = float


LAST = ("mean", "spread", "skewness", "tau", "freedom")  # of the evidence, as they stand at a cell's last look
ACCURACY = Axis(accuracy_of, "margin", stats.FLOOR, test_noise=True)
CONVERGENCE = Axis(area_of, "convergence_margin", 0.0, test_noise=False)
COST = Axis(speed_of, "cost_margin", 0.0, test_noise=False, scale=math.log1p)


@dataclass(frozen=True)
class Finding:
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


def design_of(run: dict[str, Any], axis: Axis) -> Design:
    """What a run fixed beforehand for an axis."""
    settings = run["verdict"]
    return Design(settings["alpha"], axis.scale(settings[axis.margin]), tuple(run["weights"]), axis.floor)


def judge_axis(group: Sequence[Held], run: dict[str, Any], axis: Axis) -> list[Finding | None]:
    """One family on one axis; cells to which it does not apply are outside the family and get None."""
    applies = [held for held in group if not _silent(held, axis)]
    if not applies:
        return [None] * len(group)
    looks, design = run["looks"], design_of(run, axis)
    sides = np.full((2, len(applies), looks[-1]), np.nan)
    for row, held in enumerate(applies):
        for side, arm in enumerate((held.own, held.base)):
            sides[side, row, held.pairs] = [axis.read(arm.records[seed]) for seed in held.pairs]
    tau = [np.array([held.tau(n) if axis.test_noise else 0.0 for held in applies]) for n in looks]
    welch = run["verdict"]["pairing"] == "welch"
    seen = [evidence(sides[0, :, :n], sides[1, :, :n], t, welch=welch) for n, t in zip(looks, tau, strict=True)]
    reached = np.array([looks.index(held.planned) + 1 for held in applies])
    found = judge(seen, design, np.array([held.screened() for held in applies]), reached)
    findings = {}
    for row, held in enumerate(applies):
        look = reached[row] - 1
        last = {
            name: float(getattr(seen[look], name)[row]) for name in ("mean", "spread", "skewness", "tau", "freedom")
        }
        findings[id(held)] = Finding(
            verdict=str(found.verdict[row]),
            confirmed=bool(found.confirmed[row]),
            p_harm=float(found.p_harm[row]),
            p_benefit=float(found.p_benefit[row]),
            interval=(float(found.low[row]), float(found.high[row])),
            level=1 - design.alpha * design.weights[look],
            n=len(held.pairs),
            **last,
        )
    return [findings.get(id(held)) for held in group]


def judge_cost(group: Sequence[Held], run: dict[str, Any]) -> list[Finding | None]:
    """One family on cost: the timing pass's seconds, as paired log ratios; None where there was none."""
    first = run["looks"][0]
    timed = [held.at_the_clock(first) for held in group]
    there = [held for held in timed if held is not None]
    found = iter(judge_axis(there, run | {"looks": [first], "weights": [1.0]}, COST))
    return [None if held is None else next(found) for held in timed]


def _silent(held: Held, axis: Axis) -> bool:
    """Whether either side has results, but none that the axis can read."""
    for arm in (held.own, held.base):
        done = [record for record in arm.records.values() if record.status == "done"]
        if done and all(axis.read(record) is None for record in done):
            return True
    return False
