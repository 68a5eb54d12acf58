"""Items that networks learn from and are read on: inputs and labels by index, on the device."""

import math
from typing import Protocol

import torch
from torch import Tensor

from tlbench.dataset import Indices, Labels, Split
from tlbench.form import Augmentation, Form
from tlbench.network import Activations, Masked

RESIDENT_BYTES = 1 << 30  # inputs up to this size are converted once and kept; larger ones batch by batch


class Items(Protocol):
    """Inputs and labels by index, on the device; inner_values: about how many numbers one is within a network."""

    labels: Tensor
    inner_values: int

    def __len__(self) -> int: ...
    def inputs(self, chosen: Tensor) -> Activations:
        """The inputs at `chosen`."""
        ...


class Examples:
    """Inputs and labels on the device, by index; resident where they fit, converted batch by batch where not."""

    def __init__(self, split: Split, indices: Indices, form: Form, device: torch.device) -> None:
        """The items of `split` at `indices`, scaled by `form`, which must be fitted."""
        self._split, self._indices, self._form, self._device = split, indices, form, device
        self.labels = torch.from_numpy(split.labels[indices]).to(device)
        self.inner_values = form.inner_values
        size = 4 * len(indices) * math.prod(form.shape)
        self._resident = self._convert(indices) if size <= RESIDENT_BYTES else None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def resident_bytes(self) -> int:
        """What is kept of them in memory."""
        return 0 if self._resident is None else self._resident.nbytes

    def _convert(self, indices: Indices) -> Tensor:
        return self._form.tensor(self._split.take(indices), self._device)

    def inputs(self, chosen: Tensor) -> Tensor:
        """The inputs at `chosen` (positions within these examples)."""
        if self._resident is not None:
            return self._resident[chosen]
        return self._convert(self._indices[chosen.cpu().numpy()])


class Encoded:
    """Examples after a frozen part of a network: activations in place of inputs."""

    def __init__(self, activations: Tensor, labels: Tensor, mask: Tensor | None = None) -> None:
        """Activations (n, ...) at a block boundary, on any device, their labels (n,), their mask if they have one."""
        self._activations, self.labels, self._mask = activations, labels, mask
        self.inner_values = math.prod(activations.shape[1:])

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, chosen: Tensor) -> Activations:
        """The activations at `chosen`."""
        where = self._activations.device
        values = self._activations[chosen.to(where)].to(self.labels.device)
        return values if self._mask is None else Masked(values, self._mask[chosen.to(where)].to(self.labels.device))


class Augmented:
    """Items whose inputs are augmented, anew each time they are asked for; for training only."""

    def __init__(self, items: Examples, augmentation: Augmentation, generator: torch.Generator, fill: Tensor) -> None:
        """Examples, what is done to them, a CPU generator of their own, and what an empty place is given."""
        self._items, self._augmentation, self._generator = items, augmentation, generator
        self._fill = fill.to(items.labels.device)
        self.labels, self.inner_values = items.labels, items.inner_values

    def __len__(self) -> int:
        return len(self._items)

    def inputs(self, chosen: Tensor) -> Tensor:
        """The inputs at `chosen`, augmented."""
        return self._augmentation(self._items.inputs(chosen), self._generator, self._fill)


def with_labels(examples: Examples, labels: Labels) -> Examples:
    """The same inputs under other labels."""
    examples.labels = torch.from_numpy(labels).to(examples.labels.device)
    return examples
