"""What verdicts are drawn from: a cell's mean gain, its spread, and what else makes it uncertain, as arrays."""

from dataclasses import dataclass, replace

import numpy as np

from tlbench.judging import stats
from tlbench.judging.pooling import Prior
from tlbench.judging.stats import Floats

OVERLAP = 0.05  # share of the pool in every draw, from which on that draws overlap is allowed for


def overlapping(reuse: Floats | float) -> Floats:
    """How many variances of a gain overlapping draws add to its mean's: f / (1 - f), of a share f of the pool each."""
    f = np.where(np.asarray(reuse) > OVERLAP, np.minimum(reuse, 0.999), 0.0)
    return np.asarray(f / (1 - f))


@dataclass(frozen=True)
class Evidence:
    """Per cell (..., C), of an arm's n seeds and its baseline's m.

    spread: the standard deviation of what varies over the arm's seeds: of paired gains, or of its own scores where it
    is not paired, and then base_spread that of its baseline's (else 0). pairs: seeds that both have, with the mean,
    spread and skewness of their gains. tau, pair_tau: the test set's noise in the mean, and in that of
    the pairs. reuse: the share of the pool in a draw.
    """

    n: Floats
    mean: Floats
    spread: Floats
    m: Floats
    base_spread: Floats
    tau: Floats
    pair_tau: Floats
    pairs: Floats
    pair_mean: Floats
    pair_spread: Floats
    skewness: Floats
    reuse: Floats

    @property
    def least(self) -> Floats:
        """The seeds of the smaller side."""
        return np.minimum(self.n, self.m)

    def error(self, least: float, prior: Prior | None = None) -> tuple[Floats, Floats]:
        """Standard error of the mean gain, and its degrees of freedom by Welch and Satterthwaite.

        SE^2 = s^2 / n + s_base^2 / m + max(tau, least)^2, and s_pair^2 f / (1 - f) more where draws overlap (Nadeau and
        Bengio 2003). prior: by which the arm's spread is moderated.
        """
        own_freedom = np.maximum(self.n - 1, 0)
        spread = self.spread if prior is None else prior.moderated(self.spread, own_freedom)
        own_freedom = own_freedom if prior is None else own_freedom + prior.freedom * (own_freedom > 0)
        own, base = spread**2 / np.maximum(self.n, 1), self.base_spread**2 / np.maximum(self.m, 1)
        parts = own**2 / np.maximum(own_freedom, 1) + base**2 / np.maximum(self.m - 1, 1)
        freedom = np.where(parts > 0, (own + base) ** 2 / np.maximum(parts, 1e-300), own_freedom)
        overlap = self.pair_spread**2 * overlapping(self.reuse)
        square = own + base + overlap + np.maximum(self.tau, least) ** 2
        return np.sqrt(np.maximum(square, stats.TINY)), np.where(self.least > 1, freedom, 0.0)

    def of_pairs(self) -> "Evidence":
        """The same of the seeds that both sides have, paired."""
        return replace(
            self,
            n=self.pairs,
            mean=self.pair_mean,
            spread=self.pair_spread,
            tau=self.pair_tau,
            m=np.full_like(self.m, np.inf),
            base_spread=np.zeros_like(self.base_spread),
        )


def evidence(
    own: Floats,
    baseline: Floats,
    tau: Floats,
    *,
    pair_tau: Floats | None = None,
    welch: bool = False,
    reuse: Floats | float = 0.0,
) -> Evidence:
    """From scores (..., C, n) of the arms and (..., C, m) of their baselines, nan where a trial is left out.

    The first n seeds are shared. Paired by them; or Welch's, of all that either side has. pair_tau: tau without it.
    """
    shared = own.shape[-1]
    pairs, gain, gain_spread, skewness = stats.moments(own - baseline[..., :shared])
    if not welch:
        alone = np.full_like(gain, np.inf), np.zeros_like(gain)
        sides = pairs, gain, gain_spread, *alone
    else:
        n, mean, spread, _ = stats.moments(own)
        m, base_mean, base_spread, _ = stats.moments(baseline)
        sides = n, mean - base_mean, spread, m, base_spread
    overlap = np.broadcast_to(np.asarray(reuse, dtype=np.float64), gain.shape)
    noise, pair_noise = (np.broadcast_to(one, gain.shape) for one in (tau, tau if pair_tau is None else pair_tau))
    return Evidence(*sides, noise, pair_noise, pairs, gain, gain_spread, skewness, overlap)
