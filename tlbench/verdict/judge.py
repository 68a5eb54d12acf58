"""Numbers to verdicts: `judge` is an array function with leading batch axes, so that millions of cells take minutes."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tlbench import stats
from tlbench.stats import Floats

LEAST_PAIRS = 5  # below, nothing but inconclusive, unstable or invalid may be said
CONFIRM_PAIRS = 10
Words: TypeAlias = npt.NDArray[np.str_]


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
        spread, freedom = np.sqrt(first**2 + second**2), stats.welch_freedom(first, second, n)
    return Evidence(n, mean, spread, skewness, tau, freedom)


@dataclass(frozen=True)
class Judgement:
    """Per cell (..., C): the verdict in a word, whether a negative is confirmed, adjusted p-values, 95 % interval."""

    verdict: Words
    confirmed: npt.NDArray[np.bool_]
    p_harm: Floats
    p_benefit: Floats
    low: Floats
    high: Floats


def judge(seen: Evidence, alpha: float, margin: float, screened: Words | None = None) -> Judgement:
    """Verdicts of one family of cells (..., C), Holm over the last axis in each direction at alpha / 2.

    screened: "unstable" or "invalid" for cells that the screen took out, else "". They stay in the family with p = 1,
    as cells with too few pairs do.
    """
    error = stats.standard_error(seen.spread, seen.n, seen.tau, margin)
    out = (seen.n < LEAST_PAIRS) | (screened != "" if screened is not None else False)
    p_harm = stats.holm(np.where(out, 1.0, stats.p_below(seen.mean, error, seen.freedom)))
    p_benefit = stats.holm(np.where(out, 1.0, stats.p_below(-seen.mean, error, seen.freedom)))
    low, high = stats.interval(seen.mean, error, seen.freedom, 1 - 2 * alpha)
    negative = ~out & (p_harm <= alpha / 2) & (seen.mean <= -margin)
    positive = ~out & (p_benefit <= alpha / 2) & (seen.mean >= margin)
    neutral = ~out & ~negative & ~positive & (low > -margin) & (high < margin)
    word = np.select([negative, positive, neutral], ["negative", "positive", "neutral"], "inconclusive")
    if screened is not None:
        word = np.where(screened != "", screened, word)
    plain = stats.p_below(seen.mean, error, seen.freedom, -margin)
    skewed = stats.p_below_skewed(seen.mean, error, seen.skewness, seen.n, seen.freedom, -margin)
    many = ~out & (seen.n >= CONFIRM_PAIRS)
    confirmed = negative & (stats.holm(np.where(many, np.maximum(plain, skewed), 1.0)) <= alpha / 2)
    return Judgement(word, confirmed, p_harm, p_benefit, *stats.interval(seen.mean, error, seen.freedom, 1 - alpha))
