"""Balanced accuracy: the mean over classes of the share of a class's items that are right."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tlbench.dataset import Labels
from tlbench.metric import LUCK, Metric


@dataclass(frozen=True)
class BalancedAccuracy(Metric):
    """Mean recall, in [0, 1], over the classes that the labels have; a class without items is left out."""

    margin: ClassVar[float] = 0.005

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) the score, and how far each item moves it: n / (K n_c) times (right - recall of its class c)."""
        _, own, counts = self.present(labels)
        right = (scores.argmax(1) == labels).double()
        recall = torch.zeros_like(counts).index_add(0, own, right) / counts
        scale = len(labels) / (len(counts) * counts)
        return recall.mean() + scale[own] * (right - recall[own])

    def chance(self, labels: Labels) -> float:
        """One over the number of classes, whatever is guessed."""
        return 1 / len(self.counts(labels))

    def chance_limit(self, labels: Labels) -> float:
        """Three standard errors more, of a guess that names each of K classes equally often.

        Recalls are then independent, each of variance (K - 1) / (K^2 n_c).
        """
        counts = self.counts(labels)
        k = len(counts)
        return float(1 / k + LUCK * ((k - 1) * (1 / counts).sum()).sqrt() / k**2)
