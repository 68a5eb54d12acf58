"""Changes judged: by the same judge as verdicts, paired by seed or by Welch's test."""

from collections.abc import Sequence

import numpy as np

from tlbench import stats
from tlbench.accepted import Accepted
from tlbench.changes.rule import AXES, SAID, Change, Rule
from tlbench.changes.series import Series, series_of
from tlbench.verdict import Evidence, judge

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
    before, after = (float(np.mean(list(side.values()))) if side else None for side in (one.before, one.after))
    return before, after


def _untested(one: Series) -> Change:
    before, after = _means(one)
    change = None if before is None or after is None else after - before
    proven = one.known in ("unchanged", "new")
    n = len(one.before.keys() & one.after.keys())
    return Change(one.axis, one.path, one.known, before, after, change, n=n, noninferior=proven, note=one.note)


def _evidence(group: Sequence[Series]) -> Evidence:
    """Paired by seed, or of two independent samples (Welch), as evidence for the judge."""
    rows = []
    for one in group:
        if one.paired:
            shared = sorted(one.before.keys() & one.after.keys())
            n, mean, spread, skewness = stats.moments(np.array([one.after[seed] - one.before[seed] for seed in shared]))
            rows.append((n, mean, spread, skewness, n - 1))
            continue
        sides = [stats.moments(np.array(list(side.values()))) for side in (one.before, one.after)]
        n = np.minimum(sides[0][0], sides[1][0])
        error, freedom = stats.welch(sides[0][2], sides[0][0], sides[1][2], sides[1][0])
        rows.append((n, sides[1][1] - sides[0][1], error * np.sqrt(n), np.zeros(()), freedom))
    n, mean, spread, skewness, freedom = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    return Evidence(n, mean, spread, skewness, np.zeros_like(mean), freedom)


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
