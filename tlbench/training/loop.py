"""The one training loop and the one clock: every arm, every source and every baseline is trained here."""

import copy
import math
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.curve import LearningCurve, evaluation_steps
from tlbench.device import synchronise
from tlbench.method import Budget, Phase
from tlbench.network import HEAD, Network
from tlbench.training.items import Items
from tlbench.training.learners import Apart, Learner, Together, log_loss, predict
from tlbench.training.optimizer import AdamW

TIMED_STEPS, TIMED_SECONDS = 12, 0.15  # of a way that is tried: whichever comes first
_known_steps: set[Hashable] = set()  # kinds of steps that this process has made before


@dataclass(frozen=True)
class Fitted:
    """What fitting one learner gave.

    failure: why the trial failed, or None. validation_loss: cross-entropy on the validation items at the end, by which
    equal scores are told apart; infinite where it is not finite.
    """

    curve: LearningCurve
    seconds: float
    failure: str | None
    validation_loss: float = math.inf


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


class _Run:
    """One learner's batches and curve within `fit`."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.failure: str | None = None
        self.rows: list[tuple[int, float, float | None, float]] = []
        self.batches: Iterator[Tensor] = iter(())

    def next_batch(self, size: int) -> Tensor:
        """Positions of the next batch; a new shuffle when an epoch has no full batch left."""
        chosen = next(self.batches, None)
        if chosen is None or len(chosen) < size:
            order = torch.randperm(len(self.learner.train), generator=self.learner.order)
            self.batches = iter(order.to(self.learner.train.labels.device).split(size))
            chosen = next(self.batches)
        return chosen

    def note(self, step: int, seconds: float, loss: float | None, logits: Tensor) -> None:
        """Adds a row to the curve, from (n, C) logits of the validation items; a loss that is not finite ends this."""
        if loss is not None and not math.isfinite(loss):
            self.failure, loss = f"training loss not finite by step {step}", None
        self.rows.append((step, seconds, loss, self.learner.metric.value(logits, self.learner.validation.labels)))
        self.logits = logits

    def fitted(self, seconds: float) -> Fitted:
        """What has come out."""
        steps, at, losses, scores = zip(*self.rows, strict=True)
        curve = LearningCurve(steps, at, losses, scores)
        return Fitted(curve, seconds, self.failure, log_loss(self.logits, self.learner.validation.labels))


def fit(
    learners: Sequence[Learner],
    phases: Sequence[Phase],
    budget: Budget,
    peak: float,
    start: int = 0,
    joined: Network | None = None,
) -> list[Fitted]:
    """Trains every learner for the whole budget, in step with each other; each result is as if it were alone.

    All learners have the same network shape, number of items and phases, and differ in their seed. `peak` is the
    highest learning rate. `start` is the block boundary at which their items stand (0: inputs). joined: the learners'
    networks as one, to train them together; each gets its share back. The curve is read at `evaluation_steps`, outside
    the clock.
    """
    device = learners[0].train.labels.device
    total, size = budget.steps, budget.batch(len(learners[0].train))
    group = _grouped(learners, start, joined)
    clock, runs, read_at = Clock(device), [_Run(learner) for learner in learners], _read_at(learners, total)
    _warm_up(group, phases[0], size)
    if 0 in read_at:
        for run, logits in zip(runs, group.logits(), strict=True):
            run.note(0, 0.0, None, logits)
    edges = [round(total * sum(phase.share for phase in phases[:i])) for i in range(len(phases) + 1)]
    losses, count = torch.zeros(len(runs), device=device), 0
    optimizer: AdamW | None = None
    for phase, first, last in zip(phases, edges, edges[1:], strict=False):
        with clock.running():
            optimizer = _optimizer(group.networks, phase, budget, optimizer)
        step = first
        while step < last and any(run.failure is None for run in runs):
            until = min(at for at in (*read_at, last) if at > step)
            with clock.running():
                for now in range(step, until):
                    share = (now - first) / (last - first) if phase.schedule == "restarted" else now / total
                    losses += _step(group, runs, phase, optimizer, size, peak * budget.rate(share))
            step, count = until, count + until - step
            if step in read_at:
                _read(group, runs, step, clock.seconds / len(runs), (losses / count).tolist())
                losses, count = torch.zeros_like(losses), 0
    with clock.running():
        group.close()
    return [run.fitted(clock.seconds / len(runs)) for run in runs]


def _read_at(learners: Sequence[Learner], total: int) -> set[int]:
    """The steps at which the learners are read."""
    steps = evaluation_steps(total)
    return set(steps if learners[0].curve else steps[-2:])


def _read(group: Apart, runs: Sequence[_Run], step: int, seconds: float, losses: Sequence[float]) -> None:
    """Reads every learner that has not failed."""
    for run, logits, loss in zip(runs, group.logits(), losses, strict=True):
        if run.failure is None:
            run.note(step, seconds, loss, logits)


def _step(group: Apart, runs: Sequence[_Run], phase: Phase, optimizer: AdamW, size: int, rate: float) -> Tensor:
    optimizer.zero_grad()
    losses = group.losses([run.next_batch(size) for run in runs], phase.penalty)
    losses.sum().backward()
    optimizer.step(rate)
    return losses.detach()


def _optimizer(networks: Sequence[Network], phase: Phase, budget: Budget, before: AdamW | None = None) -> AdamW:
    """Moves what the phase moves; goes on with the moments of the phase before where it asks for that."""
    parts = []
    for network in networks:
        network.move_only(phase.moving)
        factors = {
            name: phase.factors.get(entry, 1.0) for entry in phase.moving for name in network.moving_parameters([entry])
        }
        parts += [([p], factors[name]) for name, p in network.moving_parameters(phase.moving).items()]
    decay = budget.weight_decay if phase.weight_decay is None else phase.weight_decay
    return AdamW(parts, decay, before if phase.optimizer == "kept" else None)


def _grouped(learners: Sequence[Learner], start: int, joined: Network | None) -> Apart:
    return Apart(learners, start) if joined is None else Together(learners, start, joined)


def seconds_a_step(learners: Sequence[Learner], phase: Phase, size: int, start: int, joined: Network | None) -> float:
    """What a step costs here, a learner: the least of several, once warm; at a learning rate of 0."""
    group = _grouped(learners, start, joined)
    runs, clock = [_Run(learner) for learner in learners], Clock(learners[0].train.labels.device)
    times: list[float] = []
    optimizer = _optimizer(group.networks, phase, Budget())
    while len(times) < 4 or (len(times) < TIMED_STEPS and clock.seconds < TIMED_SECONDS):
        before = clock.seconds
        with clock.running():
            _step(group, runs, phase, optimizer, size, 0.0)
        times.append((clock.seconds - before) / len(learners))
    return min(times[1:])


def seconds_of_reading(network: Network, items: Items, start: int) -> float:
    """What reading these items costs here: the least of a few times."""
    times, clock = list[float](), Clock(items.labels.device)
    while len(times) < 2 or (len(times) < TIMED_STEPS and clock.seconds < TIMED_SECONDS):
        before = clock.seconds
        with clock.running():
            predict(network, items, start)
        times.append(clock.seconds - before)
    return min(times)


def _warm_up(group: Apart, phase: Phase, size: int) -> None:
    """One step on a throw-away copy, so that what a process's first of a kind costs (kernels) is on nobody's clock."""
    shapes = tuple((p.shape, p.stride(), p.device) for p in group.networks[0].parameters())
    kind = shapes, phase.moving, size, group.start
    if kind in _known_steps:
        return
    _known_steps.add(kind)
    with torch.random.fork_rng():
        spare = copy.deepcopy(group.networks[0])
        spare.move_only(phase.moving or (HEAD,))
        spare(group.first_inputs(size), group.start).sum().backward()
        AdamW([([p for p in spare.parameters() if p.requires_grad], 1.0)], 0.0).step(0.0)
