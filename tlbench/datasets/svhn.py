"""SVHN: house numbers, 32x32 colour, 73,257 + 26,032 (Netzer et al. 2011)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torchvision.datasets import SVHN

from tlbench.dataset import Part
from tlbench.readers import DIGITS, Published


@dataclass(frozen=True)
class Svhn(Published):
    """SVHN: house numbers, 32x32 colour, 73,257 + 26,032 (Netzer et al. 2011)."""

    names: ClassVar[tuple[str, ...]] = DIGITS

    def fetch(self, root: str, part: Part, *, download: bool) -> Any:
        """The torchvision dataset."""
        return SVHN(root, split=part, download=download)
