"""The statistics: arrays in, numbers out. Gains are accuracy differences in [-1, 1]; leading axes are batches."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
FLOOR = 0.4  # of the margin: the least noise that a finite test set is taken to add to an accuracy
TINY = 1e-24  # a variance below which arms are equal to the last bit
POWER = 0.8


def item_noise(own: Floats | Bools, baseline: Floats | Bools) -> float:
    """tau: the standard deviation that the finite test set adds to a mean gain.

    own, baseline: (n, N) what each of N test items adds at n paired seeds, such as whether it is right. A crossed
    two-way layout: tau^2 is the variance component of items, max(0, Var_j(mean_i g_ij) / N - MSE / (n N)), with
    g = own - baseline.
    """
    g = own.astype(np.float64) - baseline.astype(np.float64)
    n, size = g.shape
    if n < 2 or size < 2:
        return 0.0
    items, seeds = g.mean(0), g.mean(1)
    residual = g - items[None] - seeds[:, None] + g.mean()
    mse = (residual**2).sum() / ((n - 1) * (size - 1))
    return float(np.sqrt(max(0.0, items.var(ddof=1) / size - mse / (n * size))))


def moments(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Count, mean, standard deviation (ddof 1) and skewness over the last axis; nan is a value left out."""
    present = ~np.isnan(values)
    n = present.sum(-1).astype(np.float64)
    filled = np.where(present, values, 0.0)
    mean = filled.sum(-1) / np.maximum(n, 1)
    centred = np.where(present, values - mean[..., None], 0.0)
    squares = (centred**2).sum(-1)
    spread = np.sqrt(squares / np.maximum(n - 1, 1))
    second = squares / np.maximum(n, 1)
    third = (centred**3).sum(-1) / np.maximum(n, 1)
    skewness = np.where(second > 1e-24, third / np.maximum(second, 1e-24) ** 1.5, 0.0)
    return n, mean, spread, skewness


def welch(first: Floats, n: Floats, second: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Standard error and Welch-Satterthwaite freedom of a difference of two means, of n and of m values.

    first, second: the two sides' standard deviations. Without any spread, the freedom of the smaller side.
    """
    own, other = first**2 / np.maximum(n, 1), second**2 / np.maximum(m, 1)
    parts = own**2 / np.maximum(n - 1, 1) + other**2 / np.maximum(m - 1, 1)
    freedom = np.where(parts > 0, (own + other) ** 2 / np.maximum(parts, 1e-300), np.minimum(n, m) - 1)
    return np.sqrt(own + other), freedom


def standard_error(spread: Floats, n: Floats, tau: Floats, least: float = 0.0, reuse: Floats | float = 0.0) -> Floats:
    """sqrt(s^2 / n + max(tau, least)^2), and s^2 f / (1 - f) more for a share f of the pool in every draw.

    The last term is Nadeau and Bengio's (2003): draws that overlap vary less than draws from the population.
    """
    f = np.minimum(np.asarray(reuse, dtype=np.float64), 0.999)
    between = spread**2 * (1 / np.maximum(n, 1) + f / (1 - f))
    return np.asarray(np.sqrt(np.maximum(between + np.maximum(tau, least) ** 2, TINY)))


def interval(mean: Floats, error: Floats, freedom: Floats, level: Floats | float) -> tuple[Floats, Floats]:
    """The two-sided t interval of confidence `level`; infinite without degrees of freedom."""
    quantile = special.stdtrit(np.maximum(freedom, 1), 0.5 + level / 2)
    half = np.where(freedom > 0, quantile * error, np.inf)
    return mean - half, mean + half


def band(values: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Mean and t interval over the first axis of (n, T) values; the mean alone where n is 1."""
    n, mean, spread, _ = moments(values.T)
    low, high = interval(mean, spread / np.sqrt(n), n - 1, level)
    return mean, np.where(np.isfinite(low), low, mean), np.where(np.isfinite(high), high, mean)


def p_below(mean: Floats, error: Floats, freedom: Floats, bound: float = 0.0) -> Floats:
    """One-sided p of H0 "the true mean is at least `bound`" against "it is below"; 1 without degrees of freedom."""
    p = special.stdtr(np.maximum(freedom, 1), (mean - bound) / error)
    return np.where(freedom > 0, p, 1.0)


def p_below_skewed(
    mean: Floats, error: Floats, skewness: Floats, n: Floats, freedom: Floats, bound: float = 0.0
) -> Floats:
    """The same by Hall's (1992) monotone cubic transform of t, which allows for skewed gains."""
    t, n = (mean - bound) / error, np.maximum(n, 1)
    root = np.sqrt(n)
    turned = t + skewness * t**2 / (3 * root) + skewness**2 * t**3 / (27 * n) + skewness / (6 * root)
    p = special.stdtr(np.maximum(freedom, 1), turned)
    return np.where(freedom > 0, p, 1.0)


def holm(p: Floats) -> Floats:
    """Holm-adjusted p-values over the last axis (Holm 1979)."""
    order = np.argsort(p, axis=-1)
    scaled = np.take_along_axis(p, order, -1) * np.arange(p.shape[-1], 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(scaled, axis=-1), 1.0)
    result = np.empty_like(adjusted)
    np.put_along_axis(result, order, adjusted, -1)
    return result


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's (1927) interval of a share."""
    if n == 0:
        return 0.0, 1.0
    z, share = float(special.ndtri(0.5 + level / 2)), hits / n
    centre, spread = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return max(0.0, float((centre - spread) / scale)), min(1.0, float((centre + spread) / scale))


@dataclass(frozen=True)
class Truth:
    """A gain as it might be: its mean, its spread over seeds, and the test set's own noise."""

    mean: float
    spread: float
    tau: float


def noncentral_above(t: Floats, freedom: Floats, centre: Floats) -> Floats:
    """The chance that noncentral t exceeds `t`; by the normal approximation where scipy's series gives up."""
    below = special.nctdtr(freedom, centre, t)
    normal = special.ndtr((t * (1 - 1 / (4 * freedom)) - centre) / np.sqrt(1 + t**2 / (2 * freedom)))
    return np.asarray(1 - np.where(np.isnan(below), normal, below))


def verdict_chance(n: Floats, truth: Truth, margin: float, alpha: float, family: int = 1) -> Floats:
    """The chance of any verdict at n seeds (an array) under a truth.

    A gain beyond the margin is looked for by the one-sided t test at alpha / 2 / family (noncentral t) and a mean that
    comes out beyond it, a smaller one by equivalence at alpha. The floor under tau widens the error that is judged by,
    but does not move the mean.
    """
    freedom = np.maximum(n - 1, 1)
    size, between = abs(truth.mean), truth.spread**2 / n
    error = np.sqrt(between + max(truth.tau, FLOOR * margin) ** 2)
    noise = np.sqrt(np.maximum(between + truth.tau**2, (0.02 * margin) ** 2))  # nct needs some
    if size >= margin:
        critical = special.stdtrit(freedom, 1 - alpha / 2 / family) * error / noise
        significant = noncentral_above(critical, freedom, size / noise)
        return np.asarray(np.minimum(significant, special.ndtr((size - margin) / noise)))
    room = margin - special.stdtrit(freedom, 1 - alpha) * error
    inside = special.ndtr((room - truth.mean) / noise) - special.ndtr((-room - truth.mean) / noise)
    return np.asarray(np.maximum(inside, 0.0))


def detectable(error: Floats, freedom: Floats, level: Floats | float, margin: float) -> Floats:
    """About the smallest true mean that a one-sided t test at `level` finds with power 0.8, seen beyond `margin`.

    The sum of the two t quantiles, which noncentral t exceeds by a few percent at most.
    """
    known = np.maximum(freedom, 1)
    found = (special.stdtrit(known, 1 - level) + special.stdtrit(known, POWER)) * error
    return np.asarray(np.maximum(found, margin + special.ndtri(POWER) * error))


def seeds_needed(truth: Truth, margin: float, alpha: float, family: int = 1) -> int | None:
    """The least number of seeds, 5 to 1000, at which a verdict has power 0.8 under a truth.

    None: not by 1000 seeds, as where the test set's own noise is too large.
    """
    n = np.unique(np.geomspace(5, 1000, 40).round())  # coarse first, then every number between two of them
    enough = np.flatnonzero(verdict_chance(n, truth, margin, alpha, family) >= POWER)
    if not enough.size:
        return None
    n = np.arange(n[max(enough[0] - 1, 0)], n[enough[0]] + 1)
    return int(n[np.argmax(verdict_chance(n, truth, margin, alpha, family) >= POWER)])


def best_set(values: Floats, alpha: float, least: float = 0.0) -> Bools:
    """Which arms are not significantly worse than the best: (A, n) paired values to (A,).

    Each arm is compared with the one of highest mean by the paired one-sided t test, Holm over the arms; `least` is a
    floor under the standard error of a mean difference. The best is always in the set.
    """
    means = values.mean(1)
    n, difference, spread, _ = moments(values - values[means.argmax()])
    error = standard_error(spread, n, np.zeros_like(spread), least)
    p = p_below(difference, error, n - 1)
    p[means.argmax()] = 1.0
    return np.asarray(holm(p) > alpha)


def crossing(x: Floats, y: Floats) -> float | None:
    """Where a piecewise linear curve through (T,) points goes from above zero to zero or below, once; else None."""
    falls = np.flatnonzero((y[:-1] > 0) & (y[1:] <= 0))
    rises = np.flatnonzero((y[:-1] <= 0) & (y[1:] > 0))
    if len(falls) != 1 or len(rises):
        return None
    i = falls[0]
    return float(x[i] + (x[i + 1] - x[i]) * y[i] / (y[i] - y[i + 1]))


def rank_correlation(x: Floats, y: Floats) -> float | None:
    """Spearman's rank correlation; None with fewer than three points or where one side is constant."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(_rank_correlations(x[None], y[None])[0])


def rank_correlation_interval(
    x: Floats, y: Floats, groups: Floats, random: np.random.Generator, level: float = 0.95
) -> tuple[float, float] | None:
    """An interval of Spearman's correlation by resampling whole groups (targets); None with fewer than five of them."""
    names = np.unique(groups)
    if len(names) < 5:
        return None
    places = [np.flatnonzero(groups == name) for name in names]
    drawn = [np.concatenate([places[i] for i in random.integers(0, len(names), len(names))]) for _ in range(1000)]
    correlations = []
    for size in {len(sample) for sample in drawn}:
        rows = np.array([sample for sample in drawn if len(sample) == size])
        correlations.append(_rank_correlations(x[rows], y[rows]))
    low, high = np.nanquantile(np.concatenate(correlations), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _ranks(values: Floats) -> Floats:
    """The ranks of (R, n) values within each row, from 1; ties share their mean rank."""
    ranks = np.empty(values.shape)
    for row, series in zip(ranks, values, strict=True):
        ordered = np.sort(series)
        row[:] = (np.searchsorted(ordered, series) + np.searchsorted(ordered, series, "right") + 1) / 2
    return ranks


def _rank_correlations(x: Floats, y: Floats) -> Floats:
    """Spearman's correlation of each row of (R, n) values; nan where one side is constant."""
    first, second = (_ranks(side) - (side.shape[1] + 1) / 2 for side in (x, y))
    scale = np.sqrt((first**2).sum(1) * (second**2).sum(1))
    return np.where(scale > 0, (first * second).sum(1) / np.where(scale > 0, scale, 1.0), np.nan)


def restricted_mean(steps: list[int | None], limit: int) -> float:
    """The mean number of steps to a target within `limit`: an arm that never arrives counts as the limit."""
    return float(np.mean([limit if step is None else min(step, limit) for step in steps]))


def median_log2_ratio(steps: list[int | None], baseline_steps: list[int | None]) -> tuple[float | None, int]:
    """The median over pairs of log2(baseline steps / steps), positive where faster, and how many pairs are censored.

    An arm that never arrives takes infinitely many steps: it counts as the slowest, or the baseline as such. A pair in
    which neither arrives counts as equal. None where the median itself is infinite or undefined.
    """
    ratios, censored = [], 0
    for own, base in zip(steps, baseline_steps, strict=True):
        censored += own is None or base is None
        if own is None or base is None:
            ratios.append(0.0 if own is base else (-np.inf if own is None else np.inf))
        else:
            ratios.append(float(np.log2(max(base, 1) / max(own, 1))))
    with np.errstate(invalid="ignore"):  # between the slowest and the fastest of all there is no middle
        middle = float(np.median(ratios)) if ratios else np.nan
    return (middle if np.isfinite(middle) else None), censored
