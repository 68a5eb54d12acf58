"""Which tries: an arm trained at each learning rate of its grid, seeds together where that can be done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from tlbench.errors import TlbenchError
from tlbench.method import Budget, Start
from tlbench.network import HEAD, Network, checksum
from tlbench.training import Fitted, FrozenPrefix, Items, Learner, Prefixed, fit, join
from tlbench.trials.arm import ArmAtSeed
from tlbench.trials.choice import Choice
from tlbench.trials.conditions import PLATEAU
from tlbench.trials.draws import TrialData

DOUBLINGS = 4  # at most: eight times the budget
STILL = 0.005  # validation score that a doubled budget must add


@dataclass(frozen=True)
class Ground:
    """Where an arm's training begins: its items at the frozen prefix's boundary, the same at every learning rate."""

    train: Items
    validation: Items
    prefix: FrozenPrefix | None
    prefixed: Prefixed

    @property
    def boundary(self) -> int:
        """The block boundary; 0: the inputs."""
        return self.prefix.boundary if self.prefix else 0

    @classmethod
    def at_inputs(cls, data: TrialData) -> "Ground":
        """Nothing is run beforehand."""
        return cls(data.train, data.validation, None, Prefixed(data.train))


@dataclass(frozen=True)
class Attempt:
    """One learning rate's result: the arm as it ended, its items, its curve, and how long it took."""

    start: Start
    ground: Ground
    fitted: Fitted | None
    peak: float | None
    seconds: float

    @property
    def score(self) -> float:
        """Final validation score, by which an attempt is chosen; one that failed loses to any other."""
        failed = self.fitted is None or self.fitted.failure
        return -torch.inf if failed or self.fitted is None else self.fitted.curve.validation_score[-1]


def ground_of(arm: ArmAtSeed, start: Start, choice: Choice) -> Ground:
    """Brings the items to where training begins, unless what the frozen blocks give is too large to keep.

    Without shortcuts, and where inputs are augmented, that is at the inputs.
    """
    data = arm.data
    if not choice.shortcuts or not arm.conditions.augment.idle:
        return Ground.at_inputs(data)
    prefix = FrozenPrefix(start.network, start.boundary, arm.workspace)
    train = prefix.apply(data.train, (data.name, "train"))
    validation = train and prefix.apply(data.validation, (data.name, "validation"))
    if train is None or validation is None:
        return Ground.at_inputs(data)
    return Ground(train.items, validation.items, prefix, train)


def tries(arm: ArmAtSeed, choice: Choice) -> list[Attempt]:
    """The arm at each learning rate; to a plateau, at doubled budgets too, until validation gains no half point."""
    budget, attempts = arm.conditions.budget, list[Attempt]()
    for doubling in range(DOUBLINGS if arm.conditions.variant == PLATEAU else 1):
        before = max((attempt.score for attempt in attempts), default=-torch.inf)
        attempts += _grid(arm, replace(budget, epochs=budget.epochs * 2**doubling), choice)
        best = max(attempt.score for attempt in attempts)
        if best == -torch.inf or best < before + STILL:
            break
    return attempts


def _grid(arm: ArmAtSeed, budget: Budget, choice: Choice) -> list[Attempt]:
    """Every candidate at each learning rate, every time from the same start; one attempt where nothing trains."""
    attempts, grounds, n_candidates = list[Attempt](), list[Ground](), 1
    for peak in budget.learning_rates:
        place = 0
        while place < n_candidates:
            with arm.randomness():
                candidates = arm.starts(choice)
                start, n_candidates = candidates[place], len(candidates)
                if place == len(grounds):
                    grounds.append(ground_of(arm, start, choice))
                if not start.phases:
                    return [Attempt(start, grounds[0], None, None, 0.0)]
                attempts += _train([arm], [start], [grounds[place]], budget, peak, None)
            place += 1
    return attempts


def tries_together(arms: Sequence[ArmAtSeed], choice: Choice) -> list[list[Attempt]] | str:
    """The same of arms that differ in their seed alone, at each learning rate all seeds at once; or why not."""
    attempts: list[list[Attempt]] = [[] for _ in arms]
    grounds: list[Ground] = []
    budget = arms[0].conditions.budget
    for peak in budget.learning_rates:
        starts = []
        for arm in arms:
            with arm.randomness():
                starts.append(arm.starts(choice)[0])
        joined = joined_or_why_not(arms, starts, grounds, choice)
        if isinstance(joined, str):
            return joined
        for own, attempt in zip(attempts, _train(arms, starts, grounds, budget, peak, joined), strict=True):
            own.append(attempt)
    return attempts


def joined_or_why_not(
    arms: Sequence[ArmAtSeed], starts: Sequence[Start], grounds: list[Ground], choice: Choice
) -> Network | str:
    """The starts' networks as one, or the reason why these seeds are trained apart: the one place that decides it.

    grounds: where the arms' training begins, found here the first time.
    """
    first = starts[0]
    if not first.phases:
        return "nothing is trained"
    if arms[0].conditions.variant == PLATEAU:
        return "each seed trains until it stands still"
    if first.alternatives:
        return "several candidates are tried"
    if any(phase.penalty for phase in first.phases):
        return "a penalty is a function of one network"
    if not grounds:
        grounds += [ground_of(arm, start, choice) for arm, start in zip(arms, starts, strict=True)]
    checked = grounds[0].validation
    few = torch.arange(min(4, len(checked)), device=checked.labels.device)
    return join([start.network for start in starts], checked.inputs(few), grounds[0].boundary)


def _train(
    arms: Sequence[ArmAtSeed],
    starts: Sequence[Start],
    grounds: Sequence[Ground],
    budget: Budget,
    peak: float,
    joined: Network | None,
) -> list[Attempt]:
    """Trains arms of different seeds; proves that frozen parts did not move, buffers included.

    Raises:
        TlbenchError: they did.
    """
    networks, moving, phases = [start.network for start in starts], starts[0].moving, starts[0].phases
    before = [checksum(network.frozen_tensors(moving)) for network in networks]
    learners = [
        Learner(network, _training_items(arm, ground), ground.validation, arm.order(), arm.conditions.metric)
        for network, arm, ground in zip(networks, arms, grounds, strict=True)
    ]
    fitted = fit(learners, phases, budget, peak, grounds[0].boundary, joined)
    if [checksum(network.frozen_tensors(moving)) for network in networks] != before:
        frozen = ", ".join(frozen_parts(starts[0])) or "single parameters"
        raise TlbenchError(f"frozen parts moved ({frozen}); the result would mean nothing")
    made = zip(starts, grounds, fitted, strict=True)
    return [Attempt(start, ground, own, peak, own.seconds + ground.prefixed.seconds) for start, ground, own in made]


def _training_items(arm: ArmAtSeed, ground: Ground) -> Items:
    """What a learner is given: the items where training begins, or augmented ones, anew each time."""
    return ground.train if arm.conditions.augment.idle else arm.data.augmented()


def frozen_parts(start: Start) -> tuple[str, ...]:
    """The blocks, and the head, in which nothing learns."""
    moving = {entry.partition("/")[0] for entry in start.moving}
    return tuple(name for name in (*start.network.names, HEAD) if name not in moving)
