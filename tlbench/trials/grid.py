"""Which tries: an arm trained at each learning rate of its grid, seeds together where that can be done."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from tlbench.method import Budget, Start
from tlbench.network import Network
from tlbench.training import Fitted, FrozenPrefix, Items, Learner, Prefixed, Scaled, fit, scaled
from tlbench.trials.arm import ArmAtSeed
from tlbench.trials.choice import Choice
from tlbench.trials.conditions import PLATEAU
from tlbench.trials.draws import TrialData
from tlbench.trials.freezing import FrozenTensors
from tlbench.trials.joining import joined_network, unequal, why_apart

DOUBLINGS = 4  # at most: eight times the budget


@dataclass(frozen=True)
class Ground:
    """Where an arm's training begins: its items at the frozen prefix's boundary, the same at every learning rate.

    scaling: of the features, fitted to what is trained on, where the start asks for it.
    """

    train: Items
    validation: Items
    prefix: FrozenPrefix | None
    prefixed: Prefixed
    scaling: Scaled | None = None

    @property
    def boundary(self) -> int:
        """The block boundary; 0: the inputs."""
        return self.prefix.boundary if self.prefix else 0

    @property
    def seconds(self) -> float:
        """What it took to come here, once for all learning rates."""
        return self.prefixed.seconds + (self.scaling.seconds if self.scaling else 0.0)

    def scale(self, start: Start) -> None:
        """Has the start's network scale its features, where it is to."""
        if self.scaling is not None:
            start.network.scaling = copy.deepcopy(self.scaling.layer)

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
    """Brings the items to where training begins, and fits the scaling of features to them as they are."""
    ground = _brought(arm, start, choice)
    if not start.standardised:
        return ground
    return replace(ground, scaling=scaled(start.network, ground.train, ground.boundary))


def _brought(arm: ArmAtSeed, start: Start, choice: Choice) -> Ground:
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
    """The arm at each learning rate; to a plateau, at doubled budgets too, until validation gains no margin."""
    budget, attempts = arm.conditions.budget, list[Attempt]()
    for doubling in range(DOUBLINGS if arm.conditions.variant == PLATEAU else 1):
        before = max((attempt.score for attempt in attempts), default=-torch.inf)
        attempts += _grid(arm, replace(budget, epochs=budget.epochs * 2**doubling), choice)
        best = max(attempt.score for attempt in attempts)
        if best == -torch.inf or best < before + arm.conditions.metric.margin:
            break
    return attempts


def _grid(arm: ArmAtSeed, budget: Budget, choice: Choice) -> list[Attempt]:
    """Every candidate at each learning rate, every time from the same start; one attempt where nothing trains."""
    attempts, grounds, n_candidates = list[Attempt](), list[Ground](), 1
    for rate in range(len(budget.learning_rates)):
        place = 0
        while place < n_candidates:
            with arm.randomness():
                candidates = arm.starts(choice)
                start, n_candidates = candidates[place], len(candidates)
                if place == len(grounds):
                    grounds.append(ground_of(arm, start, choice))
                if not start.phases:
                    return [Attempt(start, grounds[0], None, None, 0.0)]
                grounds[place].scale(start)
                peak = budget.grid(head_only=start.head_only)[rate]
                attempts += _train([arm], [start], [grounds[place]], budget, peak, None)
            place += 1
    return attempts


def tries_together(arms: Sequence[ArmAtSeed], choice: Choice) -> list[list[Attempt]] | str:
    """The same of arms that differ in their seed alone, at each learning rate all seeds at once; or why not."""
    attempts: list[list[Attempt]] = [[] for _ in arms]
    grounds: list[Ground] = []
    budget = arms[0].conditions.budget
    for place in range(len(budget.learning_rates)):
        starts = []
        for arm in arms:
            with arm.randomness():
                starts.append(arm.starts(choice)[0])
        if not grounds and not (apart := why_apart(arms[0].conditions, starts[0]) or unequal(arms)):
            grounds = [ground_of(arm, start, choice) for arm, start in zip(arms, starts, strict=True)]
        for ground, start in zip(grounds, starts, strict=False):
            ground.scale(start)
        joined = joined_network(starts, grounds[0].validation, grounds[0].boundary) if grounds else apart
        if isinstance(joined, str):
            return joined
        peak = budget.grid(head_only=starts[0].head_only)[place]
        for own, attempt in zip(attempts, _train(arms, starts, grounds, budget, peak, joined), strict=True):
            own.append(attempt)
    return attempts


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
    frozen = [FrozenTensors(start) for start in starts]
    learners = [
        Learner(start.network, _training_items(arm, ground), ground.validation, arm.order(), arm.conditions.metric)
        for start, arm, ground in zip(starts, arms, grounds, strict=True)
    ]
    fitted = fit(learners, starts[0].phases, budget, peak, grounds[0].boundary, joined)
    for tensors in frozen:
        tensors.prove_unmoved()
    made = zip(starts, grounds, fitted, strict=True)
    return [Attempt(start, ground, own, peak, own.seconds + ground.seconds) for start, ground, own in made]


def _training_items(arm: ArmAtSeed, ground: Ground) -> Items:
    """What a learner is given: the items where training begins, or augmented ones, anew each time."""
    return ground.train if arm.conditions.augment.idle else arm.data.augmented()
