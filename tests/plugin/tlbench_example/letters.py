"""Words as letters: so many places, each letter one of twenty-six."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tlbench.dataset import Indices, Split
from tlbench.errors import TlbenchError, unknown
from tlbench.form import Form
from tlbench.training import ImageAugmentation


@dataclass(frozen=True)
class Letters(Form):
    """(26, 1, length) ones and zeros, cut or padded to `length` letters."""

    length: int = 8

    @classmethod
    def reads(cls, splits: Sequence[Split]) -> bool:
        """Strings."""
        return all(split.shape == () and split.items.dtype.kind in "UO" for split in splits)

    @classmethod
    def default(cls, target: Split, splits: Sequence[Split], size: int) -> Self:  # noqa: ARG003
        """The length asked for, or eight."""
        return cls(size or 8)

    @classmethod
    def augmentation(cls, words: Iterable[str]) -> ImageAugmentation:
        """None."""
        for word in words:
            raise unknown("augmentation of letters", word, [])
        return ImageAugmentation()

    @property
    def shape(self) -> tuple[int, ...]:
        """Letters, one row, places."""
        return 26, 1, self.length

    def with_channels(self, channels: int) -> Self:
        """There are none."""
        raise TlbenchError(f"a network of {channels} channels takes images, not letters")

    def fitted(self, split: Split, indices: Indices) -> Self:  # noqa: ARG002
        """Nothing depends on data."""
        return self

    def permuted(self, items: npt.NDArray[Any], random: np.random.Generator) -> npt.NDArray[Any]:
        """Letters in another order."""
        order = random.permutation(self.length)
        padded = [str(item)[: self.length].ljust(self.length) for item in items]
        return np.array(["".join(item[i] for i in order) for item in padded], dtype=items.dtype)

    def tensor(self, items: npt.NDArray[Any], device: torch.device) -> Tensor:
        """(n, 26, 1, length)."""
        out = torch.zeros(len(items), 26, 1, self.length)
        for i, item in enumerate(items):
            for place, letter in enumerate(str(item).lower()[: self.length]):
                if "a" <= letter <= "z":
                    out[i, ord(letter) - 97, 0, place] = 1
        return out.to(device)

    def random_batch(self, size: int, device: torch.device) -> Tensor:
        """Noise."""
        return torch.rand(size, *self.shape, device=device)

    def blank(self) -> Tensor:
        """No letter."""
        return torch.zeros(26)
