"""What a method is: a way of reuse, told as a start that one loop trains and one code evaluates."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tlbench.network import HEAD, Network
from tlbench.shelf import Leaf, Shelf
from tlbench.source import Weights
from tlbench.training import Phase


class Predictor(Protocol):
    """Features (n, D), or logits (n, Z), to class indices (n,); `notes` says what was chosen."""

    notes: tuple[str, ...]

    def __call__(self, outputs: npt.NDArray[np.float32], /) -> npt.NDArray[np.int64]:
        """The predicted classes."""
        ...


class Readout(Protocol):
    """Fits a predictor to the training draw's outputs and labels; `seed` is for what it draws at random."""

    def __call__(self, outputs: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], seed: int, /) -> Predictor:
        """The fitted predictor."""
        ...


@dataclass(frozen=True)
class Materials:
    """What a method starts from.

    fresh: this seed's random network with a head for the target, the same for every arm; weights: the source's, None
    for methods that take none; classes: the target's.
    """

    fresh: Network
    weights: Weights | None
    classes: tuple[str, ...]

    def transferred(self) -> Network:
        """The fresh network with the source's blocks; the head stays the seed's own."""
        if self.weights is not None:
            self.fresh.copy_blocks(self.weights.network)
        return self.fresh


@dataclass(frozen=True)
class Start:
    """How an arm begins: a network with weights, the phases it is trained in, and readouts in place of its argmax.

    No phases: nothing is trained. readouts: a grid, most plain first, of which as many are tried as there are learning
    rates, and the best on validation is taken. readout_of: what they see.
    """

    network: Network
    phases: tuple[Phase, ...] = ()
    readouts: tuple[Readout, ...] = ()
    readout_of: Literal["features", "logits"] = "features"


@dataclass(frozen=True)
class Method(Leaf, ABC):
    """A way of reuse. A leaf gives `start` and, where it trains, says by `unfrozen` how many of n blocks learn."""

    needs_source: ClassVar[bool] = True
    needs_source_head: ClassVar[bool] = False

    @abstractmethod
    def start(self, materials: Materials) -> Start:
        """The arm's start."""

    def unfrozen(self, n_blocks: int) -> int | None:  # noqa: ARG002
        """How many of the last blocks learn besides the head; None where the question has no meaning."""
        return None


methods: Shelf[Method] = Shelf("tlbench.methods", Method)  # type: ignore[type-abstract]


def last_blocks(network: Network, k: int) -> tuple[str, ...]:
    """The names of the last k blocks and the head."""
    return (*network.names[len(network.names) - k :], HEAD)
