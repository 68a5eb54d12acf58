"""USPS: handwritten digits from envelopes, 16x16 grey, 7,291 + 2,007 (Hull 1994)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torchvision.datasets import USPS

from tlbench.dataset import SplitName
from tlbench.readers import DIGITS, TorchvisionDataset


@dataclass(frozen=True)
class Usps(TorchvisionDataset):
    """USPS: handwritten digits from envelopes, 16x16 grey, 7,291 + 2,007 (Hull 1994)."""

    names: ClassVar[tuple[str, ...]] = DIGITS

    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset."""
        return USPS(root, train=split_name == "train", download=download)
