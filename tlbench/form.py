"""What a form is: what a network is given of a dataset's items, and what may be done to it at random."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tlbench.dataset import Indices, Split
from tlbench.errors import TlbenchError
from tlbench.shelf import Leaf, Shelf


class Augmentation(Protocol):
    """What is done to inputs at random, each by its own draws."""

    @property
    def idle(self) -> bool:
        """Whether it does nothing."""
        ...

    def recipe(self) -> dict[str, Any]:
        """Plain data that fixes it."""
        ...

    def __call__(self, inputs: Tensor, generator: torch.Generator, fill: Tensor, /) -> Tensor:
        """(B, ...) inputs, changed; generator: on the CPU; fill: what an empty place is given, see `Form.blank`."""
        ...


@dataclass(frozen=True)
class Form(Leaf, ABC):
    """What a network is given: items brought to one shape and scale.

    A form is made for datasets by `default`, and fitted to a training draw by `fitted`; only then may it give tensors.
    Items are whatever a dataset holds (images, strings). The label names the form in paths, fitted or not.
    """

    @classmethod
    @abstractmethod
    def reads(cls, splits: Sequence[Split]) -> bool:
        """Whether it takes items like these."""

    @classmethod
    @abstractmethod
    def default(cls, target: Split, splits: Sequence[Split], size: int) -> Self:
        """The form for a target's items that serves all these splits; size: what the user asked for, 0 if nothing."""

    @classmethod
    @abstractmethod
    def augmentation(cls, words: Iterable[str]) -> Augmentation:
        """What a suite's words ask for.

        Raises:
            TlbenchError: no such word, or a number that is missing or out of range.
        """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""

    @property
    def inner_values(self) -> int:
        """About how many numbers an input is within a network, by which batches that are only read are sized."""
        return math.prod(self.shape)

    @abstractmethod
    def with_channels(self, channels: int) -> Self:
        """The same for a network that takes only so many channels.

        Raises:
            TlbenchError: inputs of this form have no channels.
        """

    @abstractmethod
    def fitted(self, split: Split, indices: Indices) -> Self:
        """This form with all that depends on data fixed by the items at `indices`, unless it is fixed already."""

    @abstractmethod
    def tensor(self, items: npt.NDArray[Any], device: torch.device) -> Tensor:
        """(n, *shape) inputs of n items, scaled; the form must be fitted."""

    @abstractmethod
    def permuted(self, items: npt.NDArray[Any], random: np.random.Generator) -> npt.NDArray[Any]:
        """Items whose places (pixels, words) are permuted, the same way in every item; for a control.

        Brought to the form's shape first, so that the network sees every place.
        """

    @abstractmethod
    def random_batch(self, size: int, device: torch.device) -> Tensor:
        """(size, *shape) inputs that no item gave, from torch's global generator: for timing, for trying a network."""

    @abstractmethod
    def blank(self) -> Tensor:
        """What an empty place of an input is once scaled (a black pixel); the form must be fitted."""

    @classmethod
    def same(cls, item: Any) -> bytes:
        """What of an item tells whether another is the same: all of it, unless a form knows what does not count."""
        plain = np.asarray(item)
        return f"{plain.dtype.kind} {plain.shape} ".encode() + (
            str(item).encode() if plain.dtype.kind in "OTU" else plain.tobytes()
        )

    @classmethod
    def sketch(cls, items: npt.NDArray[Any], *, fine: bool = False) -> npt.NDArray[np.float32]:  # noqa: ARG003
        """(n, d) unit vectors that hardly change when an item is encoded anew; `fine` ones tell more items apart.

        Without any numbers, as here, items are known again only where they are exactly the same.
        """
        return np.zeros((len(items), 0), dtype=np.float32)

    def words(self) -> str:
        """The shape in words, for notes."""
        return "x".join(str(side) for side in self.shape)


forms: Shelf[Form] = Shelf("tlbench.forms", Form)  # type: ignore[type-abstract]


def default_form(target: Split, splits: Sequence[Split], size: int) -> Form:
    """The form that takes all these splits' items, for one of them as the target.

    Raises:
        TlbenchError: there is none.
    """
    for form in forms.values():
        if form.reads(splits):
            return form.default(target, splits, size)
    kinds = ", ".join(sorted({f"{split.items.dtype} of shape {split.shape}" for split in splits}))
    raise TlbenchError(f"no form takes all of these items: {kinds}; a source and its target need items of one kind")
