"""Numbers to verdicts: `judge` is an array function with leading batch axes, so that millions of cells take minutes."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tlbench.judging import stats
from tlbench.judging.pooling import prior_of
from tlbench.judging.stats import Bools, Floats
from tlbench.judging.verdict.evidence import Evidence

LEAST_PAIRS = 5  # below, nothing but inconclusive, unstable or invalid may be said
CONFIRM_PAIRS = 10
Words: TypeAlias = npt.NDArray[np.str_]
Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """What is fixed before any result: level, margin, the looks' shares of the level, the floor under tau.

    weights: one for each look, summing to 1; a single look has all of it. floor: of the margin. moderated: whether
    flags lean on the family's pooled variance.
    """

    alpha: float
    margin: float
    weights: tuple[float, ...] = (1.0,)
    floor: float = stats.FLOOR
    moderated: bool = True

    @property
    def least(self) -> float:
        """The least noise that the test set is taken to add to a mean gain."""
        return self.floor * self.margin


@dataclass(frozen=True)
class Judgement:
    """Per cell (..., C): the verdict in a word, whether a negative is confirmed, adjusted p-values, the interval.

    The interval is the plain one, of level 1 - alpha x the weight of the look that was reached: 95 % with a single
    look. pooled: flagged though this interval contains 0, by the family's pooled variance. freedom: the prior's.
    """

    verdict: Words
    confirmed: Bools
    p_harm: Floats
    p_benefit: Floats
    low: Floats
    high: Floats
    pooled: Bools
    freedom: Floats


def judge(
    looks: Sequence[Evidence], design: Design, screened: Words | None = None, reached: Ints | None = None
) -> Judgement:
    """Verdicts of one family of cells (..., C), Holm over the last axis in each direction at alpha / 2.

    looks: the evidence at each look, the seeds of the earlier ones within the later ones; reached: how many looks each
    cell has had (all of them without it). A cell's p is min(1, min over its looks of p_k / weight_k), which is valid
    under any rule for who is looked at again; mean, interval, equivalence and `confirmed` are those of its last look,
    at that look's share of the level. screened: "unstable" or "invalid" for cells that the screen took out, else "".
    They stay in the family with p = 1, as cells with too few pairs do.
    """
    stacked = Evidence(*(np.stack([getattr(look, f.name) for look in looks]) for f in fields(Evidence)))
    left_out = np.zeros(stacked.mean.shape[1:], dtype=np.bool_) if screened is None else screened != ""
    last = np.full(stacked.mean.shape[1:], len(looks) - 1) if reached is None else reached - 1
    weights = np.array(design.weights).reshape(-1, *[1] * last.ndim)
    had = np.arange(len(looks)).reshape(weights.shape) <= last
    out = (stacked.least < LEAST_PAIRS) | left_out
    prior = (
        prior_of(stacked.spread, stacked.n - 1, np.broadcast_to(~left_out, stacked.n.shape))
        if design.moderated
        else None
    )
    error, freedom = stacked.error(design.least, prior)

    def combined(p: Floats) -> Floats:
        return np.asarray(np.minimum(1.0, np.where(had & ~out, p / weights, 1.0).min(0)))

    def at_last(values: Floats) -> Floats:
        return np.asarray(np.take_along_axis(np.broadcast_to(values, stacked.mean.shape), last[None], 0)[0])

    p_harm = stats.holm(combined(stats.p_below(stacked.mean, error, freedom)))
    p_benefit = stats.holm(combined(stats.p_below(-stacked.mean, error, freedom)))
    seen = Evidence(*(at_last(getattr(stacked, f.name)) for f in fields(Evidence)))
    decided = _Decided(seen, design, at_last(weights), at_last(out) > 0)
    harmed, helped = (p <= design.alpha / 2 for p in (p_harm, p_benefit))
    word, shown = decided.words(harmed, helped), decided.interval()
    pooled = np.isin(word, ("negative", "positive")) & (shown[0] < 0) & (shown[1] > 0)
    confirmed = (word == "negative") & decided.confirmed()
    if screened is not None:
        word = np.where(left_out, screened, word)
    prior_freedom = np.zeros_like(seen.mean) if prior is None else at_last(prior.freedom)
    return Judgement(word, confirmed & ~left_out, p_harm, p_benefit, *shown, pooled & ~left_out, prior_freedom)


@dataclass(frozen=True)
class _Decided:
    """Evidence at the look that was reached, with that look's share of the level, by the plain t test."""

    seen: Evidence
    design: Design
    share: Floats
    out: Bools

    def _interval(self, level: Floats) -> tuple[Floats, Floats]:
        error, freedom = self.seen.error(self.design.least)
        return stats.interval(self.seen.mean, error, freedom, level)

    def interval(self) -> tuple[Floats, Floats]:
        """The one that is shown."""
        return self._interval(1 - self.design.alpha * self.share)

    def words(self, harmed: Bools, helped: Bools) -> Words:
        """Verdicts, from what is significant in either direction."""
        margin = self.design.margin
        low, high = self._interval(1 - 2 * self.design.alpha * self.share)
        negative = ~self.out & harmed & (self.seen.mean <= -margin)
        positive = ~self.out & helped & (self.seen.mean >= margin)
        neutral = ~self.out & ~negative & ~positive & (low > -margin) & (high < margin)
        return np.select([negative, positive, neutral], ["negative", "positive", "neutral"], "inconclusive")

    def confirmed(self) -> Bools:
        """Ten pairs or more, and H0 "the mean is at least minus the margin" rejected by both t and Hall's skewed t."""
        pairs = self.seen.of_pairs()
        error, freedom = pairs.error(self.design.least)
        plain = stats.p_below(pairs.mean, error, freedom, -self.design.margin)
        skewed = stats.p_below_skewed(pairs.mean, error, pairs.skewness, pairs.n, freedom, -self.design.margin)
        many = ~self.out & (pairs.n >= CONFIRM_PAIRS)
        worse = stats.holm(np.where(many, np.maximum(plain, skewed), 1.0))
        return np.asarray(worse <= self.design.alpha / 2 * self.share)
