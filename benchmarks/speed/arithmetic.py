"""From what was measured to ratios: medians, linear scaling of fractions, the accuracy gate, exponents of growth."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median, variance
from typing import Any

import numpy as np

from benchmarks.workloads import ARMS, BASELINE

TOLERANCE = 1e-9
Rows = Sequence[Mapping[str, Any]]


def seconds_by_arm(rows: Rows) -> dict[str, float]:
    """Mean seconds of one training of each arm."""
    return {arm: fmean(row["seconds"] for row in rows if row["arm"] == arm) for arm in ARMS if _has(rows, arm)}


def scaled(rows: Rows, counts: Mapping[str, int]) -> float:
    """Seconds of a whole grid from a fraction of it: each arm's mean seconds times how often the grid trains it."""
    mean = seconds_by_arm(rows)
    return sum(count * mean[arm] for arm, count in counts.items() if count)


def ratio(slow: Sequence[float], fast: Sequence[float]) -> dict[str, float]:
    """How many times faster, as the ratio of medians; `low` and `high` are the rounds' own ratios."""
    own = [s / f for s, f in zip(slow, fast, strict=True)]
    return {"ratio": median(slow) / median(fast), "low": min(own), "high": max(own)}


def gate(ours: Rows, theirs: Rows, n_test: int) -> list[dict[str, Any]]:
    """Whether each arm's mean test accuracy agrees between the sides over the units that the peer ran.

    Allowed are two standard errors of a difference of two means of n trainings: the variance over seeds is pooled
    within our cells (all their seeds), and is at least the binomial variance of the test set.
    """
    found = []
    for arm in (arm for arm in ARMS if _has(theirs, arm)):
        mine = {_place(row): row["accuracy"] for row in ours if row["arm"] == arm}
        pairs = [(mine[_place(row)], row["accuracy"]) for row in theirs if row["arm"] == arm]
        left, right = (fmean(side) for side in zip(*pairs, strict=True))
        spread = max(_within(ours, arm), left * (1 - left) / n_test)
        allowed = 2 * math.sqrt(2 * spread / len(pairs))
        row = {"arm": arm, "n": len(pairs), "tlbench": left, "peer": right, "allowed": allowed}
        furthest = max(abs(a - b) for a, b in pairs)
        found.append(row | {"furthest": furthest, "held": abs(left - right) <= allowed + TOLERANCE})
    return found


def exponent(sizes: Iterable[float], values: Iterable[float]) -> float:
    """The slope of log value against log size: 1 is linear growth."""
    return float(np.polyfit(np.log(list(sizes)), np.log(list(values)), 1)[0])


def _has(rows: Rows, arm: str) -> bool:
    return any(row["arm"] == arm for row in rows)


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two rows of one training share; scratch has no source."""
    return (None if row["arm"] == BASELINE else row["source"], row["target"], row["seed"])


def _within(rows: Rows, arm: str) -> float:
    """The variance of an arm's accuracy over seeds, pooled over its cells."""
    cells: dict[Any, list[float]] = {}
    for row in (row for row in rows if row["arm"] == arm):
        cells.setdefault(_place(row)[:2], []).append(row["accuracy"])
    several = [cell for cell in cells.values() if len(cell) > 1]
    freedom = sum(len(cell) - 1 for cell in several)
    return sum((len(cell) - 1) * variance(cell) for cell in several) / freedom if freedom else 0.0
