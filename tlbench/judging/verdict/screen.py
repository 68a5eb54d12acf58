"""The screen: which trials failed or collapsed, which arms are unstable, which baselines are worth nothing."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from tlbench.judging.verdict.arm import Arm
from tlbench.records import Outcome, Record


def screen(arms: Mapping[str, dict[int, Record[Outcome]]]) -> dict[str, Arm]:
    """The arms of a run, by path and seed, with their failed trials found; paths begin with the target's label."""
    best = _best_by_target(arms)
    return {path: Arm(records, _failed(records, best[path.partition("/")[0]])) for path, records in arms.items()}


def _best_by_target(arms: Mapping[str, dict[int, Record[Outcome]]]) -> dict[str, float]:
    """The highest mean lift over chance of a target's arms."""
    best: dict[str, float] = defaultdict(float)
    for path, records in arms.items():
        lifts = [record.outcome.judged.lift for record in records.values() if record.status == "done"]
        target = path.partition("/")[0]
        best[target] = max(best[target], float(np.mean(lifts)) if lifts else 0.0)
    return best


def _failed(records: dict[int, Record[Outcome]], best: float) -> frozenset[int]:
    """Seeds that diverged, and seeds that collapsed to chance while the arm's other seeds are well above it."""
    failed = {seed for seed, record in records.items() if record.status == "failed"}
    done = {seed: record.outcome.judged for seed, record in records.items() if seed not in failed}
    for seed, judged in done.items():
        others = [other.lift for i, other in done.items() if i != seed]
        lift = np.median(others) if others else 0.0
        if judged.at_chance and lift > best / 2 > 0:
            failed.add(seed)
    return frozenset(failed)
