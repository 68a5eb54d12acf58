"""EMNIST letters: handwritten letters, both cases in one class, 28x28 grey, 124,800 + 20,800 (Cohen et al. 2017)."""

import string
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from torchvision.datasets import EMNIST

from tlbench.dataset import Part, Split
from tlbench.readers import Published
from tlbench.workspace import Storage


@dataclass(frozen=True)
class EmnistLetters(Published):
    """EMNIST letters: 26 classes. The files hold images transposed and labels from 1; both are put right here."""

    names: ClassVar[tuple[str, ...]] = tuple(string.ascii_lowercase)

    def fetch(self, root: str, part: Part, *, download: bool) -> Any:
        """The torchvision dataset."""
        return EMNIST(root, split="letters", train=part == "train", download=download)

    def read(self, part: Part, storage: Storage) -> Split:
        """The split, upright, labels from 0."""
        split = super().read(part, storage)
        return replace(split, items=np.swapaxes(split.items, 2, 3), labels=split.labels - 1)
