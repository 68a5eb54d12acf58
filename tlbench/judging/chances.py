"""Chances: what verdict a gain would get, were it what it seems; how many seeds that takes; what would be seen."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from tlbench.judging.stats import FLOOR, Floats

POWER = 0.8


@dataclass(frozen=True)
class Truth:
    """A gain as it might be: its mean, its spread over seeds, and the test set's own noise.

    base_spread: where it is not paired, the baseline's over its own seeds, of which there are `surplus` for each of the
    arm's. prior: degrees of freedom that the family's variance adds. overlap: variance that overlapping draws add.
    """

    mean: float
    spread: float
    tau: float
    base_spread: float = 0.0
    surplus: int = 1
    prior: float = 0.0
    overlap: float = 0.0

    def between(self, n: Floats) -> Floats:
        """The variance of a mean gain over n seeds."""
        return np.asarray(self.spread**2 / n + self.base_spread**2 / (self.surplus * n))

    def freedom(self, n: Floats, prior: float = 0.0) -> Floats:
        """Welch's and Satterthwaite's, with what the prior adds."""
        own, base = self.spread**2 / n, self.base_spread**2 / (self.surplus * n)
        parts = own**2 / np.maximum(prior + n - 1, 1) + base**2 / np.maximum(self.surplus * n - 1, 1)
        return np.where(parts > 0, (own + base) ** 2 / np.maximum(parts, 1e-300), np.maximum(prior + n - 1, 1))


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
    size, between = abs(truth.mean), truth.between(n) + truth.overlap
    error = np.sqrt(between + max(truth.tau, FLOOR * margin) ** 2)
    noise = np.sqrt(np.maximum(between + truth.tau**2, (0.02 * margin) ** 2))  # nct needs some
    if size >= margin:
        freedom = truth.freedom(n, truth.prior)
        critical = special.stdtrit(freedom, 1 - alpha / 2 / family) * error / noise
        significant = noncentral_above(critical, freedom, size / noise)
        return np.asarray(np.minimum(significant, special.ndtr((size - margin) / noise)))
    room = margin - special.stdtrit(truth.freedom(n), 1 - alpha) * error
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
