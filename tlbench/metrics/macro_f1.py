"""Macro F1: the mean over classes of the harmonic mean of precision and recall."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tlbench.dataset import Labels
from tlbench.metric import LUCK, Metric


@dataclass(frozen=True)
class MacroF1(Metric):
    """Mean F1, in [0, 1], over the classes that the labels have, whether they are predicted or not.

    F1 of a class is 2 hits / (predictions + items), 0 without a hit. A class without items is left out, where
    scikit-learn counts it as 0 as soon as it is predicted once: naming it costs the item's own class its hit.
    """

    margin: ClassVar[float] = 0.005

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) the score, and how far each item moves it: the influence function of the ratios of shares."""
        classes, _, counts = self.present(labels)
        guessed, true = ((of[:, None] == classes).double() for of in (scores.argmax(1), labels))
        sizes = guessed.sum(0) + counts
        f1 = 2 * (guessed * true).sum(0) / sizes
        moves = (2 * guessed * true - f1 * (guessed + true)) / sizes
        return f1.mean() + len(labels) * moves.mean(1)

    def chance(self, labels: Labels) -> float:
        """One over the number of classes: the best guess names each class as often as it occurs.

        The most frequent class of share p, named always, gives 2 p / (1 + p) / K, which is less.
        """
        return 1 / len(self.counts(labels))

    def chance_limit(self, labels: Labels) -> float:
        """Three standard errors more, of the best guess: its influence has the variance (K - 1) / K^2."""
        k = len(self.counts(labels))
        return float(1 / k + LUCK * ((k - 1) / len(labels)) ** 0.5 / k)
