"""The screen: which trials failed or collapsed, which arms are unstable, which baselines are worth nothing."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlbench.curve import LearningCurve
from tlbench.judging.readings import curve_of
from tlbench.judging.stats import Floats
from tlbench.records import Record


@dataclass(frozen=True)
class Side:
    """One arm's records by seed, with the seeds whose trial failed or collapsed."""

    records: dict[int, Record]
    failed: frozenset[int]

    def accuracies(self, seeds: list[int]) -> Floats:
        """Final accuracies of these seeds."""
        return np.array([self.records[seed].outcome["accuracy"] for seed in seeds], dtype=np.float64)

    def mean(self) -> float | None:
        """Mean accuracy over the seeds that did not fail."""
        good = [seed for seed in self.records if seed not in self.failed]
        return float(self.accuracies(good).mean()) if good else None

    def curves(self) -> list[LearningCurve]:
        """Learning curves of the seeds that did not fail, in the seeds' order, read at the steps of the first."""
        good = [self.records[seed] for seed in sorted(self.records) if seed not in self.failed]
        found = [curve for record in good if (curve := curve_of(record))]
        return [curve for curve in found if curve.steps == found[0].steps]

    def unstable(self) -> bool:
        """Two or more failures: a baseline that sometimes collapses would flag cells in which nothing happened."""
        return len(self.failed) >= 2

    def at_chance(self) -> bool:
        """Whether every seed that gave a result is at chance; as a baseline it makes its cells invalid."""
        done = [record for record in self.records.values() if record.status == "done"]
        return bool(done) and all(at_chance(record.outcome) for record in done)


def screen(arms: Mapping[str, dict[int, Record]]) -> dict[str, Side]:
    """The arms of a run, by path and seed, with their failed trials found; paths begin with the target's label."""
    best = _best_by_target(arms)
    return {path: Side(found, _failed(found, best[path.partition("/")[0]])) for path, found in arms.items()}


def _best_by_target(arms: Mapping[str, dict[int, Record]]) -> dict[str, float]:
    best: dict[str, float] = defaultdict(float)
    for path, found in arms.items():
        done = [record.outcome["accuracy"] for record in found.values() if record.status == "done"]
        target = path.partition("/")[0]
        best[target] = max(best[target], float(np.mean(done)) if done else 0.0)
    return best


def at_chance(outcome: dict[str, Any]) -> bool:
    """Accuracy no better than the majority class would give by luck: p + 3 sqrt(p (1 - p) / N)."""
    p, n = outcome["chance"], outcome["n_test"]
    return bool(outcome["accuracy"] <= p + 3 * np.sqrt(p * (1 - p) / n))


def _failed(found: dict[int, Record], best: float) -> frozenset[int]:
    """Seeds that diverged, and seeds that collapsed to chance while the arm's other seeds are well above it."""
    failed = {seed for seed, record in found.items() if record.status == "failed"}
    done = {seed: record.outcome for seed, record in found.items() if seed not in failed}
    for seed, outcome in done.items():
        others = [other["accuracy"] for i, other in done.items() if i != seed]
        lift = np.median(others) - outcome["chance"] if others else 0.0
        if at_chance(outcome) and lift > (best - outcome["chance"]) / 2 > 0:
            failed.add(seed)
    return frozenset(failed)
