"""Step 2: the mean gain, its variance, the noise of the test split, paired and unpaired."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from benchmarks.audit.reading import Numbers


@dataclass(frozen=True)
class Side:
    """One side of a comparison on one axis: by seed its values, and each test item's part where there is one."""

    values: Mapping[int, float]
    items: Mapping[int, Numbers] = field(default_factory=dict)


@dataclass(frozen=True)
class Prior:
    """What a family says of its cells' variances: degrees of freedom and variance; none where it is too small."""

    df: float = 0.0
    variance: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """A cell at a look; variances are of one seed's value, `fixed` what n does not make smaller."""

    gains: Numbers
    mean: float
    n_own: int
    n_base: int
    paired: bool
    variance: float
    base_variance: float
    tau: float
    fixed: float
    pair_fixed: float  # the same for the shared pairs

    @property
    def enough(self) -> bool:
        """Whether more may be said than inconclusive."""
        return (len(self.gains) if self.paired else min(self.n_own, self.n_base)) >= 5

    @property
    def df_own(self) -> int:
        """Degrees of freedom of the variance that is pooled."""
        return self.n_own - 1

    def error(self, prior: Prior) -> tuple[float, float]:
        """Standard error and degrees of freedom, under a prior."""
        d = self.df_own
        moderated = (prior.df * prior.variance + d * self.variance) / (prior.df + d)
        a = max(self.variance, moderated) / self.n_own
        if self.paired:
            return math.sqrt(a + self.fixed), prior.df + d
        b = self.base_variance / self.n_base
        parts = a**2 / (prior.df + d) + b**2 / (self.n_base - 1)
        return math.sqrt(a + b + self.fixed), (a + b) ** 2 / parts if parts else prior.df + d

    def p_values(self, prior: Prior) -> tuple[float, float]:
        """One-sided, of harm and of benefit."""
        se, df = self.error(prior)
        if se == 0:
            return (float(self.mean >= 0), float(self.mean <= 0))
        return float(stats.t.cdf(self.mean / se, df)), float(stats.t.sf(self.mean / se, df))

    def interval(self, level: float) -> tuple[float, float]:
        """The plain t interval that misses with chance `level`."""
        se, df = self.error(Prior())
        half = float(stats.t.isf(level / 2, df)) * se
        return self.mean - half, self.mean + half

    def p_beyond(self, margin: float) -> float:
        """Of a mean at or above -margin, from the pairs: the larger of the t test's p and of Hall's."""
        n = len(self.gains)
        se = math.sqrt(float(self.gains.var(ddof=1)) / n + self.pair_fixed)
        centred = self.gains - self.gains.mean()
        spread = float(np.mean(centred**2))
        skew = float(np.mean(centred**3)) / spread**1.5 if spread > 0 else 0.0
        t = (float(self.gains.mean()) + margin) / se
        hall = t + skew * t**2 / (3 * math.sqrt(n)) + skew**2 * t**3 / (27 * n) + skew / (6 * math.sqrt(n))
        return float(max(stats.t.cdf(t, n - 1), stats.t.cdf(hall, n - 1)))


def layout(items: Numbers) -> tuple[Numbers, float]:
    """Of (n, N) numbers: each item's mean over seeds, and the mean square of what seeds and items do not explain."""
    n, many = items.shape
    by_item = items.mean(0)
    rest = items - by_item - items.mean(1, keepdims=True) + items.mean()
    return by_item, float(np.sum(rest**2)) / ((n - 1) * (many - 1))


def noise(parts: Numbers, *errors: float) -> float:
    """tau^2 from the items' mean differences, less what seeds put into them."""
    return max(0.0, (float(parts.var(ddof=1)) - sum(errors)) / len(parts))


def paired_tau2(own: Side, base: Side, seeds: list[int]) -> float:
    """In a crossed layout of pairs and items."""
    if not own.items or len(seeds) < 2:
        return 0.0
    parts, error = layout(np.stack([own.items[s] - base.items[s] for s in seeds]))
    return noise(parts, error / len(seeds))


def welch_tau2(own: Side, base: Side) -> float:
    """From both arms' item means."""
    if not own.items or min(len(own.items), len(base.items)) < 2:
        return 0.0
    a, error_a = layout(np.stack(list(own.items.values())))
    b, error_b = layout(np.stack(list(base.items.values())))
    return noise(a - b, error_a / len(own.items), error_b / len(base.items))


def variance(values: Numbers) -> float:
    """Over seeds."""
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def estimate(own: Side, base: Side, paired: bool, floor: float, reuse: float) -> Estimate | None:
    """A cell's gain; None where there is none.

    floor: of tau, in scores; reuse: the share of the pool in every draw, 0 where draws do not overlap.
    """
    seeds = sorted(set(own.values) & set(base.values))
    gains = np.array([own.values[s] - base.values[s] for s in seeds])
    a = gains if paired else np.array(list(own.values.values()))
    b = np.zeros(0) if paired else np.array(list(base.values.values()))
    if not len(a) or not (paired or len(b)):
        return None
    overlap = variance(gains) * reuse / (1 - reuse) if 0.05 < reuse < 1 else 0.0
    pair_tau2 = paired_tau2(own, base, seeds)
    tau2 = pair_tau2 if paired else welch_tau2(own, base)
    mean = float(a.mean()) - (0.0 if paired else float(b.mean()))
    n_own, n_base = len(a), len(a) if paired else len(b)
    fixed, pair_fixed = (max(t, floor**2) + overlap for t in (tau2, pair_tau2))
    return Estimate(gains, mean, n_own, n_base, paired, variance(a), variance(b), math.sqrt(tau2), fixed, pair_fixed)
