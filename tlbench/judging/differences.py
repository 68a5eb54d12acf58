"""Whether two cells' gains differ: tested at the seeds that both have, Holm over all pairs that are asked about."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.judging import stats
from tlbench.judging.stats import Floats
from tlbench.judging.units import unit_of
from tlbench.judging.verdict import FINAL, LEAST_PAIRS, CellRecords, Judged, Verdict, design_of, evidence
from tlbench.runfile import Run


@dataclass(frozen=True)
class Difference:
    """By how much the second cell's gain exceeds the first's, at n shared seeds; shown: significantly, after Holm."""

    first: Verdict
    second: Verdict
    mean: float
    interval: tuple[float, float]
    p: float
    n: int
    shown: bool

    def text(self) -> str:
        """It with its interval."""
        return unit_of(self.first.metric).ranged(self.mean, self.interval)


def differences(judged: Judged, pairs: Sequence[tuple[Verdict, Verdict]]) -> list[Difference]:
    """Each pair of cells tested by the paired t test over shared seeds; pairs with too few of them are left out."""
    cells = {id(v): cell for v, cell in zip(judged.verdicts, judged.cells, strict=False)}
    found = [(a, b, *_gains(cells[id(a)], cells[id(b)])) for a, b in pairs if id(a) in cells and id(b) in cells]
    there = [one for one in found if len(one[2]) >= LEAST_PAIRS]
    tests = [_tested(judged.run, a, b, change, tau) for a, b, change, tau in there]
    adjusted = stats.holm(np.array([p for _, p in tests])) if tests else np.empty(0)
    return [
        Difference(a, b, float(change.mean()), ends, float(p), len(change), bool(p <= 1 - _level(a, b)))
        for (a, b, change, _), (ends, _), p in zip(there, tests, adjusted, strict=True)
    ]


def steps_of(sweep: Sequence[Verdict]) -> list[tuple[Verdict, Verdict]]:
    """The pairs of a sweep that are asked about: neighbours, and its ends."""
    return [*itertools.pairwise(sweep), *([(sweep[0], sweep[-1])] if len(sweep) > 2 else [])]


def _level(a: Verdict, b: Verdict) -> float:
    """The level that is left at the look that both reached."""
    return max(a.interval_level, b.interval_level)


def _gains(first: CellRecords, second: CellRecords) -> tuple[Floats, float]:
    """(n,) by how much the second gains more at each shared seed, and the test set's noise in the mean of it."""
    seeds = sorted(set(first.pairs) & set(second.pairs))
    if not seeds:
        return np.empty(0), 0.0
    sides = [(cell.own, cell.base) for cell in (first, second)]
    before, after = (own.values(seeds) - base.values(seeds) for own, base in sides)
    items = [own.contributions(seeds) - base.contributions(seeds) for own, base in sides]
    if items[0].shape == items[1].shape:
        return after - before, stats.item_noise(items[1], items[0])
    first_noise, second_noise = (stats.noise_of_items(*stats.item_means(one)) for one in items)
    return after - before, float(np.hypot(first_noise, second_noise))


def _tested(run: Run, a: Verdict, b: Verdict, change: Floats, tau: float) -> tuple[tuple[float, float], float]:
    """The interval and the two-sided p of a mean change."""
    seen = evidence(change[None], np.zeros((1, len(change))), np.array([tau]), reuse=max(a.reuse, b.reuse))
    error, freedom = seen.error(design_of(run, FINAL).least)
    low, high = stats.interval(seen.mean, error, freedom, _level(a, b))
    p = 2 * min(float(stats.p_below(sign * seen.mean, error, freedom)[0]) for sign in (1, -1))
    return (float(low[0]), float(high[0])), min(1.0, p)
