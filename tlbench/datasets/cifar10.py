"""CIFAR-10: objects in ten classes, 32x32 colour, 50,000 + 10,000 (Krizhevsky 2009)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torchvision.datasets import CIFAR10

from tlbench.dataset import SplitName
from tlbench.readers import TorchvisionDataset


@dataclass(frozen=True)
class Cifar10(TorchvisionDataset):
    """CIFAR-10: objects in ten classes, 32x32 colour, 50,000 + 10,000 (Krizhevsky 2009)."""

    names: ClassVar[tuple[str, ...]] = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )

    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset."""
        return CIFAR10(root, train=split_name == "train", download=download)
