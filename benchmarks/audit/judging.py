"""Steps 3 to 6: a family of cells on one axis, from their estimates at each look to their verdicts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import optimize, special

from benchmarks.audit.estimating import Estimate, Prior

CAP, FEWEST, LEAST = 8.0, 6, 1e-5
LARGE = 1e6  # degrees of freedom that are as good as infinite


@dataclass(frozen=True)
class Rules:
    """What is fixed before a run, for one axis."""

    alpha: float
    margin: float
    weights: Sequence[float]


@dataclass(frozen=True)
class Look:
    """A cell at a look: a word where the screen decides, else an estimate where there is one."""

    word: str = ""
    found: Estimate | None = None

    @property
    def pooled(self) -> Estimate | None:
        """What enters the family's prior."""
        return self.found if not self.word and self.found is not None and self.found.n_own >= 2 else None

    @property
    def tested(self) -> Estimate | None:
        """What may be flagged."""
        return self.pooled if self.pooled is not None and self.pooled.enough and self.has_spread else None

    @property
    def has_spread(self) -> bool:
        """Whether both sides have a variance."""
        return self.found is not None and min(self.found.n_own, self.found.n_base) >= 2


@dataclass(frozen=True)
class Judged:
    """A cell's verdict on an axis."""

    word: str
    p_harm: float
    p_benefit: float
    confirmed: bool
    pooled: bool
    interval: tuple[float, float] | None
    level: float
    found: Estimate | None


def half_df(width: float) -> float:
    """The x with trigamma(x) = width."""
    if width <= 0 or special.polygamma(1, LARGE / 2) >= width:
        return math.inf
    return float(optimize.brentq(lambda x: float(special.polygamma(1, x)) - width, 1e-6, LARGE, xtol=1e-14, rtol=1e-14))


def prior_of(found: Sequence[Estimate]) -> Prior:
    """Smyth's moments, capped; nothing below six cells."""
    if len(found) < FEWEST:
        return Prior()
    s2 = np.array([one.variance for one in found])
    middle = float(np.median(s2))
    if middle <= 0:
        return Prior()
    half = np.array([one.df_own for one in found]) / 2
    e = np.log(np.maximum(s2, LEAST * middle)) - special.digamma(half) + np.log(half)
    x = half_df(float(e.var(ddof=1) - special.polygamma(1, half).mean()))
    shift = 0.0 if math.isinf(x) else float(special.digamma(x)) - math.log(x)
    return Prior(min(2 * x, CAP), math.exp(float(e.mean()) + shift))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted, over the whole of a family."""
    order, adjusted, highest = np.argsort(p, kind="stable"), [1.0] * len(p), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = highest
    return adjusted


class Family:
    """Cells judged together; `looks` has each cell at each look, `reached` how many of these it has reached."""

    def __init__(self, looks: Sequence[Sequence[Look]], reached: Sequence[int], rules: Rules) -> None:
        self.looks, self.reached, self.rules = looks, reached, rules

    @cached_property
    def priors(self) -> list[Prior]:
        """At each look, from every cell that the screen let pass."""
        columns = zip(*self.looks, strict=True)
        return [prior_of([one.pooled for one in column if one.pooled is not None]) for column in columns]

    def _combined(self, cell: int) -> tuple[float, float]:
        """Of harm and benefit, the smallest weighted p over the looks reached."""
        smallest = [1.0, 1.0]
        if self._last(cell).word:
            return 1.0, 1.0
        for k in range(self.reached[cell]):
            one = self.looks[cell][k].tested
            if one is not None:
                both = one.p_values(self.priors[k])
                smallest = [min(s, p / self.rules.weights[k]) for s, p in zip(smallest, both, strict=True)]
        return smallest[0], smallest[1]

    def _last(self, cell: int) -> Look:
        return self.looks[cell][self.reached[cell] - 1]

    def _beyond(self, cell: int) -> float:
        one = self._last(cell).tested
        return one.p_beyond(self.rules.margin) if one is not None and len(one.gains) >= 10 else 1.0

    def judged(self) -> list[Judged]:
        """Each cell's verdict."""
        cells = range(len(self.looks))
        both = [self._combined(cell) for cell in cells]
        harm, benefit = holm([p for p, _ in both]), holm([p for _, p in both])
        beyond = holm([self._beyond(cell) for cell in cells])
        return [self._judge(cell, harm[cell], benefit[cell], beyond[cell]) for cell in cells]

    def _judge(self, cell: int, harm: float, benefit: float, beyond: float) -> Judged:
        last, alpha = self._last(cell), self.rules.alpha
        level = alpha * self.rules.weights[self.reached[cell] - 1]
        interval = last.found.interval(level) if last.found and last.has_spread else None
        word = last.word or self._word(last.tested, harm, benefit, level)
        flagged = word in {"negative", "positive"}
        pooled = flagged and interval is not None and interval[0] <= 0 <= interval[1]
        confirmed = word == "negative" and beyond <= level / 2
        return Judged(word, harm, benefit, confirmed, pooled, interval, level, last.found)

    def _word(self, found: Estimate | None, harm: float, benefit: float, level: float) -> str:
        if found is None:
            return "inconclusive"
        half, margin = self.rules.alpha / 2, self.rules.margin
        if harm <= half and found.mean <= -margin:
            return "negative"
        if benefit <= half and found.mean >= margin:
            return "positive"
        low, high = found.interval(2 * level)
        return "neutral" if -margin < low and high < margin else "inconclusive"
