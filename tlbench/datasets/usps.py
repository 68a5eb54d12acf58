"""USPS: handwritten digits from envelopes, 16x16 grey, 7,291 + 2,007 (Hull 1994)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torchvision.datasets import USPS

from tlbench.dataset import Part
from tlbench.readers import DIGITS, Published


@dataclass(frozen=True)
class Usps(Published):
    """USPS: handwritten digits from envelopes, 16x16 grey, 7,291 + 2,007 (Hull 1994)."""

    names: ClassVar[tuple[str, ...]] = DIGITS

    def fetch(self, root: str, part: Part, *, download: bool) -> Any:
        """The torchvision dataset."""
        return USPS(root, train=part == "train", download=download)
