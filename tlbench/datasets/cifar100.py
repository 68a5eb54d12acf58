"""CIFAR-100: objects in a hundred classes, 32x32 colour, 50,000 + 10,000 (Krizhevsky 2009)."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torchvision.datasets import CIFAR100

from tlbench.dataset import Split, SplitName
from tlbench.readers import TorchvisionDataset
from tlbench.workspace import Storage


@dataclass(frozen=True)
class Cifar100(TorchvisionDataset):
    """CIFAR-100: objects in a hundred classes, 32x32 colour, 50,000 + 10,000 (Krizhevsky 2009)."""

    names: ClassVar[tuple[str, ...]] = ()  # a hundred of them, read from the set's own meta file

    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset."""
        return CIFAR100(root, train=split_name == "train", download=download)

    def read(self, split_name: SplitName, storage: Storage) -> Split:
        """The split, with the class names of the set's own meta file."""
        split = super().read(split_name, storage)
        return replace(split, classes=tuple(self.fetch(str(storage.data), split_name, download=False).classes))
