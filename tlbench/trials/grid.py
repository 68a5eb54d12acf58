"""Which tries: an arm at each learning rate, the best of them for longer, seeds together where that can be done."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from tlbench.method import Budget, Start
from tlbench.network import Network
from tlbench.training import Fitted, FrozenPrefix, Items, Learner, Prefixed, Scaled, fit, scaled
from tlbench.trials.arm import ArmAtSeed
from tlbench.trials.choice import Choice
from tlbench.trials.draws import TrialData
from tlbench.trials.freezing import FrozenTensors
from tlbench.trials.joining import joined_network, unequal, why_apart

RUN_ON = (2, 4, 8)  # times the budget, for what still improves
ROUNDING = 1e-6  # of a score: what rises by just the margin has risen


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
    """One learning rate's result: the arm as it ended, its items, its curve, and how long it took.

    place: which of the arm's candidates it is. factor: for how many budgets it was trained.
    """

    start: Start
    ground: Ground
    fitted: Fitted | None
    peak: float | None
    seconds: float
    place: int = 0
    factor: int = 1

    @property
    def score(self) -> float:
        """Final validation score; one that failed loses to any other."""
        failed = self.fitted is None or self.fitted.failure
        return -math.inf if failed or self.fitted is None else self.fitted.curve.validation_score[-1]

    @property
    def rank(self) -> tuple[float, float]:
        """By which an attempt is chosen: its score; of equal ones, the lower loss on the same items."""
        return self.score, -self.fitted.validation_loss if self.fitted else -math.inf


@dataclass(frozen=True)
class Tried:
    """An arm's attempts: all of its grid within the budget, then its best one for longer, as far as it rose."""

    grid: list[Attempt]
    longer: list[Attempt] = field(default_factory=list)

    @property
    def best(self) -> Attempt:
        """The best within the budget on validation, the first of equals."""
        return max(self.grid, key=lambda attempt: attempt.rank)

    @property
    def last(self) -> Attempt:
        """The arm as it is judged: the best, run on for as long as that helped."""
        return self.longer[-1] if self.longer else self.best

    @property
    def at_edge(self) -> bool:
        """Whether the best learning rate is the smallest or the largest of three or more."""
        peaks = {attempt.peak for attempt in self.grid if attempt.peak is not None}
        return len(peaks) > 2 and self.best.peak in (min(peaks), max(peaks))


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


def rose(before: float, after: float, margin: float) -> bool:
    """Whether a score has risen by the margin at least."""
    return math.isfinite(after) and after - before >= margin - ROUNDING


def tries(arm: ArmAtSeed, choice: Choice) -> Tried:
    """The arm at each learning rate, and its best one for longer where the conditions ask for that."""
    tried = Tried(_grid(arm, choice))
    _run_on([arm], [tried], choice)
    return tried


def _grid(arm: ArmAtSeed, choice: Choice) -> list[Attempt]:
    """Every candidate at each learning rate, every time from the same start; one attempt where nothing trains."""
    budget, attempts, grounds, n_candidates = arm.conditions.budget, list[Attempt](), list[Ground](), 1
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
                (made,) = _train([arm], [start], [grounds[place]], budget, peak, None)
                attempts.append(replace(made, place=place))
            place += 1
    return attempts


def tries_together(arms: Sequence[ArmAtSeed], choice: Choice) -> list[Tried] | str:
    """The same of arms that differ in their seed alone, at each learning rate all seeds at once; or why not."""
    tried = [Tried([]) for _ in arms]
    grounds: list[Ground] = []
    budget = arms[0].conditions.budget
    for place in range(len(budget.learning_rates)):
        starts = []
        for arm in arms:
            with arm.randomness():
                starts.append(arm.starts(choice)[0])
        if not grounds and not (apart := why_apart(starts[0]) or unequal(arms)):
            grounds = [ground_of(arm, start, choice) for arm, start in zip(arms, starts, strict=True)]
        for ground, start in zip(grounds, starts, strict=False):
            ground.scale(start)
        joined = joined_network(starts, grounds[0].validation, grounds[0].boundary) if grounds else apart
        if isinstance(joined, str):
            return joined
        peak = budget.grid(head_only=starts[0].head_only)[place]
        for own, attempt in zip(tried, _train(arms, starts, grounds, budget, peak, joined), strict=True):
            own.grid.append(attempt)
    _run_on(arms, tried, choice)
    return tried


def _run_on(arms: Sequence[ArmAtSeed], tried: Sequence[Tried], choice: Choice) -> None:
    """Trains each arm's best for longer, from its start and at its rate, for as long as validation gains a margin.

    What is still at chance goes on as well: it does not stand still, it has not begun.
    """
    asked = arms[0].conditions.run_on
    going = [i for i, own in enumerate(tried) if asked and math.isfinite(own.best.score)]
    for factor in RUN_ON:
        still = list[int]()
        for group in _by_rate(going, tried):
            after = _again([arms[i] for i in group], [tried[i].last for i in group], factor, choice)
            still += [i for i, attempt in zip(group, after, strict=True) if _goes_on(arms[i], tried[i], attempt)]
        going = still


def _goes_on(arm: ArmAtSeed, own: Tried, attempt: Attempt) -> bool:
    """Keeps what has risen; whether a longer training may rise further."""
    metric = arm.conditions.metric
    if rose(own.last.score, attempt.score, metric.margin):
        own.longer.append(attempt)
        return True
    return -math.inf < attempt.score <= metric.luck_value(arm.data.validation_labels)


def _by_rate(going: Sequence[int], tried: Sequence[Tried]) -> list[list[int]]:
    """The arms that go on, those of one learning rate together."""

    def rate(i: int) -> float:
        return tried[i].best.peak or 0.0

    return [list(same) for _, same in groupby(sorted(going, key=rate), rate)]


def _again(arms: Sequence[ArmAtSeed], before: Sequence[Attempt], factor: int, choice: Choice) -> list[Attempt]:
    """The same attempts from their starts for so many budgets: as one network where several can be joined."""
    place, peak, grounds = before[0].place, before[0].peak or 0.0, [attempt.ground for attempt in before]
    own = arms[0].conditions.budget
    budget = replace(own, steps=factor * own.steps)
    starts = []
    for arm, ground in zip(arms, grounds, strict=True):
        with arm.randomness():
            starts.append(arm.starts(choice)[place])
            ground.scale(starts[-1])
            if len(arms) == 1:
                (made,) = _train(arms, starts, grounds, budget, peak, None)
                return [replace(made, place=place, factor=factor)]
    joined = joined_network(starts, grounds[0].validation, grounds[0].boundary)
    if isinstance(joined, str):
        return [_again([arm], [one], factor, choice)[0] for arm, one in zip(arms, before, strict=True)]
    return [replace(made, factor=factor) for made in _train(arms, starts, grounds, budget, peak, joined)]


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
    frozen, own = [FrozenTensors(start) for start in starts], arms[0].conditions
    within = budget.steps == own.budget.steps  # whose curve is kept
    learners = [
        Learner(start.network, _training_items(arm, ground), ground.validation, arm.order(), own.metric, within)
        for start, arm, ground in zip(starts, arms, grounds, strict=True)
    ]
    fitted = fit(learners, starts[0].phases, budget, peak, grounds[0].boundary, joined)
    for tensors in frozen:
        tensors.prove_unmoved()
    made = zip(starts, grounds, fitted, strict=True)
    return [Attempt(start, ground, one, peak, one.seconds + ground.seconds) for start, ground, one in made]


def _training_items(arm: ArmAtSeed, ground: Ground) -> Items:
    """What a learner is given: the items where training begins, or augmented ones, anew each time."""
    return ground.train if arm.conditions.augment.idle else arm.data.augmented()
