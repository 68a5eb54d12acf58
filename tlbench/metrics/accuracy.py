"""Accuracy: the share of items whose largest score is their label's."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from tlbench.dataset import Labels
from tlbench.metric import Metric


@dataclass(frozen=True)
class Accuracy(Metric):
    """The share of items that are right, in [0, 1]; a guess names the most frequent class."""

    margin: ClassVar[float] = 0.005

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) whether each item is right."""
        return scores.argmax(1) == labels

    def chance(self, labels: Labels) -> float:
        """The share p of the most frequent class."""
        return float(np.bincount(labels).max() / len(labels))

    def chance_limit(self, labels: Labels) -> float:
        """Three standard errors more: p + 3 sqrt(p (1 - p) / n)."""
        p = self.chance(labels)
        return float(p + 3 * np.sqrt(p * (1 - p) / len(labels)))
