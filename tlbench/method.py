"""What a method is: a way of reuse, told as a start that one loop trains and one code evaluates."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tlbench.errors import TlbenchError, unknown
from tlbench.network import HEAD, Activations, Network
from tlbench.shelf import Leaf, Shelf
from tlbench.source import Weights

WARM_UP = 0.1  # share of the budget over which the learning rate rises
LARGEST, SINGLE = 0.1, 0.03  # learning rates of a head on standardised features: of a grid, and one for itself


@dataclass(frozen=True)
class Budget:
    """How long and how an arm is trained: equal for both sides of a pair. AdamW, linear warm-up, cosine decay.

    steps: optimiser steps in all. learning_rates: the grid of peaks from which each trial chooses on its own validation
    draw. head_rates: the grid, of the same size, of an arm of which only the head ever moves; without it, the other one
    with its largest at `LARGEST`.
    """

    steps: int = 512
    batch_size: int = 32
    learning_rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    weight_decay: float = 1e-2
    head_rates: tuple[float, ...] = ()

    def grid(self, *, head_only: bool) -> tuple[float, ...]:
        """The peaks that an arm chooses from."""
        return (self.head_rates or head_rates(self.learning_rates)) if head_only else self.learning_rates

    def batch(self, n_train: int) -> int:
        """Items a step: never more than there are."""
        return min(self.batch_size, n_train)

    def epoch(self, n_train: int) -> int:
        """Steps in which all items are seen once; an incomplete last batch is left out."""
        return n_train // self.batch(n_train)

    def rate(self, share: float) -> float:
        """The learning rate after `share` of the budget, or of a phase of its own, as a factor of the peak."""
        if share < WARM_UP:
            return 0.1 + 0.9 * share / WARM_UP
        return 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))


def head_rates(rates: tuple[float, ...]) -> tuple[float, ...]:
    """As many rates for a head alone, as far apart: the largest is `LARGEST`, a single one is `SINGLE`."""
    if len(rates) == 1:
        return (SINGLE,)
    return tuple(float(f"{rate * LARGEST / max(rates):.4g}") for rate in rates)


@dataclass(frozen=True)
class Batch:
    """What a penalty sees of a step.

    network: the one that learns; inputs: (B, ...) at block boundary `start`; activations: what came out of the blocks
    that the penalty asked for; features (B, D), logits (B, C), labels (B,); source: the network that the penalty asked
    for, on the same device and in eval mode.
    """

    network: Network
    start: int
    inputs: Activations
    activations: Mapping[str, Activations]
    features: Tensor
    logits: Tensor
    labels: Tensor
    source: Network | None


@dataclass(frozen=True)
class Penalty:
    """A loss beside cross-entropy. blocks: whose activations it sees; source: a network that it compares with."""

    loss: Callable[[Batch], Tensor]
    blocks: tuple[str, ...] = ()
    source: Network | None = None


@dataclass(frozen=True)
class Phase:
    """A part of the budget in which `moving` learns: parts (block names or `head`), or parameters within them.

    moving: a part's name, or `part/pattern` for those of its parameters whose name fits (`layer2/*.bias`). share: of
    the budget's steps. factors: learning-rate factor by entry of `moving`, 1 where not given; of entries that name the
    same parameter the last one's. schedule: "continued" goes on along the budget's warm-up and decay, "restarted" has
    both within the phase. weight_decay: the budget's without it. optimizer: "new" forgets moments at the phase's start,
    "kept" goes on with those of what moved before.
    """

    moving: tuple[str, ...]
    share: float = 1.0
    factors: Mapping[str, float] = field(default_factory=dict)
    penalty: Penalty | None = None
    schedule: Literal["continued", "restarted"] = "continued"
    weight_decay: float | None = None
    optimizer: Literal["new", "kept"] = "new"


class Predictor(Protocol):
    """Features (n, D), or logits (n, Z), to (n, C) scores, larger is likelier; `notes` says what was chosen.

    probabilities: whether the softmax of an item's scores gives probabilities.
    """

    notes: tuple[str, ...]
    probabilities: bool

    def __call__(self, outputs: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        """The scores of each class."""
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
    for methods that take none; classes: the target's; named: whether they have names, not mere numbers.
    """

    fresh: Network
    weights: Weights | None
    classes: tuple[str, ...]
    named: bool = True

    def transferred(self) -> Network:
        """The fresh network with the source's blocks; the head stays the seed's own."""
        if self.weights is not None:
            self.fresh.copy_blocks(self.weights.network)
        return self.fresh


@dataclass(frozen=True)
class Start:
    """How an arm begins: a network with weights, the phases it is trained in, and readouts in place of its own head.

    No phases: nothing is trained. readouts: a grid, most plain first, of which as many are tried as there are learning
    rates, and the best on validation is taken. readout_of: what they see. alternatives: further candidates that are
    trained as this one is; the best of all on validation is the arm. standardised: the head is given features less
    their mean in the training draw, over their spread; nothing but the head may move then.
    """

    network: Network
    phases: tuple[Phase, ...] = ()
    readouts: tuple[Readout, ...] = ()
    readout_of: Literal["features", "logits"] = "features"
    alternatives: tuple["Start", ...] = ()
    standardised: bool = False

    def check(self) -> None:
        """Before anything is trained.

        Raises:
            TlbenchError: phases name parts, parameters or blocks that the network does not have, have a factor for what
                does not move, or do not share out the budget; one of several candidates is not trained, so that
                none is the best on validation; or features are to be standardised that change while it is trained.
        """
        candidates = (self, *self.alternatives)
        if self.alternatives and not all(candidate.phases for candidate in candidates):
            raise TlbenchError("a start with alternatives needs phases, and so does each of them")
        for candidate in candidates:
            candidate.network.moving_parameters(candidate.moving)
            if candidate.standardised and not candidate.head_only:
                raise TlbenchError("a start with standardised features moves its head and nothing else")
            if candidate.phases and abs(sum(phase.share for phase in candidate.phases) - 1) > 1e-9:
                raise TlbenchError(
                    f"phases take {sum(p.share for p in candidate.phases):g} of the budget, not all of it"
                )
            for phase in candidate.phases:
                for entry in phase.factors:
                    if entry not in phase.moving:
                        raise unknown("entry of a phase's moving", entry, phase.moving)
            for block in candidate.watched:
                if block not in candidate.network.names:
                    raise unknown("block of the network", block, candidate.network.names)

    @property
    def watched(self) -> tuple[str, ...]:
        """The blocks whose activations a penalty sees."""
        return tuple(name for phase in self.phases if phase.penalty for name in phase.penalty.blocks)

    @property
    def moving(self) -> tuple[str, ...]:
        """All that learns in any phase, as phases name it."""
        return tuple(dict.fromkeys(entry for phase in self.phases for entry in phase.moving))

    @property
    def head_only(self) -> bool:
        """Whether the head, or a part of it, is all that ever learns."""
        return {entry.partition("/")[0] for entry in self.moving} == {HEAD}

    @property
    def boundary(self) -> int:
        """The boundary before which nothing ever learns and no penalty looks; after the pooling where nothing does.

        A penalty's source has blocks of its own there, so that it is given the inputs themselves.
        """
        if any(phase.penalty and phase.penalty.source for phase in self.phases):
            return 0
        return self.network.frozen_prefix((*self.moving, *self.watched))

    @property
    def unfrozen(self) -> int | None:
        """How many of the last blocks learn besides the head; None where nothing is trained."""
        return max(0, len(self.network.names) - self.network.frozen_prefix(self.moving)) if self.phases else None


@dataclass(frozen=True)
class Method(Leaf, ABC):
    """A way of reuse. A leaf gives `start`; what learns, and how many blocks, is read from the start's phases.

    convex_twin: the spec of a method that fits the same head to the same features to the end; it is shown beside.
    """

    needs_source: ClassVar[bool] = True
    needs_source_head: ClassVar[bool] = False
    convex_twin: ClassVar[str] = ""

    @abstractmethod
    def start(self, materials: Materials) -> Start:
        """The arm's start.

        Raises:
            TlbenchError: the network does not have what the method's options ask for.
        """


methods: Shelf[Method] = Shelf("tlbench.methods", Method)  # type: ignore[type-abstract]


def last_blocks(network: Network, k: int) -> tuple[str, ...]:
    """The names of the last k blocks and the head."""
    return (*network.names[len(network.names) - k :], HEAD)
