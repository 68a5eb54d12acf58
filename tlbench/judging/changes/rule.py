"""By what a change is judged, and what is then said of it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlbench.judging import stats
from tlbench.judging.verdict import Design
from tlbench.runfile import VerdictSettings

AXES = ("gain", "accuracy", "convergence", "cost")
SAID = {"negative": "dropped", "positive": "rose", "neutral": "equal", "inconclusive": "within noise"}
UNTESTED = ("unchanged", "new", "missing", "other data", "source changed", "too few")


@dataclass(frozen=True)
class Rule:
    """By what a change is judged: alpha, one-sided, over all that is tested; margins, on each axis's own scale.

    Gains, scores and convergence (area under the curve) as the metric has them, cost as log of the ratio of seconds.
    """

    alpha: float = 0.01
    margin: float = 0.005
    convergence_margin: float = 0.01
    cost_margin: float = float(np.log1p(0.1))

    @classmethod
    def of(cls, settings: VerdictSettings, alpha: float, margin: float | None = None) -> "Rule":
        """From a run's verdict settings; margin: another one for gains and scores."""
        cost = float(np.log1p(settings.cost_margin))
        return cls(alpha, settings.margin if margin is None else margin, settings.convergence_margin, cost)

    def margin_of(self, axis: str) -> float:
        """The axis's margin."""
        return {"convergence": self.convergence_margin, "cost": self.cost_margin}.get(axis, self.margin)

    def design(self, axis: str, n_axes: int) -> Design:
        """For the judge: each axis has its share of alpha, and a drop the whole of that."""
        floor = stats.FLOOR if axis in ("gain", "accuracy") else 0.0
        return Design(2 * self.alpha / max(n_axes, 1), self.margin_of(axis), floor=floor, moderated=False)


@dataclass(frozen=True)
class Change:
    """A cell's or an arm's change on one axis.

    word: one of `SAID`'s or of `UNTESTED`. n: seeds on the smaller side; paired: by seed. p_drop: Holm-adjusted, of "no
    drop". noninferior: whether a drop of the margin is excluded, at alpha. sees: the smallest drop that would have been
    found with power 0.8. note: what a reader must know beside it.
    """

    axis: str
    path: str
    word: str
    before: float | None = None
    after: float | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None
    n: int = 0
    paired: bool = True
    p_drop: float = 1.0
    noninferior: bool = True
    sees: float | None = None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
