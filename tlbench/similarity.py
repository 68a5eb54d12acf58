"""What a similarity is: a score of a source for a target, from features of the training draw, never of the test."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tlbench.shelf import Leaf, Shelf


@dataclass(frozen=True)
class View:
    """What a similarity may look at: a source's outputs on a target's training draw, and on its own data.

    features (n, D) float64 and labels (n,) of the draw; probabilities (n, Z) of the source's head, None without one;
    source_features (m, D) of the source's own training data, None where it is not at hand.
    """

    features: Tensor
    labels: Tensor
    probabilities: Tensor | None
    source_features: Tensor | None


@dataclass(frozen=True)
class Similarity(Leaf, ABC):
    """A score before any training. `higher_is_closer` is its direction, `reference` its paper."""

    higher_is_closer: ClassVar[bool] = True
    reference: ClassVar[str]

    @abstractmethod
    def score(self, view: View) -> float | None:
        """The score; None where it does not apply (the source has no head, or its data are not at hand)."""


similarities: Shelf[Similarity] = Shelf("tlbench.similarities", Similarity)  # type: ignore[type-abstract]
