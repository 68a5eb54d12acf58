"""The one training loop and the one clock: every arm, every source and every baseline is trained here."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from tlbench.curve import LearningCurve, evaluation_steps
from tlbench.device import synchronise
from tlbench.inputs import Encoded
from tlbench.network import HEAD, Network

EVALUATION_BATCH = 512
WARM_UP = 0.1  # share of the budget over which the learning rate rises


class Items(Protocol):
    """Inputs and labels by index, on the device."""

    labels: Tensor

    def __len__(self) -> int: ...
    def inputs(self, chosen: Tensor) -> Tensor:
        """The inputs at `chosen`."""
        ...


Penalty: TypeAlias = Callable[[Network, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Budget:
    """How long and how an arm is trained: equal for both sides of a pair. AdamW, linear warm-up, cosine decay.

    learning_rates: the grid of peaks from which each trial chooses on its own validation draw.
    """

    epochs: int = 15
    batch_size: int = 32
    learning_rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    weight_decay: float = 1e-2

    def batch(self, n_train: int) -> int:
        """Images a step: never more than there are."""
        return min(self.batch_size, n_train)

    def steps(self, n_train: int) -> int:
        """Optimiser steps in all; an epoch's incomplete last batch is left out."""
        return self.epochs * (n_train // self.batch(n_train))

    def rate(self, share: float) -> float:
        """The learning rate after `share` of the budget, as a factor of the peak."""
        if share < WARM_UP:
            return 0.1 + 0.9 * share / WARM_UP
        return 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))


@dataclass(frozen=True)
class Phase:
    """A part of the budget in which `moving` parts (block names or `head`) learn.

    share: of the budget's steps. factors: learning-rate factor by part, 1 where not given. penalty: an extra loss of
    the network, the batch's inputs at the frozen boundary and the batch's features (B, D).
    """

    moving: tuple[str, ...]
    share: float = 1.0
    factors: Mapping[str, float] = field(default_factory=dict)
    penalty: Penalty | None = None


@dataclass(frozen=True)
class Learner:
    """One seed's network with what it learns from; `order` draws the batches."""

    network: Network
    train: Items
    validation: Items
    order: torch.Generator


@dataclass(frozen=True)
class Fitted:
    """What fitting one learner gave. failure: why the trial failed, or None."""

    curve: LearningCurve
    seconds: float
    failure: str | None


class Clock:
    """Seconds of the work inside `running`, the device synchronised at both ends."""

    def __init__(self, device: torch.device) -> None:
        self.seconds, self._device = 0.0, device

    @contextmanager
    def running(self) -> Iterator[None]:
        """Counts what is done within it."""
        synchronise(self._device)
        start = time.perf_counter()
        yield
        synchronise(self._device)
        self.seconds += time.perf_counter() - start


@torch.inference_mode()
def predict(network: Network, items: Items, start: int = 0, *, features: bool = False) -> Tensor:
    """(n, C) logits, or (n, D) features, of all items in their order; the network is left in the mode it was in."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    read = network.features if features else network
    parts = torch.arange(len(items), device=items.labels.device).split(EVALUATION_BATCH)
    outputs = torch.cat([read(items.inputs(part), start) for part in parts])
    for module in training:
        module.training = True
    return outputs


def accuracy(network: Network, items: Items, start: int = 0) -> float:
    """The share of items whose largest logit is their label's; nan logits count as wrong."""
    return float((predict(network, items, start).argmax(1) == items.labels).float().mean())


class _Run:
    """One learner's state within `fit`."""

    def __init__(self, learner: Learner, start: int) -> None:
        self.learner, self.start = learner, start
        self.failure: str | None = None
        self.loss_sum = torch.zeros((), device=learner.train.labels.device)
        self.loss_count = 0
        self.rows: list[tuple[int, float, float | None, float]] = []
        self.batches: Iterator[Tensor] = iter(())

    def next_batch(self, size: int) -> Tensor:
        """Positions of the next batch; a new shuffle when an epoch has no full batch left."""
        chosen = next(self.batches, None)
        if chosen is None or len(chosen) < size:
            order = torch.randperm(len(self.learner.train), generator=self.learner.order)
            self.batches = iter(order.to(self.loss_sum.device).split(size))
            chosen = next(self.batches)
        return chosen

    def loss(self, size: int, penalty: Penalty | None) -> Tensor:
        """Cross-entropy of the next batch, and the phase's penalty."""
        chosen, network = self.next_batch(size), self.learner.network
        inputs = self.learner.train.inputs(chosen)
        features = network.features(inputs, self.start)
        value = functional.cross_entropy(network.head(features), self.learner.train.labels[chosen])
        if penalty is not None:
            value = value + penalty(network, inputs, features)
        self.loss_sum, self.loss_count = self.loss_sum + value.detach(), self.loss_count + 1
        return value

    def evaluate(self, step: int, seconds: float) -> None:
        """Adds a row to the curve; a loss that is not finite ends this learner."""
        loss = float(self.loss_sum) / self.loss_count if self.loss_count else None
        if loss is not None and not math.isfinite(loss):
            self.failure, loss = f"training loss not finite by step {step}", None
        reached = accuracy(self.learner.network, self.learner.validation, self.start)
        self.rows.append((step, seconds, loss, reached))
        self.loss_sum, self.loss_count = torch.zeros_like(self.loss_sum), 0


def fit(
    learners: Sequence[Learner], phases: Sequence[Phase], budget: Budget, peak: float, start: int = 0
) -> list[Fitted]:
    """Trains every learner for the whole budget, in step with each other; each result is as if it were alone.

    All learners have the same network shape, number of items and phases, and differ in their seed. `peak` is the
    highest learning rate. `start` is the block boundary at which their items stand (0: images). The curve is read at
    `evaluation_steps`, outside the clock.
    """
    device, n_train = learners[0].train.labels.device, len(learners[0].train)
    total, size = budget.steps(n_train), budget.batch(n_train)
    clock, runs, looks = Clock(device), [_Run(learner, start) for learner in learners], set(evaluation_steps(total))
    _warm_up(learners[0], phases[0], size, start)
    for run in runs:
        run.evaluate(0, 0.0)
    edges = [round(total * sum(phase.share for phase in phases[:i])) for i in range(len(phases) + 1)]
    for phase, first, last in zip(phases, edges, edges[1:], strict=False):
        with clock.running():
            optimizer = _optimizer(runs, phase, budget)
        step = first
        while step < last and any(run.failure is None for run in runs):
            until = min(look for look in (*looks, last) if look > step)
            with clock.running():
                for now in range(step, until):
                    _step(runs, phase, optimizer, size, peak * budget.rate(now / total))
            step = until
            for run in runs:
                if step in looks and run.failure is None:
                    run.evaluate(step, clock.seconds / len(runs))
    return [Fitted(_curve(run), clock.seconds / len(runs), run.failure) for run in runs]


def _step(runs: Sequence[_Run], phase: Phase, optimizer: torch.optim.Optimizer, size: int, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    optimizer.zero_grad()
    live = [run.loss(size, phase.penalty) for run in runs if run.failure is None]
    torch.stack(live).sum().backward()
    optimizer.step()


def _optimizer(runs: Sequence[_Run], phase: Phase, budget: Budget) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = []
    for run in runs:
        run.learner.network.move_only(phase.moving)
        for name in phase.moving:
            parameters = list(run.learner.network.part(name).parameters())
            groups.append({"params": parameters, "factor": phase.factors.get(name, 1.0)})
    return torch.optim.AdamW(groups, weight_decay=budget.weight_decay)


def seconds_a_step(network: Network, shape: tuple[int, ...], size: int) -> float:
    """What a step of the whole network costs on the CPU here, on random inputs: the median of five."""
    items = Encoded(torch.randn(size, *shape), torch.zeros(size, dtype=torch.long))
    run = _Run(Learner(network, items, items, torch.Generator()), 0)
    phase, clock, times = Phase((*network.names, HEAD)), Clock(items.labels.device), []
    optimizer = _optimizer([run], phase, Budget())
    for _ in range(5):
        before = clock.seconds
        with clock.running():
            _step([run], phase, optimizer, size, 0.0)
        times.append(clock.seconds - before)
    return sorted(times)[2]


def _warm_up(learner: Learner, phase: Phase, size: int, start: int) -> None:
    """One step on a throw-away copy, so that what a first step costs (kernels, memory) is on nobody's clock."""
    with torch.random.fork_rng():
        spare = copy.deepcopy(learner.network)
        spare.move_only(phase.moving or (HEAD,))
        inputs = learner.train.inputs(torch.arange(size, device=learner.train.labels.device))
        spare(inputs, start).sum().backward()
        optimizer = torch.optim.AdamW([p for p in spare.parameters() if p.requires_grad])
        optimizer.step()


def _curve(run: _Run) -> LearningCurve:
    steps, seconds, losses, accuracies = zip(*run.rows, strict=True)
    return LearningCurve(steps, seconds, losses, accuracies)
