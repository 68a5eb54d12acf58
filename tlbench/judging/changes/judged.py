"""Changes judged: by the same judge as verdicts, paired by seed or by Welch's test."""

from collections.abc import Sequence

import numpy as np

from tlbench.judging import stats
from tlbench.judging.accepted import Accepted
from tlbench.judging.changes.rule import AXES, SAID, Change, Rule
from tlbench.judging.changes.series import Series, series_of
from tlbench.judging.stats import Bools, Floats
from tlbench.judging.verdict import Evidence, judge

LEVEL = 0.95  # of the interval that is shown


def changes(before: Accepted, after: Accepted, rule: Rule) -> list[Change]:
    """Every cell's gain and cost, every arm's accuracy and convergence: what became of them, in that order."""
    series = series_of(before, after)
    tested = {axis: [one for one in series if one.axis == axis and not one.known] for axis in AXES}
    n_axes = sum(bool(group) for group in tested.values())
    found = [change for axis, group in tested.items() for change in _judged(group, rule, axis, n_axes)]
    found += [_untested(one) for one in series if one.known]
    places = {(one.axis, one.path): place for place, one in enumerate(series)}
    return sorted(found, key=lambda change: places[(change.axis, change.path)])


def _means(one: Series) -> tuple[float | None, float | None]:
    """Mean before and after, of the seeds that are compared."""
    shared = one.before.keys() & one.after.keys()
    sides = [
        [value for seed, value in side.items() if not one.paired or not shared or seed in shared]
        for side in (one.before, one.after)
    ]
    before, after = (float(np.mean(side)) if side else None for side in sides)
    return before, after


def _untested(one: Series) -> Change:
    before, after = _means(one)
    change = None if before is None or after is None else after - before
    proven = one.known in ("unchanged", "new")
    n = len(one.before.keys() & one.after.keys())
    return Change(one.axis, one.path, one.known, before, after, change, n=n, noninferior=proven, note=one.note)


def change_evidence(before: Floats, after: Floats, paired: Bools) -> Evidence:
    """From values (..., C, n) by seed, nan where a side has none; cells (C,) are paired by seed, or Welch's."""
    n, mean, spread, skewness = stats.moments(after - before)
    size, middle, first, _ = stats.moments(before)
    other, end, second, _ = stats.moments(after)
    error, freedom = stats.welch(first, size, second, other)
    least = np.minimum(size, other)
    return Evidence(
        np.where(paired, n, least),
        np.where(paired, mean, end - middle),
        np.where(paired, spread, error * np.sqrt(least)),
        np.where(paired, skewness, 0.0),
        np.zeros_like(mean),
        np.where(paired, n - 1, freedom),
    )


def _evidence(group: Sequence[Series]) -> Evidence:
    seeds = sorted({seed for one in group for side in (one.before, one.after) for seed in side})
    before, after = (
        np.array([[side.get(seed, np.nan) for seed in seeds] for side in sides])
        for sides in ([one.before for one in group], [one.after for one in group])
    )
    return change_evidence(before, after, np.array([one.paired for one in group]))


def _judged(group: Sequence[Series], rule: Rule, axis: str, n_axes: int) -> list[Change]:
    if not group:
        return []
    design, seen = rule.design(axis, n_axes), _evidence(group)
    found = judge([seen], design)
    error = stats.standard_error(seen.spread, seen.n, seen.tau, design.least)
    low, high = stats.interval(seen.mean, error, seen.freedom, LEVEL)
    sees = stats.detectable(error, seen.freedom, design.alpha / 2 / len(group), design.margin)
    inferior = stats.p_below(-seen.mean, error, seen.freedom, design.margin)
    made = []
    for i, one in enumerate(group):
        before, after = _means(one)
        made.append(
            Change(
                axis,
                one.path,
                SAID[str(found.verdict[i])],
                before,
                after,
                float(seen.mean[i]),
                (float(low[i]), float(high[i])),
                int(seen.n[i]),
                one.paired,
                float(found.p_harm[i]),
                bool(inferior[i] <= rule.alpha),
                float(sees[i]),
                one.note,
            )
        )
    return made
