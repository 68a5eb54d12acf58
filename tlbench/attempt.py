"""An arm brought from its start to a result: trained at each learning rate of the grid, the best one evaluated."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from tlbench.errors import TlbenchError
from tlbench.features import encode
from tlbench.inputs import RESIDENT_BYTES
from tlbench.method import Start
from tlbench.network import HEAD
from tlbench.training import Budget, Clock, Fitted, Items, Learner, fit, predict

Right: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Data:
    """A trial's examples."""

    train: Items
    validation: Items
    tested: Items


@dataclass(frozen=True)
class Attempt:
    """One learning rate's result: the arm as it ended, its curve, and how long it took."""

    start: Start
    fitted: Fitted | None
    peak: float | None
    seconds: float

    @property
    def score(self) -> float:
        """Final validation accuracy, by which an attempt is chosen; one that failed loses to any other."""
        return -1.0 if self.fitted is None or self.fitted.failure else self.fitted.curve.validation_accuracy[-1]


def frozen_parts(start: Start) -> tuple[str, ...]:
    moving = {name for phase in start.phases for name in phase.moving}
    return tuple(name for name in (*start.network.names, HEAD) if name not in moving)


def attempt(
    start: Start, data: Data, order: torch.Generator, budget: Budget, peak: float, *, shortcuts: bool = True
) -> Attempt:
    """Trains an arm and proves that its frozen parts, buffers included, did not move.

    Without shortcuts a frozen prefix is run forward at every step, as it would be without this program.

    Raises:
        TlbenchError: they did.
    """
    network, frozen = start.network, frozen_parts(start)
    before = network.checksum(frozen)
    prefix = min(network.frozen_prefix(phase.moving) for phase in start.phases)
    if not shortcuts or (prefix and _encoded_bytes(start, data.train, prefix) > RESIDENT_BYTES):
        prefix = 0
    clock = Clock(data.train.labels.device)
    with clock.running():
        train = encode(network, data.train, prefix)
    learner = Learner(network, train, encode(network, data.validation, prefix), order)
    fitted = fit([learner], start.phases, budget, peak, prefix)[0]
    if network.checksum(frozen) != before:
        raise TlbenchError(f"frozen parts moved ({', '.join(frozen)}); the result would mean nothing")
    return Attempt(start, fitted, peak, clock.seconds + fitted.seconds)


@torch.inference_mode()
def _encoded_bytes(start: Start, items: Items, prefix: int) -> int:
    start.network.eval()
    one = start.network.run(items.inputs(torch.arange(1, device=items.labels.device)), 0, prefix)
    return 4 * one.numel() * len(items)


def evaluate(start: Start, data: Data, seed: int, clock: Clock, tries: int) -> tuple[Right, tuple[str, ...]]:
    """Which test items are predicted right: the one place where the test split is read, once, at the end.

    Of the first `tries` readouts the one that does best on validation is taken, the first of equals.
    """
    truth = data.tested.labels.cpu().numpy()
    if not start.readouts:
        return predict(start.network, data.tested).argmax(1).cpu().numpy() == truth, ()
    features = start.readout_of == "features"
    with clock.running():
        seen = predict(start.network, data.train, features=features).cpu().numpy()
    labels, fits = data.train.labels.cpu().numpy(), Clock(data.train.labels.device)
    with fits.running():
        fitted = [readout(seen, labels, seed) for readout in start.readouts[:tries]]
    clock.seconds += fits.seconds / len(fitted)  # one fit, as for an arm that is trained
    checked = predict(start.network, data.validation, features=features).cpu().numpy()
    known = data.validation.labels.cpu().numpy()
    best = max(fitted, key=lambda predictor: float((predictor(checked) == known).mean()))
    return best(predict(start.network, data.tested, features=features).cpu().numpy()) == truth, best.notes
