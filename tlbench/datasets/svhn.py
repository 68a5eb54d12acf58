"""SVHN: house numbers, 32x32 colour, 73,257 + 26,032 (Netzer et al. 2011)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torchvision.datasets import SVHN

from tlbench.dataset import SplitName
from tlbench.readers import DIGITS, TorchvisionDataset


@dataclass(frozen=True)
class Svhn(TorchvisionDataset):
    """SVHN: house numbers, 32x32 colour, 73,257 + 26,032 (Netzer et al. 2011)."""

    names: ClassVar[tuple[str, ...]] = DIGITS

    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset."""
        return SVHN(root, split=split_name, download=download)
