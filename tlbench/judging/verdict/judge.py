"""Numbers to verdicts: `judge` is an array function with leading batch axes, so that millions of cells take minutes."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tlbench.judging import stats
from tlbench.judging.stats import Floats

LEAST_PAIRS = 5  # below, nothing but inconclusive, unstable or invalid may be said
CONFIRM_PAIRS = 10
Words: TypeAlias = npt.NDArray[np.str_]
Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """Per cell (..., C): pairs, mean gain, its standard deviation over seeds, skewness, test noise, freedom."""

    n: Floats
    mean: Floats
    spread: Floats
    skewness: Floats
    tau: Floats
    freedom: Floats


def evidence(accuracy: Floats, baseline: Floats, tau: Floats, *, welch: bool = False) -> Evidence:
    """From accuracies (..., C, n) of both sides, nan where a pair is left out; paired, or Welch's."""
    n, mean, spread, skewness = stats.moments(accuracy - baseline)
    freedom = n - 1
    if welch:
        _, _, first, _ = stats.moments(np.where(np.isnan(baseline), np.nan, accuracy))
        _, _, second, _ = stats.moments(np.where(np.isnan(accuracy), np.nan, baseline))
        error, freedom = stats.welch(first, n, second, n)
        spread = error * np.sqrt(n)
    return Evidence(n, mean, spread, skewness, tau, freedom)


@dataclass(frozen=True)
class Design:
    """What is fixed before any result: level, margin, the looks' shares of the level, the floor under tau.

    weights: one for each look, summing to 1; a single look has all of it. floor: of the margin.
    """

    alpha: float
    margin: float
    weights: tuple[float, ...] = (1.0,)
    floor: float = stats.FLOOR

    @property
    def least(self) -> float:
        """The least noise that the test set is taken to add to a mean gain."""
        return self.floor * self.margin


@dataclass(frozen=True)
class Judgement:
    """Per cell (..., C): the verdict in a word, whether a negative is confirmed, adjusted p-values, the interval.

    The interval's level is 1 - alpha x the weight of the look that was reached: 95 % with a single look.
    """

    verdict: Words
    confirmed: npt.NDArray[np.bool_]
    p_harm: Floats
    p_benefit: Floats
    low: Floats
    high: Floats


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
    error = stats.standard_error(stacked.spread, stacked.n, stacked.tau, design.least)
    last = np.full(stacked.mean.shape[1:], len(looks) - 1) if reached is None else reached - 1
    weights = np.array(design.weights).reshape(-1, *[1] * last.ndim)
    had = np.arange(len(looks)).reshape(weights.shape) <= last
    out = (stacked.n < LEAST_PAIRS) | (screened != "" if screened is not None else False)

    def combined(p: Floats) -> Floats:
        return np.asarray(np.minimum(1.0, np.where(had & ~out, p / weights, 1.0).min(0)))

    p_harm = stats.holm(combined(stats.p_below(stacked.mean, error, stacked.freedom)))
    p_benefit = stats.holm(combined(stats.p_below(-stacked.mean, error, stacked.freedom)))

    def at_last(values: Floats) -> Floats:
        return np.asarray(np.take_along_axis(values, last[None], 0)[0])

    seen = Evidence(*(at_last(getattr(stacked, f.name)) for f in fields(Evidence)))
    share, wide, out = at_last(weights + 0 * error), at_last(error), at_last(out.astype(np.float64)) > 0
    low, high = stats.interval(seen.mean, wide, seen.freedom, 1 - 2 * design.alpha * share)
    negative = ~out & (p_harm <= design.alpha / 2) & (seen.mean <= -design.margin)
    positive = ~out & (p_benefit <= design.alpha / 2) & (seen.mean >= design.margin)
    neutral = ~out & ~negative & ~positive & (low > -design.margin) & (high < design.margin)
    word = np.select([negative, positive, neutral], ["negative", "positive", "neutral"], "inconclusive")
    if screened is not None:
        word = np.where(screened != "", screened, word)
    confirmed = negative & _confirmed(seen, wide, share, design, out)
    shown = stats.interval(seen.mean, wide, seen.freedom, 1 - design.alpha * share)
    return Judgement(word, confirmed, p_harm, p_benefit, *shown)


def _confirmed(
    seen: Evidence, error: Floats, share: Floats, design: Design, out: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Ten pairs or more, and H0 "the mean is at least minus the margin" rejected by both t and Hall's skewed t."""
    plain = stats.p_below(seen.mean, error, seen.freedom, -design.margin)
    skewed = stats.p_below_skewed(seen.mean, error, seen.skewness, seen.n, seen.freedom, -design.margin)
    many = ~out & (seen.n >= CONFIRM_PAIRS)
    return np.asarray(stats.holm(np.where(many, np.maximum(plain, skewed), 1.0)) <= design.alpha / 2 * share)
