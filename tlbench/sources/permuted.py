"""A control: a network trained on a dataset with its pixels permuted, the same way in every image."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tlbench.dataset import Labels, Split
from tlbench.form import Form
from tlbench.training import Pretrained


@dataclass(frozen=True)
class Permuted(Pretrained):
    """`permuted:DATASET`: the classes and every pixel's statistics, but nothing of their arrangement."""

    own_data: ClassVar[bool] = False

    def relabel(self, labels: Labels, random: np.random.Generator) -> Labels:  # noqa: ARG002
        """The labels as they are."""
        return labels

    def rearrange(self, split: Split, form: Form, random: np.random.Generator) -> Split:
        """The split in the form's own shape, its places permuted."""
        return replace(split, items=form.permuted(split.whole(), random), rows=None)
