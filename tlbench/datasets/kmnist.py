"""Kuzushiji-MNIST: cursive hiragana, 28x28 grey, 60,000 + 10,000 (Clanuwat et al. 2018)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torchvision.datasets import KMNIST

from tlbench.dataset import SplitName
from tlbench.readers import TorchvisionDataset


@dataclass(frozen=True)
class Kmnist(TorchvisionDataset):
    """Kuzushiji-MNIST: cursive hiragana, 28x28 grey, 60,000 + 10,000 (Clanuwat et al. 2018)."""

    names: ClassVar[tuple[str, ...]] = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset."""
        return KMNIST(root, train=split_name == "train", download=download)
