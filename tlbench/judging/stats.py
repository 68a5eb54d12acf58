"""The statistics: arrays in, numbers out. Gains are accuracy differences in [-1, 1]; leading axes are batches."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
FLOOR = 0.4  # of the margin: the least noise that a finite test set is taken to add to an accuracy
FAR = 4.0  # robust standard deviations from an arm's median, beyond which a trial fell out of it
LOSS_SPREAD = 0.01  # nats: the least that final training losses of an arm are taken to vary by
ROBUST = 1.4826  # the median absolute deviation by which a normal's standard deviation is told
TINY = 1e-24  # a variance below which arms are equal to the last bit


def item_means(values: Floats | Bools) -> tuple[Floats, float]:
    """(N,) each test item's mean over n trials' (n, N) values, and the variance that chance adds to such a mean.

    That is the residual mean square of the two-way layout of trials and items, over n; 0 of fewer than two.
    """
    values = values.astype(np.float64)
    n, size = values.shape
    items = values.mean(0)
    if n < 2 or size < 2:
        return items, 0.0
    residual = values - items[None] - values.mean(1)[:, None] + values.mean()
    return items, float((residual**2).sum() / ((n - 1) * (size - 1) * n))


def noise_of_items(items: Floats, by_chance: float) -> float:
    """Tau from (N,) items' mean differences: the square root of max(0, (Var_j - by_chance) / N)."""
    return float(np.sqrt(max(0.0, (items.var(ddof=1) - by_chance) / len(items)))) if len(items) > 1 else 0.0


def item_noise(own: Floats | Bools, baseline: Floats | Bools) -> float:
    """tau: the standard deviation that the finite test set adds to a mean gain.

    own, baseline: (n, N) what each of N test items adds at n paired seeds, such as whether it is right. A crossed
    two-way layout: tau^2 is the variance component of items, max(0, Var_j(mean_i g_ij) / N - MSE / (n N)), with
    g = own - baseline.
    """
    g = own.astype(np.float64) - baseline.astype(np.float64)
    return noise_of_items(*item_means(g)) if len(g) > 1 else 0.0


def item_noise_apart(own: Floats | Bools, baseline: Floats | Bools) -> float:
    """The same of n and m trials, (n, N) and (m, N), that are not paired: each side has a layout of its own."""
    if min(len(own), len(baseline)) < 2:
        return 0.0
    (first, own_chance), (second, base_chance) = item_means(own), item_means(baseline)
    return noise_of_items(first - second, own_chance + base_chance)


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


def too_many(failed: Floats, n: Floats) -> Bools:
    """Whether so many of n trials failed that an arm is unstable: two or more, from ten trials on over a tenth."""
    return np.asarray(np.where(n < 10, failed >= 2, failed > 0.1 * n))


def fell_out(scores: Floats, losses: Floats, floor: Floats) -> Bools:
    """Which trials (..., n) of an arm fell out of it: their score far below its median, their final loss far above.

    In robust standard deviations (median absolute deviation), for scores never less than `floor`, for losses never less
    than `LOSS_SPREAD`: of a few trials that all fit their data, the spread is next to nothing. A loss that is not known
    is not above.
    """
    below = np.median(scores, -1, keepdims=True) - scores
    above = losses - np.median(losses, -1, keepdims=True)
    spread, scatter = (ROBUST * np.median(np.abs(side), -1, keepdims=True) for side in (below, above))
    return np.asarray((below > FAR * np.maximum(spread, floor)) & (above > FAR * np.maximum(scatter, LOSS_SPREAD)))


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


def shrunken(means: Floats, errors: Floats) -> Floats:
    """Means (C,) drawn towards their common one, the more the noisier they are: what a repetition would rather show.

    Empirical Bayes with the variance between cells by DerSimonian and Laird (1986).
    """
    if len(means) < 3:
        return means
    weights = 1 / np.maximum(errors**2, TINY)
    centre = (weights * means).sum() / weights.sum()
    excess = (weights * (means - centre) ** 2).sum() - (len(means) - 1)
    between = max(0.0, excess / (weights.sum() - (weights**2).sum() / weights.sum()))
    weights = 1 / np.maximum(errors**2 + between, TINY)
    centre = (weights * means).sum() / weights.sum()
    return np.asarray(centre + between / np.maximum(between + errors**2, TINY) * (means - centre))


def best_set(values: Floats, alpha: float, tau: Floats, least: float = 0.0) -> Bools:
    """Which arms are not significantly worse than the best: (A, n) paired values to (A,).

    Each arm is compared with the one of highest mean by the paired one-sided t test, Holm over the arms. tau: (A,) the
    test set's noise in the difference to the best, never taken below `least`. The best is always in the set.
    """
    means = values.mean(1)
    n, difference, spread, _ = moments(values - values[means.argmax()])
    error = np.sqrt(np.maximum(spread**2 / n + np.maximum(tau, least) ** 2, TINY))
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
