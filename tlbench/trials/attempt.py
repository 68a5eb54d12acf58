"""An arm brought from its start to a result: trained at each learning rate of the grid, the best one evaluated."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from tlbench.errors import TlbenchError
from tlbench.method import Budget, Start
from tlbench.network import HEAD, Network
from tlbench.training import Clock, Fitted, Items, Kept, Learner, fit, join, predict, run_prefix
from tlbench.workspace import Workspace

Evaluated: TypeAlias = tuple[npt.NDArray[np.bool_], tuple[str, ...]]  # right or wrong, what was chosen


@dataclass(frozen=True)
class Data:
    """A trial's examples."""

    train: Items
    validation: Items
    tested: Items

    @property
    def resident_bytes(self) -> int:
        """What is kept of them in memory."""
        return sum(getattr(items, "resident_bytes", 0) for items in (self.train, self.validation, self.tested))


def frozen_parts(start: Start) -> tuple[str, ...]:
    moving = {name for phase in start.phases for name in phase.moving}
    return tuple(name for name in (*start.network.names, HEAD) if name not in moving)


@dataclass(frozen=True)
class Choice:
    """How trials are run; none of it changes a result beyond rounding, all of it is recorded.

    together: the seeds of a cell train as one network. channels_last: activations lie pixel by pixel in memory.
    shortcuts: a frozen prefix is run once; without, at every step, as it would be without this program.
    """

    together: bool = False
    channels_last: bool = False
    shortcuts: bool = True

    @property
    def name(self) -> str:
        """The way of training in words."""
        return ("together" if self.together else "apart") + (", channels_last" if self.channels_last else "")


PLAIN = Choice(shortcuts=False)


@dataclass(frozen=True)
class Prepared:
    """A trial's items at the boundary where its training begins, the same at every learning rate."""

    train: Items
    validation: Items
    boundary: int = 0
    seconds: float = 0.0
    kept: Kept | None = None


@dataclass(frozen=True)
class Attempt:
    """One learning rate's result: the arm as it ended, its items, its curve, and how long it took."""

    start: Start
    items: Prepared
    fitted: Fitted | None
    peak: float | None
    seconds: float

    @property
    def score(self) -> float:
        """Final validation accuracy, by which an attempt is chosen; one that failed loses to any other."""
        return -1.0 if self.fitted is None or self.fitted.failure else self.fitted.curve.validation_accuracy[-1]


def boundary_of(start: Start, choice: Choice) -> int:
    """Where its training begins, or where it is read out if nothing learns: everything before is frozen."""
    if not choice.shortcuts:
        return 0
    ends = [start.network.frozen_prefix(phase.moving) for phase in start.phases]
    return min(ends, default=start.network.frozen_prefix(()))


def prepare(start: Start, data: Data, of: Hashable, choice: Choice, workspace: Workspace) -> Prepared:
    """Brings the items to where training begins, unless what the frozen prefix gives is too large to keep.

    of: names the data, so that other arms find the same prefix.
    """
    boundary = boundary_of(start, choice)
    train = run_prefix(start.network, data.train, (of, "train"), boundary, workspace)
    validation = train and run_prefix(start.network, data.validation, (of, "validation"), boundary, workspace)
    if train is None or validation is None:
        return Prepared(data.train, data.validation)
    return Prepared(train.items, validation.items, boundary, train.seconds, train.kept)


def lay_out(network: Network, choice: Choice) -> None:
    """Has the network in the layout that was chosen, where that is safe."""
    if choice.channels_last and layout_is_safe(network):
        network.to(memory_format=torch.channels_last)


def layout_is_safe(network: Network) -> bool:
    """Whether channels_last may be used: not on a CPU with a strided 1x1 convolution of few channels.

    Its backward pass crashes there, or hangs.
    """
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    narrow = [
        c for c in convolutions if c.kernel_size == (1, 1) and c.stride != (1, 1) and c.in_channels // c.groups < 8
    ]
    return not narrow or next(network.parameters()).is_cuda


def attempt(
    starts: Sequence[Start],
    prepared: Sequence[Prepared],
    orders: Sequence[torch.Generator],
    budget: Budget,
    peak: float,
) -> list[Attempt]:
    """Trains arms of different seeds, together where they are several; proves that frozen parts did not move.

    Raises:
        TlbenchError: they did, buffers included.
        NotJoinableError: several arms cannot be trained together.
    """
    networks, frozen = [start.network for start in starts], frozen_parts(starts[0])
    before = [network.checksum(frozen) for network in networks]
    learners = [
        Learner(network, items.train, items.validation, order)
        for network, items, order in zip(networks, prepared, orders, strict=True)
    ]
    boundary, joined = prepared[0].boundary, None
    if len(starts) > 1:
        checked = prepared[0].validation
        few = torch.arange(min(4, len(checked)), device=checked.labels.device)
        joined = join(networks, checked.inputs(few), boundary)
        if joined is None or any(phase.penalty for phase in starts[0].phases):
            raise NotJoinableError
    fitted = fit(learners, starts[0].phases, budget, peak, boundary, joined)
    if [network.checksum(frozen) for network in networks] != before:
        raise TlbenchError(f"frozen parts moved ({', '.join(frozen)}); the result would mean nothing")
    seconds = [one.seconds + items.seconds for one, items in zip(fitted, prepared, strict=True)]
    made = zip(starts, prepared, fitted, seconds, strict=True)
    return [Attempt(start, items, one, peak, s) for start, items, one, s in made]


class NotJoinableError(Exception):
    """Arms that have to be trained apart."""


def evaluate(start: Start, items: Prepared, tested: Items, seed: int, clock: Clock, tries: int) -> Evaluated:
    """Which test items are predicted right: the one place where the test split is read, once, at the end.

    items, tested: at the same boundary. Of the first `tries` readouts the one that does best on validation is taken,
    the first of equals.
    """
    features, at = start.readout_of == "features", items.boundary

    def seen(some: Items) -> npt.NDArray[np.float32]:
        outputs: npt.NDArray[np.float32] = predict(start.network, some, at, features=features).cpu().numpy()
        return outputs

    truth = tested.labels.cpu().numpy()
    if not start.readouts:
        return predict(start.network, tested, at).argmax(1).cpu().numpy() == truth, ()
    clock.seconds += items.seconds
    with clock.running():
        outputs = seen(items.train)
    labels, fits = items.train.labels.cpu().numpy(), Clock(items.train.labels.device)
    with fits.running():
        fitted = [readout(outputs, labels, seed) for readout in start.readouts[:tries]]
    clock.seconds += fits.seconds / len(fitted)  # one fit, as for an arm that is trained
    checked, known = seen(items.validation), items.validation.labels.cpu().numpy()
    best = max(fitted, key=lambda predictor: float((predictor(checked) == known).mean()))
    return best(seen(tested)) == truth, best.notes
