"""What a metric is: what "better" means, as a score that is the mean of what each item adds to it."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

import torch
from pydantic import BeforeValidator, InstanceOf
from torch import Tensor

from tlbench.dataset import Labels
from tlbench.errors import TlbenchError
from tlbench.packing import pack_items
from tlbench.records import Measured
from tlbench.shelf import Leaf, Shelf

LUCK = 3  # standard errors by which a guess may be lucky


@dataclass(frozen=True)
class Metric(Leaf, ABC):
    """A score of predictions, the mean of per-item contributions, so that the test set's own noise can be told.

    higher_is_better: its direction. margin: what counts as a difference where a suite does not say. probabilities:
    whether the softmax of an item's scores must be its probabilities; else any scores do, larger being likelier.
    """

    higher_is_better: ClassVar[bool] = True
    margin: ClassVar[float]
    probabilities: ClassVar[bool] = False

    @abstractmethod
    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) what each item adds, from (n, C) scores, larger is likelier, and (n,) labels; the mean is the score.

        Finite whatever the scores: a network that diverged gives nan, a class that was not learnt minus infinity.
        """

    @abstractmethod
    def chance(self, labels: Labels) -> float:
        """The score of a guess that has learnt nothing of the items with these labels."""

    @abstractmethod
    def chance_limit(self, labels: Labels) -> float:
        """The best score that such a guess reaches by luck."""

    def present(self, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The classes that have items (K,), which of them each item is of (n,), how many items each has (K,).

        Raises:
            TlbenchError: there is but one, so that nothing can be told apart.
        """
        found, own, counts = labels.unique(return_inverse=True, return_counts=True)
        if len(found) < 2:
            raise TlbenchError(
                f"metric '{self.label}' tells classes apart, and all {len(labels)} items are of one class; "
                "validate and test on items of two classes or more"
            )
        return found, own, counts.double()

    def counts(self, labels: Labels) -> Tensor:
        """(K,) how many items each class has, of the classes that have any; raises like `present`."""
        return self.present(torch.tensor(labels))[2]

    def value(self, scores: Tensor, labels: Tensor) -> float:
        """The score, better as it grows.

        Raises:
            TlbenchError: it is not finite.
        """
        score = self._finite(float(self.contributions(scores.cpu(), labels.cpu()).float().mean()))
        return score if self.higher_is_better else -score

    def chance_value(self, labels: Labels) -> float:
        """The score of a guess, better as it grows."""
        return self.chance(labels) if self.higher_is_better else -self.chance(labels)

    def luck_value(self, labels: Labels) -> float:
        """The best score that a guess reaches by luck, better as it grows."""
        return self.chance_limit(labels) if self.higher_is_better else -self.chance_limit(labels)

    def measure(self, scores: Tensor, labels: Labels) -> Measured:
        """The reading of a test split that a record keeps; scores (n, C), labels (n,).

        Raises:
            TlbenchError: the score is not finite.
        """
        items = self.contributions(scores.cpu(), torch.from_numpy(labels)).double().numpy()
        return Measured(
            score=self._finite(float(items.mean())),
            items=pack_items(items),
            n=len(items),
            chance=self.chance(labels),
            chance_limit=self.chance_limit(labels),
            higher_is_better=self.higher_is_better,
            margin=self.margin,
        )

    def _finite(self, score: float) -> float:
        if not math.isfinite(score):
            raise TlbenchError(f"metric '{self.label}' gave {score}, of which no record and no curve can be made")
        return score


def log_probabilities(scores: Tensor) -> Tensor:
    """(n, C) logarithms of the softmax of each item's scores, in double precision, never nan.

    nan is read as minus infinity: no probability; where an item has no other score, for every class.
    """
    known = scores.double().nan_to_num(nan=-torch.inf, posinf=torch.finfo(torch.float64).max, neginf=-torch.inf)
    return torch.log_softmax(known, 1).nan_to_num(nan=-torch.inf, neginf=-torch.inf)


metrics: Shelf[Metric] = Shelf("tlbench.metrics", Metric)  # type: ignore[type-abstract]
MetricSpec: TypeAlias = Annotated[InstanceOf[Metric], BeforeValidator(metrics.make)]
