"""The metrics that are shown beside the judged one: gains with a plain interval, not judged and in no family."""

from typing import Any

import numpy as np

from tlbench.judging import stats
from tlbench.judging.verdict.cell_records import CellRecords

LEVEL = 0.95


def others_of(cell: CellRecords) -> dict[str, dict[str, Any]]:
    """For each further metric that both sides were read by: its mean gain, what it stands on, both mean scores.

    interval: the plain t interval over the seeds that both sides share, None of fewer than two; n_pairs: those seeds.
    Gains are better as they grow, scores on the metric's own scale; the test set's own noise is not in the interval.
    """
    outcomes = {seed: tuple(arm.records[seed].outcome for arm in (cell.own, cell.base)) for seed in cell.pairs}
    both = {seed: own.measured.keys() & base.measured.keys() - {own.metric} for seed, (own, base) in outcomes.items()}
    shown = {}
    for name in sorted(set().union(*both.values())):
        read = [tuple(side.measured[name] for side in outcomes[seed]) for seed in cell.pairs if name in both[seed]]
        gains = np.array([own.value - base.value for own, base in read])
        n, mean, spread, _ = stats.moments(gains)
        low, high = stats.interval(mean, spread / np.sqrt(n), n - 1, LEVEL)
        own_score, base_score = np.mean([[own.score, base.score] for own, base in read], 0)
        shown[name] = {
            "gain": float(mean),
            "interval": [float(low), float(high)] if n > 1 else None,
            "n_pairs": len(read),
            "score": float(own_score),
            "baseline_score": float(base_score),
        }
    return shown
