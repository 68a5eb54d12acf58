"""The share of items that are wrong."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from tlbench.dataset import Labels
from tlbench.metric import Metric


@dataclass(frozen=True)
class ErrorRate(Metric):
    """1 - accuracy, a loss."""

    higher_is_better: ClassVar[bool] = False
    margin: ClassVar[float] = 0.005

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Whether each item is wrong."""
        return scores.argmax(1) != labels

    def chance(self, labels: Labels) -> float:
        """Of the most frequent class."""
        return float(1 - np.bincount(labels).max() / len(labels))

    def chance_limit(self, labels: Labels) -> float:
        """Three standard errors less."""
        p = self.chance(labels)
        return float(p - 3 * np.sqrt(p * (1 - p) / len(labels)))
