"""EMNIST letters: handwritten letters, both cases in one class, 28x28 grey, 124,800 + 20,800 (Cohen et al. 2017)."""

import string
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from torchvision.datasets import EMNIST

from tlbench.dataset import Split, SplitName
from tlbench.readers import TorchvisionDataset
from tlbench.workspace import Storage


@dataclass(frozen=True)
class EmnistLetters(TorchvisionDataset):
    """EMNIST letters: 26 classes. The files hold images transposed and labels from 1; both are put right here."""

    names: ClassVar[tuple[str, ...]] = tuple(string.ascii_lowercase)

    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset."""
        return EMNIST(root, split="letters", train=split_name == "train", download=download)

    def read(self, split_name: SplitName, storage: Storage) -> Split:
        """The split, upright, labels from 0."""
        split = super().read(split_name, storage)
        return replace(split, items=np.swapaxes(split.items, 2, 3), labels=split.labels - 1)
