"""A pilot: how many steps scratch needs at a target, before anything is judged there."""

import math
from dataclasses import dataclass, replace

import numpy as np

from tlbench.errors import TlbenchError, one_line
from tlbench.method import Method, methods
from tlbench.streams import key
from tlbench.trials.arm import ArmAtSeed
from tlbench.trials.choice import Choice
from tlbench.trials.conditions import Conditions
from tlbench.trials.grid import Tried, rose, tries
from tlbench.trials.outline import outline
from tlbench.trials.plan import Plan, budget_key
from tlbench.trials.trial import Trial, joint
from tlbench.workspace import Workspace

PILOT_SEEDS = 3
LEAST, MOST = 64, 4096  # steps


@dataclass(frozen=True)
class Pilot:
    """From scratch at budgets that double, at seeds of their own, until validation stands still; gives the steps.

    That is the smallest budget whose doubling raises the mean best validation score by less than the metric's margin,
    `MOST` where there is none. What is still at chance does not stand still, since it may not have begun: then all
    budgets are tried, and the smallest is taken beyond which nothing rises.
    """

    method: Method
    conditions: Conditions
    choice: Choice

    @property
    def label(self) -> str:
        """The budget's key."""
        return budget_key(self.conditions)

    def __call__(self, workspace: Workspace) -> int:
        """The budget's steps."""
        try:
            return self._steps(workspace)
        except TlbenchError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it ends the run in a line that names the pilot
            said = f"the pilot of {self.method.label} at {self.label} failed: {one_line(error)}"
            raise TlbenchError(f"{said}; give the suite's steps to do without it") from None

    def _steps(self, workspace: Workspace) -> int:
        margin, steps = self.conditions.metric.margin, LEAST
        scores = {steps: self._score(steps, workspace)[0]}
        while steps < MOST:
            scores[2 * steps], limit = self._score(2 * steps, workspace)
            if scores[steps] > limit and not rose(scores[steps], scores[2 * steps], margin):
                return steps
            steps *= 2
        return min(n for n in scores if not any(rose(scores[n], scores[more], margin) for more in scores if more > n))

    def _score(self, steps: int, workspace: Workspace) -> tuple[float, float]:
        """The mean best validation score of seeds that did not fail, and the best that luck alone reaches."""
        tried = self._tried(steps, workspace)
        labels = np.concatenate([arm.data.validation_labels for arm, _ in tried])
        sound = [own.best.score for _, own in tried if math.isfinite(own.best.score)]
        mean = sum(sound) / len(sound) if sound else -math.inf
        return mean, self.conditions.metric.luck_value(labels)

    def _tried(self, steps: int, workspace: Workspace) -> list[tuple[ArmAtSeed, Tried]]:
        """As one network where that can be; no draw, network or order is one of a trial that is judged."""
        own = self.conditions
        budget, root_seed = replace(own.budget, steps=steps), key(own.root_seed, "pilot")
        conditions = replace(own, budget=budget, root_seed=root_seed, run_on=False)
        trials = [Trial(None, self.method, conditions, seed) for seed in range(PILOT_SEEDS)]
        made = joint(trials, workspace, self.choice) if self.choice.together else ""
        if not isinstance(made, str):
            return made
        arms = [trial.arm(workspace) for trial in trials]
        return [(arm, tries(arm, replace(self.choice, together=False))) for arm in arms]


def pilots(plan: Plan, choice: Choice, workspace: Workspace) -> list[Pilot]:
    """A pilot for each target and setup whose budget nobody knows: of the baseline, or scratch where it trains not."""
    found = []
    for conditions in plan.unpiloted().values():
        trained = outline(plan.suite.baseline, conditions.setup, workspace).unfrozen is not None
        found.append(Pilot(plan.suite.baseline if trained else methods.make("scratch"), conditions, choice))
    return found


def budget_lines(plan: Plan) -> list[str]:
    """What is to be said of budgets that the suite leaves open."""
    found = [budget_line(key, steps, plan.suite.metric.margin) for key, steps in plan.budgets.items()]
    for at, conditions in plan.unpiloted().items():
        steps = conditions.budget.steps
        found.append(
            f"target {_words(at)}: a pilot finds the steps when it is run; {steps} are reckoned with until then"
        )
    return found


def budget_line(at: str, steps: int, margin: float) -> str:
    """What a pilot found."""
    how = f"{PILOT_SEEDS} seeds of its own"
    if steps == MOST:
        return f"target {_words(at)}: {MOST} steps, at which a pilot of from-scratch was still rising ({how})"
    return (
        f"target {_words(at)}: {steps} steps, where a pilot of from-scratch stood still "
        f"({how}; twice as many add less than {margin:g} on validation)"
    )


def _words(at: str) -> str:
    target, _, setup = at.partition("/")
    return f"{target} with {setup}"
