"""Verdicts as rows of a table, and the words for intervals and seeds in captions."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from tlbench.judging.stats import Floats
from tlbench.judging.units import Unit, unit_of
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


def unit(judged: Judged) -> Unit:
    """In what a run's gains are drawn."""
    return unit_of(judged.run.suite.metric)


def column(name: str, metric: str) -> str:
    """A table's column of a metric's numbers; it says where they are hundredths."""
    return f"{name}_points" if unit_of(metric).scale > 1 else name


def scaled(value: float | None, metric: str) -> float | None:
    """A score or a difference in its unit, to what a table needs."""
    return None if value is None else round(unit_of(metric).scale * value, 4)


def gain_of(v: Verdict) -> float:
    """The gain in its unit; zero where there is none."""
    return unit_of(v.metric).scale * (v.gain or 0.0)


def bar_lengths(verdicts: Sequence[Verdict]) -> Floats:
    """How far each gain's interval goes below and above it, in its unit, (2, n); zero without an interval."""
    ends = [v.interval or (v.gain or 0.0, v.gain or 0.0) for v in verdicts]
    gains = np.array([gain_of(v) for v in verdicts])
    scales = np.array([unit_of(v.metric).scale for v in verdicts])
    low, high = scales * np.array(ends, dtype=np.float64).reshape(-1, 2).T
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
        column("gain", v.metric): scaled(v.gain, v.metric),
        column("low", v.metric): scaled(low, v.metric),
        column("high", v.metric): scaled(high, v.metric),
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
