"""An arm: its records by seed, and which of its trials failed."""

from dataclasses import dataclass

import numpy as np

from tlbench.curve import LearningCurve
from tlbench.judging.readings import curve_of
from tlbench.judging.stats import Floats
from tlbench.records import Outcome, Record


@dataclass(frozen=True)
class Arm:
    """One arm's records by seed, with the seeds whose trial failed or collapsed."""

    records: dict[int, Record[Outcome]]
    failed: frozenset[int]

    @property
    def good(self) -> list[int]:
        """The seeds that did not fail, in order."""
        return sorted(self.records.keys() - self.failed)

    def values(self, seeds: list[int]) -> Floats:
        """The judged metric at these seeds, better as it grows."""
        return np.array([self.records[seed].outcome.judged.value for seed in seeds], dtype=np.float64)

    def scores(self, seeds: list[int]) -> Floats:
        """The same on the metric's own scale."""
        return np.array([self.records[seed].outcome.judged.score for seed in seeds], dtype=np.float64)

    def mean_score(self) -> float | None:
        """Mean score over the seeds that did not fail."""
        return float(self.scores(self.good).mean()) if self.good else None

    def curves(self) -> list[LearningCurve]:
        """Learning curves of the seeds that did not fail, in the seeds' order, read at the steps of the first."""
        curves = [curve for seed in self.good if (curve := curve_of(self.records[seed]))]
        return [curve for curve in curves if curve.steps == curves[0].steps]

    def unstable(self) -> bool:
        """Two or more failures: a baseline that sometimes collapses would flag cells in which nothing happened."""
        return len(self.failed) >= 2

    def at_chance(self) -> bool:
        """Whether every seed that gave a result is at chance; as a baseline it makes its cells invalid."""
        done = [record for record in self.records.values() if record.status == "done"]
        return bool(done) and all(record.outcome.judged.at_chance for record in done)
