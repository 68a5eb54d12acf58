"""The statistics against known answers, scipy, hand-worked numbers and direct simulation."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tlbench.judging import stats
from tlbench.judging.stats import Bools, Floats
from tlbench.judging.verdict import Design, evidence, judge


def draws(key: int, *shape: int) -> Floats:
    return np.random.default_rng(key).standard_normal(shape)


def test_moments_are_numpys() -> None:
    values = draws(0, 4, 9)
    n, mean, spread, skewness = stats.moments(values)
    assert n.tolist() == [9] * 4
    np.testing.assert_allclose(mean, values.mean(-1))
    np.testing.assert_allclose(spread, values.std(-1, ddof=1))
    np.testing.assert_allclose(skewness, scipy_stats.skew(values, axis=-1))


def test_moments_leave_nan_out() -> None:
    held = np.array([[0.1, np.nan, 0.4, 0.2], [np.nan, np.nan, np.nan, 0.3]])
    n, mean, spread, skewness = stats.moments(held)
    whole = stats.moments(np.array([0.1, 0.4, 0.2]))
    assert n.tolist() == [3, 1]
    np.testing.assert_allclose([mean[0], spread[0], skewness[0]], whole[1:])
    np.testing.assert_allclose([mean[1], spread[1], skewness[1]], [0.3, 0, 0])


def test_moments_of_nothing_are_zero() -> None:
    assert [float(value[0]) for value in stats.moments(np.full((1, 3), np.nan))] == [0, 0, 0, 0]


def test_equal_gains_have_no_skewness() -> None:
    assert float(stats.moments(np.full(7, 0.1))[3]) == 0


def test_welch_is_scipys() -> None:
    first, second = draws(1, 8), 3 * draws(2, 5)
    sides = [np.array(value) for side in (first, second) for value in (side.std(ddof=1), float(len(side)))]
    error, freedom = stats.welch(*sides)
    found = scipy_stats.ttest_ind(first, second, equal_var=False)
    assert float(freedom) == pytest.approx(found.df)
    assert float((first.mean() - second.mean()) / error) == pytest.approx(found.statistic)


def test_welch_without_spread_has_the_freedom_of_the_smaller_side() -> None:
    error, freedom = stats.welch(np.array(0.0), np.array(5.0), np.array(0.0), np.array(7.0))
    assert (float(error), float(freedom)) == (0, 4)


def test_standard_error_holds_seeds_and_test_set() -> None:
    error = stats.standard_error(np.array(0.02), np.array(4.0), np.array(0.01), 0.002)
    assert float(error) == pytest.approx(np.hypot(0.01, 0.01))


def test_standard_error_never_falls_below_the_floor() -> None:
    assert float(stats.standard_error(np.array(0.0), np.array(20.0), np.array(0.0), 0.002)) == pytest.approx(0.002)


def test_reuse_of_the_pool_widens_the_error() -> None:
    plain, reused = (stats.standard_error(np.array(0.03), np.array(9.0), np.array(0.0), 1e-9, f) for f in (0, 0.5))
    assert float(plain) == pytest.approx(0.01)
    assert float(reused) == pytest.approx(0.03 * np.sqrt(1 / 9 + 1))


def test_a_draw_of_the_whole_pool_still_has_an_error() -> None:
    assert 0 < float(stats.standard_error(np.array(0.03), np.array(9.0), np.array(0.0), 0.002, 1.0)) < np.inf


def test_interval_is_scipys() -> None:
    low, high = stats.interval(np.array(0.1), np.array(0.02), np.array(6.0), 0.95)
    np.testing.assert_allclose([low, high], scipy_stats.t.interval(0.95, 6, 0.1, 0.02))


def test_without_freedom_nothing_is_known() -> None:
    none = np.array(0.0)
    np.testing.assert_equal(stats.interval(np.array(0.1), np.array(0.02), none, 0.95), (-np.inf, np.inf))
    assert stats.p_below(np.array(-0.9), np.array(0.02), none) == 1
    assert stats.p_below_skewed(np.array(-0.9), np.array(0.02), none, np.array(1.0), none) == 1


@pytest.mark.parametrize("bound", [0.0, -0.3, 0.2])
def test_p_below_is_the_one_sided_t_test(bound: float) -> None:
    values = draws(3, 7) - 0.4
    _, mean, spread, _ = stats.moments(values)
    p = stats.p_below(mean, spread / np.sqrt(7), np.array(6.0), bound)
    assert float(p) == pytest.approx(scipy_stats.ttest_1samp(values, bound, alternative="less").pvalue)


def test_p_below_skewed_without_skewness_is_the_plain_t() -> None:
    mean, error, none = draws(4, 50), np.full(50, 0.5), np.zeros(50)
    plain = stats.p_below(mean, error, np.full(50, 9.0), -0.5)
    np.testing.assert_allclose(stats.p_below_skewed(mean, error, none, none + 10, none + 9, -0.5), plain)


def test_the_cubic_transform_by_hand() -> None:
    p = stats.p_below_skewed(np.array(-2.0), np.array(1.0), np.array(0.9), np.array(9.0), np.array(8.0))
    assert float(p) == pytest.approx(scipy_stats.t.cdf(-2 + 0.4 - 0.0266667 + 0.05, 8), rel=1e-6)


def test_skewness_moves_p_the_right_way() -> None:
    mean, error, n = np.array(-0.5), np.array(0.25), np.array(10.0)
    left, none, right = (float(stats.p_below_skewed(mean, error, np.array(g), n, n - 1)) for g in (-1.0, 0.0, 1.0))
    assert left < none < right


def test_skewed_p_is_monotone_in_the_mean() -> None:
    mean, ones = np.linspace(-3, 3, 201), np.ones(201)
    assert (np.diff(stats.p_below_skewed(mean, ones, -2 * ones, 10 * ones, 9 * ones)) > 0).all()


def test_holm_by_hand() -> None:
    assert stats.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stays_below_one_and_keeps_ties() -> None:
    assert stats.holm(np.array([0.5, 0.02, 0.9, 0.02])) == pytest.approx([1, 0.08, 1, 0.08])


def test_holm_works_row_by_row() -> None:
    p = np.random.default_rng(5).uniform(size=(3, 4, 6))
    np.testing.assert_array_equal(stats.holm(p)[1, 2], stats.holm(p[1, 2]))


def test_wilson_by_hand() -> None:
    assert stats.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=5e-5)
    assert stats.wilson(0, 10) == pytest.approx((0, 0.2775), abs=5e-5)
    assert stats.wilson(10, 10) == pytest.approx((0.7225, 1), abs=5e-5)


def test_wilson_is_scipys_at_another_level() -> None:
    expected = scipy_stats.binomtest(3, 20).proportion_ci(0.9, "wilson")
    assert stats.wilson(3, 20, 0.9) == pytest.approx((expected.low, expected.high))


def test_a_share_of_nothing_is_unknown() -> None:
    assert stats.wilson(0, 0) == (0, 1)


def layout(key: int, lift: float, n: int = 10, size: int = 2000) -> tuple[Bools, Bools]:
    """Right answers where half the items gain `lift` by transfer and half lose it; every seed has its own level."""
    rng = np.random.default_rng(key)
    items = np.where(np.arange(size) % 2 == 0, lift, -lift)
    seeds = rng.uniform(-0.05, 0.05, size=(n, 1))
    return rng.uniform(size=(n, size)) < 0.5 + items + seeds, rng.uniform(size=(n, size)) < 0.5


def test_item_noise_finds_a_known_component() -> None:
    found = [stats.item_noise(*layout(key, 0.4)) for key in range(20)]
    assert np.mean(found) == pytest.approx(0.4 / np.sqrt(2000), rel=0.02)
    assert np.std(found) < 0.05 * np.mean(found)


def test_item_noise_is_small_where_items_do_not_differ() -> None:
    found = np.array([stats.item_noise(*layout(key, 0.0)) for key in range(20)])
    assert (found == 0).sum() >= 5
    assert found.max() < 0.002


def test_item_noise_by_hand() -> None:
    always, never = np.array([[True, False], [True, False]]), np.zeros((2, 2), dtype=np.bool_)
    assert stats.item_noise(always, never) == pytest.approx(0.5)


def test_item_noise_of_equal_arms_or_a_single_seed_is_zero() -> None:
    right, other = layout(6, 0.4)
    assert stats.item_noise(right, right) == 0
    assert stats.item_noise(right[:1], other[:1]) == 0


def test_item_noise_is_the_same_either_way_round() -> None:
    right, other = layout(7, 0.3)
    assert stats.item_noise(right, other) == pytest.approx(stats.item_noise(other, right))


def needed(mean: float, spread: float, tau: float = 0.0, family: int = 1) -> int | None:
    return stats.seeds_needed(stats.Truth(mean, spread, tau), 0.005, 0.05, family)


def test_seeds_needed_grow_with_spread_family_and_noise() -> None:
    for changed in (
        [needed(-0.02, s) for s in (0.01, 0.02, 0.04, 0.08)],
        [needed(-0.02, 0.02, family=m) for m in (1, 5, 20, 100)],
        [needed(-0.02, 0.02, tau) for tau in (0.002, 0.003, 0.004, 0.006)],
        [needed(0.0, s) for s in (0.003, 0.005, 0.01, 0.02)],
    ):
        known = [count for count in changed if count is not None]
        assert len(known) == 4
        assert sorted(set(known)) == known


def test_seeds_needed_fall_with_the_effect() -> None:
    counts = [needed(-effect, 0.02) or 0 for effect in (0.01, 0.015, 0.02, 0.05)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 4


@pytest.mark.parametrize(("mean", "spread"), [(0.02, 0.03), (0.001, 0.004)])
def test_seeds_needed_do_not_depend_on_the_direction(mean: float, spread: float) -> None:
    assert needed(mean, spread) == needed(-mean, spread)


def test_seeds_needed_agree_with_the_noncentral_t() -> None:
    n = needed(-0.02, 0.03) or 0
    power = [
        scipy_stats.nct.sf(scipy_stats.t.ppf(0.975, k - 1), k - 1, 0.02 / np.hypot(0.03 / np.sqrt(k), 0.002))
        for k in (n - 1, n)
    ]
    assert power[0] < 0.8 + 0.01
    assert power[1] > 0.8 - 0.01


@pytest.mark.parametrize(
    ("mean", "spread", "tau"),
    [(-0.02, 0.025, 0.002), (0.02, 0.04, 0.004), (-0.006, 0.007, 0.0), (0.0, 0.007, 0.0), (0.001, 0.004, 0.0)],
)
def test_seeds_needed_give_the_promised_power(mean: float, spread: float, tau: float) -> None:
    n = needed(mean, spread, tau) or 0
    rng = np.random.default_rng(8)
    decided = []
    for seeds in (n, 2 * n // 3):
        gains = mean + spread * rng.standard_normal((3000, 1, seeds)) + tau * rng.standard_normal((3000, 1, 1))
        found = judge([evidence(0.5 + gains, np.full_like(gains, 0.5), np.full((3000, 1), tau))], Design(0.05, 0.005))
        decided.append(float(np.mean(found.verdict != "inconclusive")))
    assert decided[0] == pytest.approx(0.8, abs=0.05)
    assert decided[1] < 0.77


def test_a_mean_at_the_margin_is_never_decided() -> None:
    assert needed(-0.005, 0.001) is None
    assert needed(0.00499, 0.001) is None


def test_too_noisy_a_test_set_is_never_decided() -> None:
    assert needed(-0.008, 0.01, 0.02) is None


@pytest.mark.parametrize("mean", [0.0, 0.0049, 0.0051, 0.3, -0.9])
def test_seeds_needed_without_spread_raise_no_warning(mean: float) -> None:
    assert needed(mean, 0.0, family=300) in (None, 5)


def test_rank_correlation_is_spearmans() -> None:
    x, y = draws(9, 2, 12)
    assert stats.rank_correlation(x, y) == pytest.approx(scipy_stats.spearmanr(x, y).statistic)


def test_rank_correlation_needs_three_points_that_differ() -> None:
    assert stats.rank_correlation(np.array([1.0, 2.0]), np.array([1.0, 2.0])) is None
    assert stats.rank_correlation(np.ones(5), np.arange(5.0)) is None
    assert stats.rank_correlation(np.arange(5.0), np.ones(5)) is None


def test_speedup_is_the_median_log2_of_steps_saved() -> None:
    assert stats.median_log2_ratio([10, 20, 40], [40, 40, 40]) == (1, 0)


def test_a_censored_pair_counts_as_the_slowest() -> None:
    assert stats.median_log2_ratio([None, 10, 10], [40, 40, 80]) == (2, 1)
    assert stats.median_log2_ratio([10, 10, 10], [None, 40, 20]) == (2, 1)


def test_speedup_is_unknown_where_most_are_censored() -> None:
    assert stats.median_log2_ratio([None, None, 10], [10, 10, 10]) == (None, 2)
    assert stats.median_log2_ratio([10, 10, 10], [None, None, 10]) == (None, 2)


def test_a_pair_in_which_neither_arrives_counts_as_equal() -> None:
    assert stats.median_log2_ratio([None, None, None], [None, None, None]) == (0, 3)


def test_between_slowest_and_fastest_there_is_no_median() -> None:
    assert stats.median_log2_ratio([None, 10], [10, None]) == (None, 2)


def test_step_zero_counts_as_step_one() -> None:
    assert stats.median_log2_ratio([0], [8]) == (3, 0)


def test_no_pairs_give_no_speedup() -> None:
    assert stats.median_log2_ratio([], []) == (None, 0)


def test_an_arm_that_never_arrives_counts_as_the_limit() -> None:
    assert stats.restricted_mean([10, None, 300], 100) == pytest.approx(70)


def test_a_correlations_interval_resamples_whole_targets() -> None:
    random = np.random.default_rng(0)
    x = np.repeat(np.arange(8.0), 3)
    noisy = x + 0.1 * random.standard_normal(24)
    found = stats.rank_correlation_interval(x, noisy, x, random)
    assert found is not None
    assert 0.9 < found[0] <= found[1] <= 1
    assert stats.rank_correlation_interval(x[:12], noisy[:12], x[:12], random) is None


@pytest.mark.parametrize("n", [5, 10, 50, 1000])
def test_noncentral_t_is_scipys_also_where_the_series_gives_up(n: int) -> None:
    t, centre = (one.ravel() for one in np.meshgrid(np.linspace(1.5, 12, 8), np.linspace(0, 60, 9)))
    found = stats.noncentral_above(t, np.full(t.shape, n - 1.0), centre)
    np.testing.assert_allclose(found, scipy_stats.nct.sf(t, n - 1, centre), atol=1e-6)


def test_ties_share_their_rank() -> None:
    x, y = np.array([1.0, 2.0, 2.0, 5.0, 3.0]), np.array([2.0, 2.0, 1.0, 7.0, 7.0])
    assert stats.rank_correlation(x, y) == pytest.approx(scipy_stats.spearmanr(x, y).statistic)


def test_what_a_test_detects_it_finds_with_power_four_fifths() -> None:
    n, spread, alpha, margin = 10, 0.02, 0.01, 0.005
    error = np.array(spread / np.sqrt(n))
    size = stats.detectable(error, np.array(n - 1.0), alpha, margin)
    draws = np.random.default_rng(0).normal(size, spread, (20_000, n))
    p = scipy_stats.ttest_1samp(draws, 0, axis=1, alternative="greater").pvalue
    assert float(np.mean(p <= alpha)) == pytest.approx(0.8, abs=0.03)


def test_a_single_seed_has_a_chance_without_warnings() -> None:
    chance = stats.verdict_chance(np.array([1.0]), stats.Truth(-0.2, 0.0, 0.0), 0.005, 0.05, 20)
    assert 0 <= float(chance[0]) <= 1
