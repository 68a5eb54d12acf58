"""Items that networks learn from and are read on: inputs and labels by index, on the device."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tlbench.dataset import Indices, Split
from tlbench.form import InputForm

RESIDENT_BYTES = 1 << 30  # inputs up to this size are converted once and kept; larger ones batch by batch


class Items(Protocol):
    """Inputs and labels by index, on the device."""

    labels: Tensor

    def __len__(self) -> int: ...
    def inputs(self, chosen: Tensor) -> Tensor:
        """The inputs at `chosen`."""
        ...


class Examples:
    """Inputs and labels on the device, by index; resident where they fit, converted batch by batch where not."""

    def __init__(self, split: Split, indices: Indices, form: InputForm, device: torch.device) -> None:
        """The items of `split` at `indices`, scaled by `form`, which must be fitted."""
        self._split, self._indices, self._form, self._device = split, indices, form, device
        self.labels = torch.from_numpy(split.labels[indices]).to(device)
        size = 4 * len(indices) * int(np.prod(form.shape))
        self._resident = self._convert(indices) if size <= RESIDENT_BYTES else None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def resident_bytes(self) -> int:
        """What is kept of them in memory."""
        return 0 if self._resident is None else self._resident.nbytes

    def _convert(self, indices: Indices) -> Tensor:
        images = self._form.reshaped(self._split.take(indices), self._device)
        mean, std = (torch.tensor(v, device=self._device).view(1, -1, 1, 1) for v in (self._form.mean, self._form.std))
        return (images - mean) / std

    def inputs(self, chosen: Tensor) -> Tensor:
        """The inputs at `chosen` (positions within these examples)."""
        if self._resident is not None:
            return self._resident[chosen]
        return self._convert(self._indices[chosen.cpu().numpy()])


class Encoded:
    """Examples after a frozen part of a network: activations in place of images."""

    def __init__(self, activations: Tensor, labels: Tensor) -> None:
        """Activations (n, ...) at a block boundary, on any device, and their labels (n,)."""
        self._activations, self.labels = activations, labels

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, chosen: Tensor) -> Tensor:
        """The activations at `chosen`."""
        return self._activations[chosen.to(self._activations.device)].to(self.labels.device)


def with_labels(examples: Examples, labels: npt.NDArray[np.int64]) -> Examples:
    """The same inputs under other labels."""
    examples.labels = torch.from_numpy(labels).to(examples.labels.device)
    return examples
