"""Verdicts: what `judge` promises, shown by simulation and by symmetry, and the path to it from records on disk."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.synthetic import (
    BASELINE,
    CHANCE,
    TARGET,
    TEST_SIZE,
    around,
    cell,
    control,
    only,
    rising,
    write_arm,
    write_failure,
    write_pair,
    write_run,
    write_scores,
)
from tlbench.errors import TlbenchError
from tlbench.judging import insights
from tlbench.judging.simulation import Scenario, noise, simulate
from tlbench.judging.stats import Floats
from tlbench.judging.verdict import Design, Evidence, Judgement, evidence, judge, verdicts
from tlbench.records import Outcome, Timing, read_record
from tlbench.runfile import LOOKS, WEIGHTS, PlannedCell

ALPHA, MARGIN = 0.05, 0.005
GRIDS, CELLS = 2000, 20
HARM, HELP, LEVEL = around(-0.05, 0.005, 10), around(0.05, 0.005, 10), around(0, 0.002, 10)


def seen(gains: Floats, tau: float = 0.0) -> Evidence:
    """Evidence of gains (..., C, n) over a baseline of 0.5."""
    return evidence(0.5 + gains, np.full_like(gains, 0.5), np.full(gains.shape[:-1], tau))


def judged(*gains: list[float], tau: float = 0.0, moderated: bool = True) -> Judgement:
    return judge([seen(np.array(gains), tau)], Design(ALPHA, MARGIN, moderated=moderated))


def simulated(
    family: str, mean: float, spread: float, tau: float, n: int, *, shared: bool = False, grids: int = GRIDS
) -> Judgement:
    """Grids of cells judged, with test-set error drawn; half of the variance may come from a shared baseline."""
    scenario = Scenario(family, mean, spread, tau, (n,), CELLS, shared=shared / 2)
    return simulate(scenario, Design(ALPHA, MARGIN), grids, np.random.default_rng([n, *family.encode()]))


def tolerance(share: float, n: int) -> float:
    """Three standard deviations of a binomial share."""
    return float(3 * np.sqrt(share * (1 - share) / n))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("tau", [0.002, 0.004])
@pytest.mark.parametrize("spread", [0.007, 0.025])
@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize("family", ["normal", "t3"])
def test_null_grids_are_flagged_within_the_level(family: str, n: int, spread: float, tau: float, shared: bool) -> None:
    found = simulated(family, 0.0, spread, tau, n, shared=shared).verdict
    for word in ("negative", "positive"):
        assert (found == word).any(-1).mean() <= ALPHA / 2 + tolerance(ALPHA / 2, GRIDS)


def test_the_level_is_used_where_seeds_make_the_noise() -> None:
    found = simulated("normal", 0.0, 0.025, 0.002, 20).verdict
    assert (found == "negative").any(-1).mean() >= ALPHA / 5


@pytest.mark.parametrize("tau", [0.002, 0.004])
@pytest.mark.parametrize("spread", [0.007, 0.025])
@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize("family", ["normal", "t3", "0.67", "1", "-1"])
def test_the_interval_covers_the_true_gain(family: str, n: int, spread: float, tau: float) -> None:
    found = simulated(family, 0.01, spread, tau, n, grids=500)
    assert ((found.low <= 0.01) & (found.high >= 0.01)).mean() >= 0.93


@pytest.mark.parametrize("tau", [0.002, 0.004])
def test_a_loss_of_two_points_is_found_with_ten_seeds(tau: float) -> None:
    assert (simulated("normal", -0.02, 0.007, tau, 10).verdict == "negative").mean() >= 0.9


@pytest.mark.parametrize("tau", [0.0, 0.002, 0.004])
@pytest.mark.parametrize("spread", [0.001, 0.004, 0.007])
@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize("gain", [-MARGIN, MARGIN])
def test_a_gain_as_large_as_the_margin_is_rarely_neutral(gain: float, n: int, spread: float, tau: float) -> None:
    found = simulated("normal", gain, spread, tau, n, grids=500).verdict
    assert (found == "neutral").mean() <= ALPHA + tolerance(ALPHA, 500 * CELLS)


@pytest.mark.parametrize("spread", [0.007, 0.025])
@pytest.mark.parametrize("family", ["normal", "t3"])
def test_looks_keep_the_level_for_whoever_stops_at_the_luckiest(family: str, spread: float) -> None:
    scenario = Scenario(family, 0.0, spread, 0.002, LOOKS, CELLS)
    design = Design(ALPHA, MARGIN, WEIGHTS)
    found = simulate(scenario, design, GRIDS, np.random.default_rng(8), luckiest=True)
    assert (found.verdict == "negative").any(-1).mean() <= ALPHA / 2 + tolerance(ALPHA / 2, GRIDS)


def test_a_later_look_can_only_add_evidence() -> None:
    gains = np.random.default_rng(9).normal(-0.01, 0.01, (1, 30, 20))
    looks = [seen(gains[..., :n]) for n in LOOKS]
    design = Design(ALPHA, MARGIN, WEIGHTS)
    early, late = (judge(looks, design, reached=np.full((1, 30), k)) for k in (1, 3))
    assert (late.p_harm <= early.p_harm + 1e-12).all()
    assert (early.high - early.low > 0).all()


def test_a_single_look_is_the_plain_judgement() -> None:
    gains = np.random.default_rng(10).normal(-0.01, 0.01, (4, 10))
    plain = judge([seen(gains)], Design(ALPHA, MARGIN))
    first = judge([seen(gains), seen(gains)], Design(ALPHA, MARGIN, (1.0, 1.0)), reached=np.full(4, 1))
    assert plain.verdict.tolist() == first.verdict.tolist()
    assert plain.low == pytest.approx(first.low)


def test_the_level_of_neutral_is_used() -> None:
    assert (simulated("normal", MARGIN, 0.001, 0.002, 20, grids=500).verdict == "neutral").mean() >= ALPHA / 2


def test_no_gain_and_little_spread_are_neutral_at_twenty_seeds() -> None:
    assert (simulated("normal", 0.0, 0.004, 0.0, 20, grids=500).verdict == "neutral").mean() >= 0.8


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("spread", [0.007, 0.025])
@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.parametrize("family", ["normal", "1", "-1"])
def test_harm_no_larger_than_the_margin_is_rarely_confirmed(family: str, n: int, spread: float, shared: bool) -> None:
    found = simulated(family, -MARGIN, spread, 0.002, n, shared=shared)
    assert found.confirmed.any(-1).mean() <= 2 * ALPHA + tolerance(2 * ALPHA, GRIDS)


def test_skewness_makes_confirmation_harder() -> None:
    skewed = -0.02 + 0.02 * noise("2", np.random.default_rng(1), 500, CELLS, 10)
    given = seen(skewed, 0.002)
    blind = judge([replace(given, skewness=np.zeros_like(given.mean))], Design(ALPHA, MARGIN))
    found = judge([given], Design(ALPHA, MARGIN))
    assert not (found.confirmed & ~blind.confirmed).any()
    assert found.confirmed.sum() < blind.confirmed.sum()


def test_clear_gains_get_their_words() -> None:
    assert judged(HARM, HELP, LEVEL, around(0, 0.05, 10)).verdict.tolist() == [
        "negative",
        "positive",
        "neutral",
        "inconclusive",
    ]


def test_swapping_the_arms_swaps_the_verdicts() -> None:
    rng = np.random.default_rng(2)
    gains = rng.normal(0, 0.02, (50, 6, 1)) + rng.normal(0, 0.01, (50, 6, 10))
    found, swapped = (judge([seen(g, 0.001)], Design(ALPHA, MARGIN)) for g in (gains, -gains))
    names = {"negative": "positive", "positive": "negative"}
    assert [names.get(word, word) for word in swapped.verdict.ravel()] == found.verdict.ravel().tolist()
    assert set(np.unique(found.verdict)) >= {"negative", "positive", "inconclusive"}
    np.testing.assert_allclose(swapped.p_harm, found.p_benefit, atol=1e-12)
    np.testing.assert_allclose(swapped.low, -found.high)


@pytest.mark.parametrize("welch", [False, True])
def test_relabelling_seeds_changes_nothing(welch: bool) -> None:
    rng = np.random.default_rng(3)
    own, base = rng.normal(0.6, 0.02, (2, 100, 5, 10))
    own += rng.normal(0, 0.03, (100, 5, 1))
    order, tau = rng.permutation(10), np.zeros((100, 5))
    plain = judge([evidence(own, base, tau, welch=welch)], Design(ALPHA, MARGIN))
    moved = judge([evidence(own[..., order], base[..., order], tau, welch=welch)], Design(ALPHA, MARGIN))
    assert plain.verdict.tolist() == moved.verdict.tolist()
    np.testing.assert_allclose(plain.p_harm, moved.p_harm, atol=1e-12)
    np.testing.assert_allclose(plain.low, moved.low)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_fewer_than_five_pairs_are_inconclusive(n: int) -> None:
    gains = np.array([[sign * 0.3 + 0.001 * i for i in range(n)] for sign in (-1, 0, 1)])
    found = judge([seen(gains)], Design(ALPHA, MARGIN))
    assert set(found.verdict) == {"inconclusive"}
    assert (found.p_harm == 1).all()


def test_pairs_left_out_do_not_count() -> None:
    gains = np.array([around(-0.05, 0.005, 6)])
    gains[0, :2] = np.nan
    assert judge([seen(gains)], Design(ALPHA, MARGIN)).verdict.tolist() == ["inconclusive"]
    assert judge([seen(np.array([[*HARM[:5], np.nan]]))], Design(ALPHA, MARGIN)).verdict.tolist() == ["negative"]


def test_a_cell_without_pairs_is_inconclusive() -> None:
    assert judge([seen(np.full((1, 5), np.nan))], Design(ALPHA, MARGIN)).verdict.tolist() == ["inconclusive"]


@pytest.mark.parametrize("word", ["unstable", "invalid"])
def test_screened_cells_keep_their_word_and_their_place_in_the_family(word: str) -> None:
    given = seen(np.array([around(-0.008, 0.01, 10), HARM]))
    alone = judge([seen(np.array([around(-0.008, 0.01, 10)]))], Design(ALPHA, MARGIN))
    found = judge([given], Design(ALPHA, MARGIN), np.array(["", word]))
    assert found.verdict[1] == word
    assert found.p_harm[0] == pytest.approx(2 * alone.p_harm[0])
    assert found.p_harm[1] == found.p_benefit[1] == 1
    assert not found.confirmed[1]


def test_holm_counts_every_cell_of_the_family() -> None:
    alone = judged(around(-0.01, 0.01, 10))
    among = judged(around(-0.01, 0.01, 10), *[LEVEL] * 19, moderated=False)
    assert among.p_harm[0] == pytest.approx(20 * alone.p_harm[0])
    assert (alone.verdict[0], among.verdict[0]) == ("negative", "inconclusive")


def test_significant_gains_within_the_margin_are_no_flags() -> None:
    harm, help_ = judged(around(-0.0049, 0.0005, 10)), judged(around(0.0049, 0.0005, 10))
    assert harm.p_harm[0] <= ALPHA / 2
    assert help_.p_benefit[0] <= ALPHA / 2
    assert [*harm.verdict, *help_.verdict] == ["inconclusive"] * 2


def test_harm_is_confirmed_from_ten_pairs_on() -> None:
    assert judged(HARM).confirmed.tolist() == [True]
    assert judged(HARM[:9]).verdict.tolist() == ["negative"]
    assert judged(HARM[:9]).confirmed.tolist() == [False]


def test_help_is_never_confirmed_harm() -> None:
    assert judged(HELP, LEVEL).confirmed.tolist() == [False, False]


def test_test_set_noise_can_forbid_every_verdict() -> None:
    assert judged(HARM, HELP, LEVEL, tau=0.05).verdict.tolist() == ["inconclusive"] * 3


def test_without_floor_the_paired_test_is_scipys() -> None:
    rng = np.random.default_rng(4)
    own, base = rng.normal(0.58, 0.02, 8), rng.normal(0.6, 0.02, 8)
    found = judge([evidence(own[None], base[None], np.zeros(1))], Design(ALPHA, 1e-12))
    test = scipy_stats.ttest_rel(own, base)
    expected = test.confidence_interval(0.95)
    assert found.p_harm[0] == pytest.approx(scipy_stats.ttest_rel(own, base, alternative="less").pvalue)
    assert found.p_benefit[0] == pytest.approx(scipy_stats.ttest_rel(own, base, alternative="greater").pvalue)
    assert (found.low[0], found.high[0]) == pytest.approx((expected.low, expected.high))


def test_without_floor_welchs_test_is_scipys() -> None:
    rng = np.random.default_rng(5)
    own, base = rng.normal(0.58, 0.04, 8), rng.normal(0.6, 0.01, 8)
    given = evidence(own[None], base[None], np.zeros(1), welch=True)
    found = judge([given], Design(ALPHA, 1e-12))
    test = scipy_stats.ttest_ind(own, base, equal_var=False, alternative="less")
    assert given.error(0.0)[1][0] == pytest.approx(test.df)
    assert found.p_harm[0] == pytest.approx(test.pvalue)


def test_welch_leaves_out_trials_not_pairs() -> None:
    own, base = np.random.default_rng(6).normal(0.6, 0.02, (2, 1, 7))
    own[0, 0] = base[0, 1] = np.nan
    given = evidence(own, base, np.zeros(1), welch=True)
    assert (given.n[0], given.m[0], given.pairs[0]) == (6, 6, 5)
    assert given.mean[0] == pytest.approx(np.nanmean(own) - np.nanmean(base))
    assert given.pair_mean[0] == pytest.approx(np.nanmean(own - base))


def test_a_finished_run_is_judged(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    found = only(tmp_path)
    assert (found.verdict, found.confirmed, found.provisional) == ("negative", True, False)
    assert (found.n_pairs, found.n_planned, found.failed, found.baseline_failed) == (10, 10, 0, 0)
    assert found.gain == pytest.approx(-0.05, abs=1e-4)
    assert found.interval is not None
    assert found.interval[0] < -0.05 < found.interval[1] < 0
    assert (found.score, found.baseline_score) == pytest.approx((0.55, 0.6), abs=1e-4)
    assert (found.source, found.target, found.method, found.baseline) == ("near", TARGET, "finetune", BASELINE)


def test_help_and_no_change_are_told_apart(tmp_path: Path) -> None:
    write_pair(tmp_path / "help", HELP)
    write_pair(tmp_path / "level", LEVEL)
    assert [only(tmp_path / name).verdict for name in ("help", "level")] == ["positive", "neutral"]


def test_the_share_of_seeds_hurt_has_its_interval(tmp_path: Path) -> None:
    write_pair(tmp_path, [-0.02, 0.01, -0.01, 0.02, 0.03])
    found = only(tmp_path)
    assert found.share_hurt == pytest.approx(0.4)
    assert found.share_hurt_interval == pytest.approx((0.1176, 0.7693), abs=5e-5)


@pytest.mark.parametrize("path", [cell("near").path, BASELINE])
def test_a_failed_trial_leaves_its_pair_out(tmp_path: Path, path: str) -> None:
    write_pair(tmp_path, HARM[:6])
    write_failure(tmp_path, path, 2)
    found = only(tmp_path)
    assert (found.n_pairs, found.verdict, found.provisional) == (5, "negative", False)
    assert found.failed + found.baseline_failed == 1
    assert (found.failed == 1) == (path != BASELINE)


def test_a_failure_is_noted_with_its_reason(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    write_failure(tmp_path, cell("near").path, 2, "ValueError: wrong")
    assert only(tmp_path).notes == ("seed 2 failed: ValueError: wrong",)


@pytest.mark.parametrize(("n", "failed", "word"), [(7, 2, "unstable"), (20, 2, "negative"), (20, 3, "unstable")])
@pytest.mark.parametrize("path", [cell("near").path, BASELINE])
def test_two_failures_are_unstable_and_from_ten_seeds_on_more_than_a_tenth(
    tmp_path: Path, path: str, n: int, failed: int, word: str
) -> None:
    write_pair(tmp_path, around(-0.05, 0.005, n))
    for seed in (2, 4, 6)[:failed]:
        write_failure(tmp_path, path, seed)
    assert only(tmp_path).verdict == word


def test_a_cell_is_screened_as_it_stands_at_its_own_look(tmp_path: Path) -> None:
    """Failures of a shared baseline beyond the seeds of a cell that was decided early do not undo its verdict."""
    early, late = cell("near"), cell("far")
    run = write_run(tmp_path, [early, late], 20, looks=LOOKS, weights=WEIGHTS)
    run.model_copy(update={"cells": (run.cells[0].model_copy(update={"seeds": 5}), run.cells[1])}).write(tmp_path)
    write_arm(tmp_path, BASELINE, around(0.6, 0.01, 20))
    write_arm(tmp_path, early.path, around(0.3, 0.01, 5))
    write_arm(tmp_path, late.path, around(0.6, 0.01, 20))
    for seed in (12, 15, 18):
        write_failure(tmp_path, BASELINE, seed)
    near, far = verdicts(tmp_path)[1]
    assert (near.verdict, near.baseline_failed) == ("negative", 0)
    assert (far.verdict, far.baseline_failed) == ("unstable", 3)


def test_one_failure_in_each_arm_is_not_unstable(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    write_failure(tmp_path, BASELINE, 1)
    write_failure(tmp_path, cell("near").path, 2)
    found = only(tmp_path)
    assert (found.failed, found.baseline_failed, found.n_pairs, found.verdict) == (1, 1, 8, "negative")


@pytest.mark.parametrize("path", [cell("near").path, BASELINE])
def test_a_collapsed_seed_is_found_and_left_out(tmp_path: Path, path: str) -> None:
    write_pair(tmp_path, HELP[:6])
    levels = around(0.6, 0.01, 6)
    write_arm(tmp_path, path, [*levels[:5], CHANCE])
    found = only(tmp_path)
    assert (found.failed, found.baseline_failed) == ((1, 0) if path != BASELINE else (0, 1))
    assert found.n_pairs == 5


@pytest.mark.parametrize(("accuracy", "failed"), [(0.108, 1), (0.111, 0)])
def test_chance_is_what_the_majority_class_gives_by_luck(tmp_path: Path, accuracy: float, failed: int) -> None:
    write_pair(tmp_path, HARM[:6])
    write_arm(tmp_path, cell("near").path, [*around(0.6, 0.01, 5), accuracy])
    assert only(tmp_path).failed == failed


def test_a_collapse_is_judged_by_the_other_seeds_alone(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM[:2])
    write_arm(tmp_path, cell("near").path, [0.6, CHANCE])
    assert only(tmp_path).failed == 1


def test_two_collapses_are_unstable_and_never_negative(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    write_arm(tmp_path, BASELINE, [CHANCE, CHANCE, *around(0.6, 0.01, 8)])
    assert only(tmp_path).verdict == "unstable"


def test_an_arm_that_hovers_near_chance_has_not_collapsed(tmp_path: Path) -> None:
    write_pair(tmp_path, LEVEL[:5])
    write_arm(tmp_path, cell("near").path, [0.1, 0.13, 0.12, 0.14, 0.13])
    found = only(tmp_path)
    assert (found.failed, found.n_pairs, found.verdict) == (0, 5, "negative")


def test_an_arm_at_chance_at_every_seed_is_negative(tmp_path: Path) -> None:
    write_pair(tmp_path, LEVEL)
    write_arm(tmp_path, cell("near").path, [CHANCE] * 10)
    found = only(tmp_path)
    assert (found.failed, found.n_pairs, found.verdict) == (0, 10, "negative")


def test_a_baseline_at_chance_at_every_seed_is_invalid(tmp_path: Path) -> None:
    write_pair(tmp_path, LEVEL)
    write_arm(tmp_path, BASELINE, [CHANCE] * 10)
    found = only(tmp_path)
    assert (found.verdict, found.baseline_failed, found.as_expected) == ("invalid", 0, None)


def test_a_half_finished_run_is_provisional(tmp_path: Path) -> None:
    write_pair(tmp_path, [*HARM[:6], None, None, None, None])
    found = only(tmp_path)
    assert (found.provisional, found.n_pairs, found.n_planned) == (True, 6, 10)
    assert found.verdict == "negative"


def test_a_run_without_records_is_provisional_and_says_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near"), cell("far")])
    for found in verdicts(tmp_path)[1]:
        assert (found.verdict, found.provisional, found.n_pairs) == ("inconclusive", True, 0)
        unknown = (found.gain, found.interval, found.score, found.share_hurt, found.seeds_needed)
        assert unknown == (None,) * 5


def test_one_pair_has_a_gain_and_no_interval(tmp_path: Path) -> None:
    write_pair(tmp_path, [0.03, None])
    found = only(tmp_path)
    assert found.gain == pytest.approx(0.03, abs=2e-4)
    assert (found.interval, found.seeds_needed) == (None, None)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"kind": "trial"}', "\xff"])
def test_a_damaged_record_counts_as_missing(tmp_path: Path, text: str) -> None:
    write_pair(tmp_path, HARM[:6])
    (tmp_path / BASELINE / "seed-3.json").write_text(text, encoding="latin-1")
    found = only(tmp_path)
    assert (found.n_pairs, found.provisional, found.baseline_failed) == (5, True, 0)


def test_records_beyond_the_planned_seeds_are_not_read(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    write_run(tmp_path, [cell("near")], 6)
    assert only(tmp_path).n_pairs == 6


def write_cells(folder: Path, cells: list[PlannedCell], gains: list[list[float]]) -> None:
    """A run of several cells with one baseline."""
    n = len(gains[0])
    levels = around(0.6, 0.01, n)
    write_run(folder, cells, n)
    write_arm(folder, BASELINE, levels)
    for planned, own in zip(cells, gains, strict=True):
        write_arm(folder, planned.path, [a + b for a, b in zip(levels, own, strict=True)])


def test_controls_are_judged_in_a_family_of_their_own(tmp_path: Path) -> None:
    weak = around(-0.01, 0.01, 10)
    cells, controls = [cell("near"), cell("far")], [control("null", "unflagged"), control("shuffled", "negative")]
    write_cells(tmp_path / "all", [*cells, *controls], [weak, LEVEL, LEVEL, HARM])
    write_cells(tmp_path / "some", cells, [weak, LEVEL])
    whole, part = (verdicts(tmp_path / name)[1] for name in ("all", "some"))
    assert [v.role for v in whole] == ["cell", "cell", "control", "control"]
    assert [v.p_harm for v in whole[:2]] == [v.p_harm for v in part]


def test_named_families_are_judged_apart(tmp_path: Path) -> None:
    weak = around(-0.01, 0.01, 10)
    write_cells(tmp_path / "one", [cell("near"), cell("far")], [weak, LEVEL])
    write_cells(tmp_path / "two", [cell("near"), cell("far", family="sweep")], [weak, LEVEL])
    one, two = (verdicts(tmp_path / name)[1][0] for name in ("one", "two"))
    assert one.p_harm == pytest.approx(2 * two.p_harm)
    assert (one.family, two.family) == ("main", "main")


@pytest.mark.parametrize(
    ("expect", "gains", "as_expected"),
    [
        ("unflagged", LEVEL, True),
        ("unflagged", HARM, False),
        ("unflagged", HELP, False),
        ("negative", HARM, True),
        ("negative", LEVEL, False),
        ("any", HARM, None),
        ("negative", LEVEL[:4], None),
    ],
)
def test_a_control_is_held_to_what_it_must_say(
    tmp_path: Path, expect: str, gains: list[float], as_expected: bool | None
) -> None:
    write_cells(tmp_path, [control("null", expect)], [gains])
    found = only(tmp_path)
    assert (found.role, found.expect, found.as_expected) == ("control", expect, as_expected)


def test_an_unstable_control_is_not_held_to_anything(tmp_path: Path) -> None:
    write_cells(tmp_path, [control("shuffled", "negative")], [HARM])
    for seed in (0, 1):
        write_failure(tmp_path, BASELINE, seed)
    found = only(tmp_path)
    assert (found.verdict, found.as_expected) == ("unstable", None)


def test_an_unstable_cell_stays_in_the_family(tmp_path: Path) -> None:
    weak = around(-0.01, 0.01, 10)
    for name, cells in (("one", [cell("near")]), ("two", [cell("near"), cell("far")])):
        write_cells(tmp_path / name, list(cells), [weak, HARM][: len(cells)])
    for seed in (0, 1):
        write_failure(tmp_path / "two", cell("far").path, seed)
    alone, (near, far) = only(tmp_path / "one"), verdicts(tmp_path / "two")[1]
    assert far.verdict == "unstable"
    assert near.p_harm == pytest.approx(2 * alone.p_harm)


@pytest.mark.parametrize(
    ("n_train", "draw", "wide"), [(40, "seed", 0), (50, "seed", 0), (500, "seed", 1), (900, "all", 0)]
)
def test_overlapping_draws_widen_the_interval_itself(tmp_path: Path, n_train: int, draw: str, wide: float) -> None:
    """With one draw for all seeds nothing overlaps: the verdict is about these images."""
    write_pair(tmp_path, HARM)
    target = cell("near").target.model_copy(update={"draw": draw})
    write_run(tmp_path, [cell("near", target=target.model_dump())], 10)
    write_arm(tmp_path, cell("near").path, around(0.55, 0.02, 10), n_train=n_train)
    found = only(tmp_path)
    assert found.interval is not None
    assert found.gain is not None
    assert found.reuse == pytest.approx(0.0 if draw == "all" else n_train / 1000)
    half = scipy_stats.t.ppf(0.975, 9) * np.sqrt(found.spread**2 * (1 / 10 + wide) + 0.002**2)
    assert found.interval == pytest.approx((found.gain - half, found.gain + half))


def test_items_that_always_differ_make_the_margin_uncertifiable(tmp_path: Path) -> None:
    write_pair(tmp_path, LEVEL)
    assert only(tmp_path).certifiable
    first, last = np.arange(TEST_SIZE) < 6000, np.arange(TEST_SIZE) >= 4000
    write_arm(tmp_path, BASELINE, around(0.6, 0.001, 10), items=first)
    write_arm(tmp_path, cell("near").path, around(0.6, 0.001, 10), items=last)
    found = only(tmp_path)
    assert found.tau == pytest.approx(np.sqrt(0.8 / TEST_SIZE), rel=0.001)
    assert not found.certifiable
    assert found.verdict == "inconclusive"


def test_the_margin_and_alpha_are_the_runs(tmp_path: Path) -> None:
    write_pair(tmp_path, around(-0.02, 0.005, 10))
    assert only(tmp_path).verdict == "negative"
    settings = {"alpha": 0.05, "margin": 0.1, "pairing": "paired"}
    write_run(tmp_path, [cell("near")], 10, verdict=settings)
    assert only(tmp_path).verdict == "neutral"
    write_run(tmp_path, [cell("near")], 10, verdict=settings | {"margin": 0.005, "alpha": 1e-9})
    assert only(tmp_path).verdict == "inconclusive"


def test_unpaired_more_baseline_seeds_are_judged_than_the_arm_has(tmp_path: Path) -> None:
    write_pair(tmp_path, around(-0.02, 0.005, 10))
    write_run(tmp_path, [cell("near")], 10, verdict={"alpha": 0.05, "margin": 0.005, "pairing": "welch"})
    assert only(tmp_path).provisional
    levels = around(0.6, 0.01, 20)
    write_arm(tmp_path, BASELINE, levels)
    found = only(tmp_path)
    assert (found.provisional, found.n_own, found.n_base, found.n_pairs) == (False, 10, 20, 10)
    assert found.score is not None
    assert found.gain == pytest.approx(found.score - np.mean(levels), abs=1e-4)


def test_seeds_needed_are_told_for_undecided_cells_alone(tmp_path: Path) -> None:
    write_pair(tmp_path / "open", around(-0.01, 0.02, 5))
    write_pair(tmp_path / "shut", HARM)
    assert (only(tmp_path / "open").seeds_needed or 0) > 5
    assert only(tmp_path / "shut").seeds_needed is None


def test_similarities_are_means_over_seeds_that_have_them(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM[:5])
    write_scores(tmp_path, "near", 0, {"leep": -1.0, "logme": None, "frechet": 3.0})
    write_scores(tmp_path, "near", 1, {"leep": -2.0, "logme": None, "frechet": None})
    write_scores(tmp_path, "far", 0, {"leep": 9.0})
    assert only(tmp_path).similarity == {"leep": -1.5, "frechet": 3.0}


def test_curves_give_convergence_and_seconds_give_cost(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    assert only(tmp_path).convergence is None
    write_arm(tmp_path, BASELINE, around(0.6, 0.01, 10), rising(0.1, 0.6))
    write_arm(tmp_path, cell("near").path, around(0.6, 0.01, 10), rising(0.3, 0.7))
    found = only(tmp_path)
    assert found.convergence is not None
    assert found.convergence["target_accuracy"] == pytest.approx(0.95 * 0.6)
    assert found.convergence["log2_speedup"] > 0
    assert found.cost["seconds"] == pytest.approx(2)


def test_the_accuracy_to_be_reached_is_the_stored_one(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    write_arm(tmp_path, BASELINE, around(0.6, 0.01, 10), rising(0.1, 0.6))
    write_arm(tmp_path, cell("near").path, around(0.6, 0.01, 10), rising(0.3, 0.7))
    write_run(tmp_path, [cell("near")], 10, target_scores={BASELINE: 0.35})
    assert (only(tmp_path).convergence or {})["target_accuracy"] == 0.35


def test_what_the_trials_noted_is_said_once(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    write_arm(tmp_path, cell("near").path, around(0.55, 0.01, 10), notes=("head did not converge",))
    assert only(tmp_path).notes == ("head did not converge",)


def test_what_the_source_is_goes_with_the_verdict(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM)
    write_run(tmp_path, [cell("near", unfrozen=2)], 10)
    write_arm(tmp_path, cell("near").path, around(0.55, 0.01, 10), source_accuracy=0.9)
    found = only(tmp_path)
    assert (found.unfrozen, found.source_accuracy, found.dataset, found.n_train) == (2, 0.9, "glyphs", 40)


def test_verdicts_are_plain_data(tmp_path: Path) -> None:
    write_pair(tmp_path, HARM[:5])
    plain = only(tmp_path).as_dict()
    back = json.loads(json.dumps(plain, allow_nan=False))
    assert set(back) == set(plain)
    assert back["verdict"] == "negative"
    assert back["interval"] == list(plain["interval"])


def test_cells_come_back_in_the_runs_order(tmp_path: Path) -> None:
    names = ["c", "a", "b"]
    cells = [control(n, "any") if n == "a" else cell(n) for n in names]
    write_cells(tmp_path, cells, [HARM, HELP, LEVEL])
    assert [(v.source, v.verdict) for v in verdicts(tmp_path)[1]] == list(
        zip(names, ["negative", "positive", "neutral"], strict=True)
    )


def test_a_target_is_screened_by_its_own_best_arm(tmp_path: Path) -> None:
    hard = "hard-n40"
    target = cell("near").target.model_copy(update={"label": hard})
    other = cell("near", path=f"{hard}/near/finetune", baseline=f"{hard}/resnet8/scratch", target=target)
    write_run(tmp_path, [cell("near"), other], 6)
    for path in (BASELINE, cell("near").path):
        write_arm(tmp_path, path, around(0.9, 0.01, 6))
    for path in (other.path, other.baseline):
        write_arm(tmp_path, path, [*around(0.25, 0.01, 5), CHANCE])
    easy, found = verdicts(tmp_path)[1]
    assert (easy.failed, found.failed, found.baseline_failed) == (0, 1, 1)


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match="give the folder that a run was written to"):
        verdicts(tmp_path)


def test_every_order_of_the_arms_gives_the_same_verdicts(tmp_path: Path) -> None:
    names, gains = ["c", "a", "b"], dict(zip("cab", [HARM, around(-0.01, 0.01, 10), LEVEL], strict=True))
    found = []
    for order in itertools.permutations(names):
        folder = tmp_path / "".join(order)
        write_cells(folder, [cell(name) for name in order], [gains[name] for name in order])
        found.append({v.source: (v.verdict, v.p_harm) for v in verdicts(folder)[1]})
    assert all(one == found[0] for one in found)


def test_a_verdict_is_given_under_every_budget_protocol(tmp_path: Path) -> None:
    longer = f"{TARGET}/resnet8-plateau/scratch"
    both = cell("near", baselines={"equal_steps": BASELINE, "plateau": longer})
    write_run(tmp_path, [both], 10)
    base = around(0.6, 0.005, 10)
    write_arm(tmp_path, BASELINE, base)
    write_arm(tmp_path, longer, [level + 0.06 for level in base])
    write_arm(tmp_path, both.path, [level + 0.03 for level in around(0.6, 0.006, 10)])
    found = only(tmp_path)
    assert found.verdict == found.by_protocol["equal_steps"]["verdict"] == "positive"
    assert found.by_protocol["plateau"]["verdict"] == "negative"
    assert found.by_protocol["plateau"]["gain"] == pytest.approx(-0.03)
    assert insights.protocols([found])[0].endswith(
        ": positive within the budget (+3.0), negative at the plateau (-3.0)"
    )


def _write_timings(folder: Path, path: str, seconds: list[float], machine: str = "m") -> None:
    for seed, value in enumerate(seconds):
        plain = read_record(folder / path / f"seed-{seed}.json", Outcome)
        assert plain is not None
        where = {"machine": {"fingerprint": machine}}
        replace(plain, kind="timing", timing=Timing(seconds=value), environment=where).write(
            folder / path / f"timing-{seed}.json"
        )


def test_cost_is_judged_where_every_arm_was_timed_alone(tmp_path: Path) -> None:
    write_pair(tmp_path, LEVEL[:5])
    _write_timings(tmp_path, BASELINE, [4.0, 4.1, 3.9, 4.0, 4.05])
    _write_timings(tmp_path, cell("near").path, [2.0, 2.02, 1.99, 2.01, 2.0])
    cost = only(tmp_path).cost
    assert cost["estimated"] is False
    assert cost["verdict"] == "positive"
    assert cost["speedup"] == pytest.approx(2.0, rel=0.02)
    assert cost["speedup_interval"][0] < 2.0 < cost["speedup_interval"][1]


def test_seconds_of_two_machines_are_not_compared(tmp_path: Path) -> None:
    write_pair(tmp_path, LEVEL[:5])
    _write_timings(tmp_path, BASELINE, [4.0] * 5)
    _write_timings(tmp_path, cell("near").path, [2.0] * 5, machine="another")
    assert only(tmp_path).cost["estimated"] is True
    assert "verdict" not in only(tmp_path).cost
