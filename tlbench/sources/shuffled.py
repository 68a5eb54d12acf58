"""A control: a network trained on a dataset whose labels were permuted, so that it learnt inputs but no classes."""

from dataclasses import dataclass

import numpy as np

from tlbench.dataset import Labels
from tlbench.errors import TlbenchError
from tlbench.training import Pretrained


@dataclass(frozen=True)
class Shuffled(Pretrained):
    """`shuffled:DATASET`: the labels of a share `rate` of the items are permuted among them (Zhang et al. 2017)."""

    rate: float = 1.0

    def __post_init__(self) -> None:
        """Checks the rate."""
        super().__post_init__()
        if not 0 <= self.rate <= 1:
            raise TlbenchError(f"source '{self.label}': rate {self.rate} is not within 0..1")

    def relabel(self, labels: Labels, random: np.random.Generator) -> Labels:
        """The labels, a share of them permuted."""
        chosen = random.permutation(len(labels))[: round(self.rate * len(labels))]
        changed = labels.copy()
        changed[chosen] = labels[random.permutation(chosen)]
        return changed
