"""What a similarity is: a score of a source for a target, from features of the training draw, never of the test."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from tlbench.features import View
from tlbench.shelf import Leaf, Shelf


@dataclass(frozen=True)
class Similarity(Leaf, ABC):
    """A score before any training. `higher_is_closer` is its direction, `reference` its paper."""

    higher_is_closer: ClassVar[bool] = True
    reference: ClassVar[str]

    @abstractmethod
    def score(self, view: View) -> float | None:
        """The score; None where it does not apply (the source has no head, or its data are not at hand)."""


similarities: Shelf[Similarity] = Shelf("tlbench.similarities", Similarity)  # type: ignore[type-abstract]
