"""Learning curves and their readings; plain numbers, no framework."""

from dataclasses import dataclass
from itertools import pairwise

EVALUATIONS = 24  # after the one at step 0
JUMPSTART_SHARE = 0.05  # of the budget


def evaluation_steps(total: int) -> tuple[int, ...]:
    """Step 0 and about two dozen more up to `total`, denser early; equal for every arm of the same budget."""
    return tuple(sorted({round(total * (i / EVALUATIONS) ** 1.5) for i in range(EVALUATIONS + 1)}))


@dataclass(frozen=True)
class LearningCurve:
    """What was seen at each evaluation.

    steps: optimiser steps done; seconds: on the trial's clock, evaluation excluded (empty where they are not at hand);
    train_loss: mean since the last evaluation (None at step 0 and where it was not finite); validation_score: of the
    judged metric, better as it grows.
    """

    steps: tuple[int, ...]
    seconds: tuple[float, ...]
    train_loss: tuple[float | None, ...]
    validation_score: tuple[float, ...]

    def jumpstart(self) -> float:
        """Validation score at the first evaluation after a twentieth of the budget (Taylor and Stone 2009)."""
        k = JUMPSTART_SHARE * self.steps[-1]
        return next(a for s, a in zip(self.steps, self.validation_score, strict=True) if s >= k)

    def asymptote(self) -> float:
        """Mean validation score of the last three evaluations."""
        last = self.validation_score[-3:]
        return sum(last) / len(last)

    def slope(self) -> float:
        """Rise of validation score per thousand steps from the jumpstart to the middle of the budget."""
        k, half = JUMPSTART_SHARE * self.steps[-1], self.steps[-1] / 2
        first = next(s for s in self.steps if s >= k)
        later = next(i for i, s in enumerate(self.steps) if s >= half)
        span = self.steps[later] - first
        return 1000 * (self.validation_score[later] - self.jumpstart()) / span if span else 0.0

    def area(self, chance: float) -> float:
        """Mean validation score over the budget (trapezoids over steps), above `chance`."""
        points = list(zip(self.steps, self.validation_score, strict=True))
        area = sum((s2 - s1) * (a1 + a2) / 2 for (s1, a1), (s2, a2) in pairwise(points))
        return area / self.steps[-1] - chance if self.steps[-1] else self.validation_score[-1] - chance

    def steps_to(self, score: float) -> int | None:
        """The first evaluated step at which the target score was reached; None if never (censored)."""
        reached = (s for s, a in zip(self.steps, self.validation_score, strict=True) if a >= score)
        return next(reached, None)

    def still_improving(self, rise: float = 0.01) -> bool:
        """Whether the last quarter of the budget ended more than `rise`, a point, above its beginning."""
        quarter = next(i for i, s in enumerate(self.steps) if s >= 0.75 * self.steps[-1])
        return self.validation_score[-1] - self.validation_score[quarter] > rise
