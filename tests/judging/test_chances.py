"""Chances: seeds that are needed, what is seen, and noncentral t."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tlbench.judging import chances
from tlbench.judging.verdict import Design, evidence, judge


def needed(mean: float, spread: float, tau: float = 0.0, family: int = 1) -> int | None:
    return chances.seeds_needed(chances.Truth(mean, spread, tau), 0.005, 0.05, family)


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


@pytest.mark.parametrize("n", [5, 10, 50, 1000])
def test_noncentral_t_is_scipys_also_where_the_series_gives_up(n: int) -> None:
    t, centre = (one.ravel() for one in np.meshgrid(np.linspace(1.5, 12, 8), np.linspace(0, 60, 9)))
    found = chances.noncentral_above(t, np.full(t.shape, n - 1.0), centre)
    np.testing.assert_allclose(found, scipy_stats.nct.sf(t, n - 1, centre), atol=1e-6)


def test_what_a_test_detects_it_finds_with_power_four_fifths() -> None:
    n, spread, alpha, margin = 10, 0.02, 0.01, 0.005
    error = np.array(spread / np.sqrt(n))
    size = chances.detectable(error, np.array(n - 1.0), alpha, margin)
    draws = np.random.default_rng(0).normal(size, spread, (20_000, n))
    p = scipy_stats.ttest_1samp(draws, 0, axis=1, alternative="greater").pvalue
    assert float(np.mean(p <= alpha)) == pytest.approx(0.8, abs=0.03)


def test_a_single_seed_has_a_chance_without_warnings() -> None:
    chance = chances.verdict_chance(np.array([1.0]), chances.Truth(-0.2, 0.0, 0.0), 0.005, 0.05, 20)
    assert 0 <= float(chance[0]) <= 1


def test_baseline_seeds_of_its_own_need_fewer_seeds_where_nothing_is_shared() -> None:
    paired = chances.Truth(-0.05, 0.025, 0.002)
    side = 0.025 / np.sqrt(2)
    apart = chances.Truth(-0.05, side, 0.002, side, 2)
    few, many = (chances.seeds_needed(truth, 0.005, 0.05, 20) or 0 for truth in (apart, paired))
    assert 5 < few < many


def test_a_prior_adds_to_what_seeds_know() -> None:
    plain, pooled = (chances.Truth(-0.05, 0.025, 0.002, prior=prior) for prior in (0.0, 8.0))
    n = np.array([5.0])
    assert float(chances.verdict_chance(n, pooled, 0.005, 0.05, 20)[0]) > 2 * float(
        chances.verdict_chance(n, plain, 0.005, 0.05, 20)[0]
    )
