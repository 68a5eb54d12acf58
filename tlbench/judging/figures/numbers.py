"""Verdicts as rows of a table, and the words for intervals and seeds in captions."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from tlbench.judging.stats import Floats
from tlbench.judging.verdict import Judged, Verdict

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


def cells(judged: Judged) -> list[Verdict]:
    """The judged cells that have a gain, controls apart."""
    return [v for v in judged.verdicts if v.role == "cell" and v.gain is not None]


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Items by a key, in the order in which keys first occur."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def points(share: float | None) -> float | None:
    """A share in [-1, 1] as points, to what a table needs."""
    return None if share is None else round(100 * share, 4)


def gain_of(v: Verdict) -> float:
    """The gain in points; zero where there is none."""
    return 100 * (v.gain or 0.0)


def bar_lengths(verdicts: Sequence[Verdict]) -> Floats:
    """How far each gain's interval goes below and above it, in points, (2, n); zero without an interval."""
    ends = [v.interval or (v.gain or 0.0, v.gain or 0.0) for v in verdicts]
    gains = np.array([gain_of(v) for v in verdicts])
    low, high = 100 * np.array(ends, dtype=np.float64).reshape(-1, 2).T
    return np.array([gains - low, high - gains]).clip(min=0.0)


def row(v: Verdict) -> dict[str, Any]:
    """What every table says of a cell."""
    low, high = v.interval or (None, None)
    return {
        "target": v.target,
        "source": v.source,
        "method": v.method,
        "role": v.role,
        "verdict": v.verdict,
        "n": v.n_pairs,
        "gain_points": points(v.gain),
        "low_points": points(low),
        "high_points": points(high),
        "interval_level": v.interval_level,
    }


def bars(verdicts: Iterable[Verdict]) -> str:
    """How a caption names the interval of these cells, with its level and the number of pairs."""
    shown = list(verdicts)
    level = span({round(100 * v.interval_level, 2) for v in shown})
    return f"bars: the gain's {level} % interval, a cell, over n = {span({v.n_pairs for v in shown})} pairs"


def span(values: Iterable[float]) -> str:
    """One value, or the least and the greatest."""
    low, high = min(ends := list(values)), max(ends)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
