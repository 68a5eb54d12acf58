"""The statistics against known answers, scipy, hand-worked numbers and direct simulation."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tlbench.judging import stats
from tlbench.judging.stats import Bools, Floats


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


def test_ties_share_their_rank() -> None:
    x, y = np.array([1.0, 2.0, 2.0, 5.0, 3.0]), np.array([2.0, 2.0, 1.0, 7.0, 7.0])
    assert stats.rank_correlation(x, y) == pytest.approx(scipy_stats.spearmanr(x, y).statistic)


def test_noise_of_unpaired_trials_is_the_same_component() -> None:
    """Of more baseline trials too: what chance adds to either side's item means is taken off."""
    found = []
    for key in range(20):
        own, base = layout(key, 0.4)
        more = np.random.default_rng([key, 1]).uniform(size=(30, own.shape[1])) < 0.5
        found.append(stats.item_noise_apart(own, more))
    assert np.mean(found) == pytest.approx(0.4 / np.sqrt(2000), rel=0.02)
    assert stats.item_noise_apart(own[:1], base) == 0


def test_a_trial_far_below_with_a_loss_far_above_fell_out() -> None:
    scores = np.array([[0.80, 0.81, 0.79, 0.65, 0.80], [0.80, 0.81, 0.79, 0.65, 0.80]])
    losses = np.array([[0.10, 0.11, 0.09, 0.90, 0.10], [0.10, 0.11, 0.09, 0.10, 0.10]])
    out = stats.fell_out(scores, losses, np.array(0.005))
    assert out.tolist() == [[False, False, False, True, False], [False] * 5]
    assert not stats.fell_out(scores, losses, np.array(0.05)).any()  # within four times the test set's own noise


def test_noisy_means_are_drawn_to_their_common_one() -> None:
    means, errors = np.array([-0.1, 0.0, 0.1, 0.3]), np.array([0.01, 0.01, 0.01, 0.2])
    drawn = stats.shrunken(means, errors)
    assert np.abs(drawn[:3] - means[:3]).max() < 0.005
    assert 0 < drawn[3] < 0.15
    equal = stats.shrunken(np.array([0.01, 0.02, 0.03]), np.full(3, 0.05))
    np.testing.assert_allclose(equal, 0.02)
