"""Pooled variance: what the other cells of a family tell of one cell's spread (Smyth 2004; Phipson et al. 2016)."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from tlbench.judging.stats import Bools, Floats

MOST_FREEDOM = 8.0  # that the prior may have; without a cap null families are flagged too often
LEAST_CELLS = 6  # whose spreads are known; of fewer nothing is pooled
SMALLEST = 1e-5  # of the median variance: what a smaller one counts as


@dataclass(frozen=True)
class Prior:
    """What a family's variances (..., 1) are like: degrees of freedom and the variance they stand for."""

    freedom: Floats
    variance: Floats

    def moderated(self, spread: Floats, freedom: Floats) -> Floats:
        """A cell's standard deviation drawn towards the family's, but never below its own."""
        pooled = (self.freedom * self.variance + freedom * spread**2) / np.maximum(self.freedom + freedom, 1)
        return np.asarray(np.sqrt(np.maximum(spread**2, pooled)))


def prior_of(spread: Floats, freedom: Floats, counted: Bools) -> Prior:
    """From standard deviations (..., C) of so many degrees of freedom, by moments of their logarithms.

    counted: the cells that are looked at. Where they are fewer than `LEAST_CELLS`, or none of them varies, the prior
    has no freedom, and moderated is what a cell's own spread is.
    """
    counted = counted & (freedom > 0)
    n = counted.sum(-1, keepdims=True)
    ordered = np.sort(np.where(counted, spread**2, np.inf), axis=-1)
    median = sum(np.take_along_axis(ordered, np.maximum(place, 0), -1) for place in ((n - 1) // 2, n // 2)) / 2
    known = (n >= LEAST_CELLS) & (median > 0)
    half = np.where(counted, freedom, 2.0) / 2
    floored = np.maximum(np.where(counted, spread**2, 1.0), np.where(known, SMALLEST * median, 1.0))
    logs = np.log(floored) - special.digamma(half) + np.log(half)
    share = counted / np.maximum(n, 1)
    mean = (logs * share).sum(-1, keepdims=True)
    between = ((logs - mean) ** 2 * counted).sum(-1, keepdims=True) / np.maximum(n - 1, 1)
    excess = between - (special.polygamma(1, half) * share).sum(-1, keepdims=True)
    found = 2 * inverse_trigamma(np.where(excess > 0, excess, 1.0))
    finite = excess > 0
    variance = np.exp(mean + np.where(finite, special.digamma(found / 2) - np.log(found / 2), 0.0))
    kept = np.where(known, np.minimum(np.where(finite, found, np.inf), MOST_FREEDOM), 0.0)
    return Prior(kept, np.where(known, variance, 0.0))


def inverse_trigamma(y: Floats) -> Floats:
    """The x > 0 at which trigamma is y, by Newton's method on its reciprocal (Smyth 2004, appendix)."""
    x = 0.5 + 1 / y
    for _ in range(50):
        slope = special.polygamma(1, x)
        change = slope * (1 - slope / y) / special.polygamma(2, x)
        x = x + change
        if np.all(np.abs(change) < 1e-10 * x):
            break
    return np.asarray(x)
