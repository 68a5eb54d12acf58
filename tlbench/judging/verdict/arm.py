"""An arm: its records by seed, and which of its trials failed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from tlbench.curve import LearningCurve
from tlbench.judging import stats
from tlbench.judging.readings import curve_of
from tlbench.judging.stats import Floats
from tlbench.records import Measured, Outcome, Record
from tlbench.runfile import Protocol

Reading: TypeAlias = Callable[[Outcome], Measured]


def reading_of(protocol: Protocol) -> Reading:
    """What is read of a trial under a budget protocol: within the suite's budget, or where the arm stands still."""
    return _within if protocol == "equal_steps" else _final


def _within(outcome: Outcome) -> Measured:
    return outcome.within_budget


def _final(outcome: Outcome) -> Measured:
    return outcome.judged


@dataclass(frozen=True)
class Arm:
    """One arm's records by seed, with the seeds whose trial failed, collapsed or fell out, and in what way."""

    records: dict[int, Record[Outcome]]
    failed: Mapping[int, str]
    reading: Reading = _final
    _items: dict[tuple[int, ...], tuple[Floats, float]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def good(self) -> list[int]:
        """The seeds that did not fail, in order."""
        return sorted(self.records.keys() - self.failed.keys())

    def measured(self, seed: int) -> Measured:
        """What the judged metric reads at a seed."""
        return self.reading(self.records[seed].outcome)

    def values(self, seeds: list[int]) -> Floats:
        """The judged metric at these seeds, better as it grows."""
        return np.array([self.measured(seed).value for seed in seeds], dtype=np.float64)

    def scores(self, seeds: list[int]) -> Floats:
        """The same on the metric's own scale."""
        return np.array([self.measured(seed).score for seed in seeds], dtype=np.float64)

    def contributions(self, seeds: list[int]) -> Floats:
        """(n, N) what each test item adds at these seeds, better as it grows."""
        return np.array([self.measured(seed).contributions() for seed in seeds])

    def item_means(self, seeds: list[int]) -> tuple[Floats, float]:
        """Each test item's mean over these seeds and what chance adds to it, kept for the next cell that asks."""
        key = tuple(seeds)
        if key not in self._items:
            self._items[key] = stats.item_means(self.contributions(seeds))
        return self._items[key]

    def mean_score(self) -> float | None:
        """Mean score over the seeds that did not fail."""
        return float(self.scores(self.good).mean()) if self.good else None

    def curves(self) -> list[LearningCurve]:
        """Learning curves of the seeds that did not fail, in the seeds' order, read at the steps of the first."""
        curves = [curve for seed in self.good if (curve := curve_of(self.records[seed]))]
        return [curve for curve in curves if curve.steps == curves[0].steps]

    def unstable(self) -> bool:
        """Whether so many failed that the arm is none: a baseline that sometimes collapses flags what is not there."""
        return bool(stats.too_many(np.array(len(self.failed)), np.array(len(self.records))))

    def at_chance(self) -> bool:
        """Whether every seed that gave a result is at chance; as a baseline it makes its cells invalid."""
        done = [seed for seed, record in self.records.items() if record.status == "done"]
        return bool(done) and all(self.measured(seed).at_chance for seed in done)

    def mostly_at_edge(self) -> bool:
        """Whether more than half of its trials took the smallest or the largest rate: it is not tuned out."""
        edges = [self.records[seed].outcome.at_edge for seed in self.good]
        return sum(edges) * 2 > len(edges)
