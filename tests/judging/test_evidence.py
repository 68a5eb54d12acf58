"""Evidence: standard errors and degrees of freedom of paired and of unpaired means, and what pooling changes."""

import numpy as np
import pytest
from scipy import special
from scipy import stats as scipy_stats

from tlbench.judging.pooling import MOST_FREEDOM, inverse_trigamma, prior_of
from tlbench.judging.stats import Floats
from tlbench.judging.verdict import Evidence, evidence

NONE = 1e-12


def of(own: Floats, base: Floats, tau: float = 0.0, *, welch: bool = False, reuse: float = 0.0) -> Evidence:
    return evidence(own[None], base[None], np.array([tau]), welch=welch, reuse=reuse)


def drawn(key: int, n: int, spread: float = 0.02) -> Floats:
    return np.asarray(0.6 + spread * np.random.default_rng(key).standard_normal(n))


def test_unpaired_is_welchs_of_scipy_with_more_baseline_seeds() -> None:
    own, base = drawn(1, 8), drawn(2, 16, 0.05)
    found = of(own, base, welch=True)
    error, freedom = found.error(NONE)
    test = scipy_stats.ttest_ind(own, base, equal_var=False)
    assert freedom[0] == pytest.approx(test.df)
    assert found.mean[0] / error[0] == pytest.approx(test.statistic)
    assert (found.n[0], found.m[0], found.pairs[0]) == (8, 16, 8)


def test_paired_is_scipys_paired_test_whatever_the_baseline_has_more() -> None:
    own, base = drawn(1, 8), drawn(2, 16)
    found = of(own, base)
    error, freedom = found.error(NONE)
    test = scipy_stats.ttest_rel(own, base[:8])
    assert freedom[0] == 7
    assert found.mean[0] / error[0] == pytest.approx(test.statistic)


def test_the_error_holds_seeds_and_test_set_and_never_falls_below_the_floor() -> None:
    own = np.array([0.5, 0.54, 0.5, 0.54])
    seen = of(own, np.full(4, 0.5), tau=0.01)
    assert seen.error(0.002)[0][0] == pytest.approx(np.hypot(own.std(ddof=1) / 2, 0.01))
    assert of(np.full(4, 0.6), np.full(4, 0.5)).error(0.002)[0][0] == pytest.approx(0.002)


@pytest.mark.parametrize("welch", [False, True])
def test_overlapping_draws_widen_the_error_by_the_spread_of_pairs(welch: bool) -> None:
    own, base = drawn(1, 9), drawn(2, 18)
    plain, little, much = (of(own, base, welch=welch, reuse=f).error(NONE)[0][0] for f in (0.0, 0.05, 0.5))
    spread = (own - base[:9]).std(ddof=1)
    assert little == plain  # up to a twentieth nothing is added
    assert much == pytest.approx(np.hypot(plain, spread))


def test_a_draw_of_the_whole_pool_still_has_an_error() -> None:
    assert np.isfinite(of(drawn(1, 5), drawn(2, 5), reuse=1.0).error(0.002)[0][0])


def test_one_seed_on_either_side_knows_nothing() -> None:
    assert of(drawn(1, 5), np.array([0.6, *[np.nan] * 9]), welch=True).error(0.002)[1][0] == 0
    assert of(np.array([0.6, *[np.nan] * 4]), drawn(2, 10), welch=True).error(0.002)[1][0] == 0


def test_inverse_trigamma_is_its_inverse() -> None:
    x = np.geomspace(0.01, 1e4, 50)
    np.testing.assert_allclose(inverse_trigamma(special.polygamma(1, x)), x, rtol=1e-7)


def test_the_prior_of_drawn_variances_is_the_one_they_were_drawn_with() -> None:
    """s^2 ~ s0^2 F(d, d0), as Smyth (2004) has it."""
    random, d0, d, s0 = np.random.default_rng(0), 5.0, 4.0, 0.02
    true = s0**2 * d0 / random.chisquare(d0, (200, 400))
    seen = true * random.chisquare(d, true.shape) / d
    prior = prior_of(np.sqrt(seen), np.full_like(seen, d), np.full(seen.shape, True))  # noqa: FBT003
    assert float(np.median(prior.freedom)) == pytest.approx(d0, rel=0.1)
    assert float(np.median(prior.variance)) == pytest.approx(s0**2, rel=0.05)


def test_the_prior_is_capped_and_never_lowers_a_spread() -> None:
    random = np.random.default_rng(1)
    spread = 0.02 * np.sqrt(random.chisquare(4, 30) / 4)
    freedom = np.full(30, 4.0)
    prior = prior_of(spread, freedom, freedom > 0)
    assert prior.freedom[0] == MOST_FREEDOM
    moderated = prior.moderated(spread, freedom)
    assert (moderated >= spread).all()
    assert moderated.min() > 1.2 * spread.min()
    assert moderated[spread.argmax()] == spread.max()


@pytest.mark.parametrize("cells", [1, 5])
def test_of_few_cells_nothing_is_pooled(cells: int) -> None:
    spread, freedom = np.linspace(0.01, 0.03, cells), np.full(cells, 4.0)
    prior = prior_of(spread, freedom, freedom > 0)
    assert prior.freedom[0] == 0
    np.testing.assert_array_equal(prior.moderated(spread, freedom), spread)


def test_cells_that_the_screen_took_out_or_that_never_vary_do_not_shape_the_prior() -> None:
    spread, freedom = np.array([0.02, 0.021, 0.019, 0.02, 0.022, 0.018, 9.0]), np.full(7, 4.0)
    counted = np.arange(7) < 6
    alone = prior_of(spread[:6], freedom[:6], counted[:6])
    assert prior_of(spread, freedom, counted).variance[0] == pytest.approx(alone.variance[0])
    none = prior_of(np.zeros(8), np.full(8, 4.0), np.full(8, True))  # noqa: FBT003
    assert none.freedom[0] == 0
