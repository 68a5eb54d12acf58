"""Changes judged: by the same judge as verdicts, paired by seed or by Welch's test."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.judging import chances, stats
from tlbench.judging.accepted import Accepted
from tlbench.judging.changes.rule import AXES, SAID, Change, Rule
from tlbench.judging.changes.series import Series, series_of
from tlbench.judging.stats import Bools, Floats
from tlbench.judging.verdict import Evidence, evidence, judge

LEVEL = 0.95  # of the interval that is shown


def changes(before: Accepted, after: Accepted, rule: Rule) -> list[Change]:
    """Every cell's gain and cost, every arm's score and convergence: what became of them, in that order.

    Raises:
        TlbenchError: the two are judged by different metrics.
    """
    if before.metric != after.metric:
        metrics = f"'{before.suite}' is judged by {before.metric}, '{after.suite}' by {after.metric}"
        raise TlbenchError(f"{metrics}; compare runs of one metric")
    every = series_of(before, after)
    tested = {axis: [series for series in every if series.axis == axis and not series.known] for axis in AXES}
    n_axes = sum(bool(group) for group in tested.values())
    made = [change for axis, group in tested.items() for change in _judged(group, rule, axis, n_axes)]
    made += [_untested(series) for series in every if series.known]
    places = {(series.axis, series.path): place for place, series in enumerate(every)}
    return sorted(made, key=lambda change: places[(change.axis, change.path)])


def _means(series: Series) -> tuple[float | None, float | None]:
    """Mean before and after, of the seeds that are compared."""
    shared = series.before.keys() & series.after.keys()
    sides = [
        [value for seed, value in side.items() if not series.paired or not shared or seed in shared]
        for side in (series.before, series.after)
    ]
    before, after = (float(np.mean(side)) if side else None for side in sides)
    return before, after


def _untested(series: Series) -> Change:
    before, after = _means(series)
    return Change(
        series.axis,
        series.path,
        series.known,
        before,
        after,
        None if before is None or after is None else after - before,
        n=len(series.before.keys() & series.after.keys()),
        noninferior=series.known in ("unchanged", "new"),
        note=series.note,
    )


def change_evidence(before: Floats, after: Floats, paired: Bools) -> Evidence:
    """From values (..., C, n) by seed, nan where a side has none; cells (C,) are paired by seed, or Welch's."""
    pairs, apart = (evidence(after, before, np.zeros(after.shape[:-1]), welch=welch) for welch in (False, True))
    return Evidence(*(np.where(paired, getattr(pairs, f.name), getattr(apart, f.name)) for f in fields(Evidence)))


def _evidence(group: Sequence[Series]) -> Evidence:
    seeds = sorted({seed for series in group for side in (series.before, series.after) for seed in side})
    before, after = (
        np.array([[side.get(seed, np.nan) for seed in seeds] for side in sides])
        for sides in ([series.before for series in group], [series.after for series in group])
    )
    return change_evidence(before, after, np.array([series.paired for series in group]))


def _judged(group: Sequence[Series], rule: Rule, axis: str, n_axes: int) -> list[Change]:
    if not group:
        return []
    design, seen = rule.design(axis, n_axes), _evidence(group)
    judgement = judge([seen], design)
    error, freedom = seen.error(design.least)
    low, high = stats.interval(seen.mean, error, freedom, LEVEL)
    sees = chances.detectable(error, freedom, design.alpha / 2 / len(group), design.margin)
    inferior = stats.p_below(-seen.mean, error, freedom, design.margin)
    made = []
    for i, series in enumerate(group):
        before, after = _means(series)
        made.append(
            Change(
                axis,
                series.path,
                SAID[str(judgement.verdict[i])],
                before,
                after,
                float(seen.mean[i]),
                (float(low[i]), float(high[i])),
                int(seen.least[i]),
                series.paired,
                float(judgement.p_harm[i]),
                bool(inferior[i] <= rule.alpha),
                float(sees[i]),
                series.note,
            )
        )
    return made
