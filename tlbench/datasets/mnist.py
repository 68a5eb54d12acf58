"""MNIST: handwritten digits, 28x28 grey, 60,000 + 10,000 (LeCun et al. 1998)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torchvision.datasets import MNIST

from tlbench.dataset import SplitName
from tlbench.readers import DIGITS, TorchvisionDataset


@dataclass(frozen=True)
class Mnist(TorchvisionDataset):
    """MNIST: handwritten digits, 28x28 grey, 60,000 + 10,000 (LeCun et al. 1998)."""

    names: ClassVar[tuple[str, ...]] = DIGITS

    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset."""
        return MNIST(root, train=split_name == "train", download=download)
