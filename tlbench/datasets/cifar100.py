"""CIFAR-100: objects in a hundred classes, 32x32 colour, 50,000 + 10,000 (Krizhevsky 2009)."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torchvision.datasets import CIFAR100

from tlbench.dataset import Part, Split
from tlbench.readers import Published
from tlbench.workspace import Storage


@dataclass(frozen=True)
class Cifar100(Published):
    """CIFAR-100: objects in a hundred classes, 32x32 colour, 50,000 + 10,000 (Krizhevsky 2009)."""

    names: ClassVar[tuple[str, ...]] = ()  # a hundred of them, read from the set's own meta file

    def fetch(self, root: str, part: Part, *, download: bool) -> Any:
        """The torchvision dataset."""
        return CIFAR100(root, train=part == "train", download=download)

    def read(self, part: Part, storage: Storage) -> Split:
        """The split, with the class names of the set's own meta file."""
        split = super().read(part, storage)
        return replace(split, classes=tuple(self.fetch(str(storage.data), part, download=False).classes))
