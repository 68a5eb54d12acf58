"""Convergence and cost from records: paired, censored where an arm never arrives, absent without curves."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.synthetic import failure, measured, record, rising
from tlbench.judging.readings import convergence, cost, curve_of, target_score
from tlbench.records import Outcome, Record, Timing

PAIRS = [0, 1, 2]


def arm(*ends: float, start: float = 0.1) -> dict[int, Record[Outcome]]:
    """An arm whose curves rise from `start` to these ends."""
    return {seed: record(seed, 0.5, curve=rising(start, end)) for seed, end in enumerate(ends)}


def timed(*seconds: float, source: float | None = None) -> dict[int, Record[Outcome]]:
    """An arm with these seconds; `source` are its source's."""
    records = {seed: record(seed, 0.5) for seed in range(len(seconds))}
    return {
        seed: replace(made, timing=replace(made.timing, seconds=seconds[seed], source_seconds=source))
        for seed, made in records.items()
    }


def test_a_record_gives_its_curve_back() -> None:
    assert curve_of(record(0, 0.5, curve=rising())) == rising()


def test_a_record_without_curve_has_none() -> None:
    assert curve_of(record(0, 0.5)) is None
    assert curve_of(failure()) is None


def test_the_target_is_a_share_of_the_first_five_baselines() -> None:
    assert target_score(arm(0.5, 0.6, 0.7, 0.6, 0.6, 0.0, 0.0)) == pytest.approx(0.95 * 0.6)


def test_below_zero_the_target_is_nearly_all_of_the_way_from_a_guess() -> None:
    """A log loss of 1.4 and of 1.0, where a guess has 2: not 1.26, which 5 % more loss would be."""
    curves = (rising(-2.1, -1.4), rising(-2.1, -1.0))
    base = {seed: record(seed, 0.5, curve=curve, validation_chance=-2.0) for seed, curve in enumerate(curves)}
    assert target_score(base) == pytest.approx(-2.0 + 0.95 * 0.8)
    worse = {0: record(0, 0.5, curve=rising(-2.1, -2.05), validation_chance=-2.0)}
    assert target_score(worse) is None


def test_failed_baselines_and_those_without_curve_set_no_target() -> None:
    base = arm(0.5, 0.7)
    base[0] = failure()
    assert target_score(base) == pytest.approx(0.95 * 0.7)
    assert target_score({0: record(0, 0.5)}) is None
    assert target_score({}) is None


def test_differences_are_paired_with_their_t_interval() -> None:
    own, base = arm(0.6, 0.8, 0.7), arm(0.5, 0.6, 0.65)
    found = convergence(own, base, PAIRS, None) or {}
    differences = [a.area(0.1) - b.area(0.1) for i in PAIRS if (a := curve_of(own[i])) and (b := curve_of(base[i]))]
    test = scipy_stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert found["area"]["mean"] == pytest.approx(0.1 / 2 * (1 + 2 + 0.5) / 3)
    assert found["area"]["interval"] == pytest.approx([test.low, test.high])


def test_jumpstart_slope_and_asymptote_are_differences() -> None:
    own, base = rising(0.3, 0.8), rising(0.1, 0.6)
    found = convergence(arm(0.8, 0.8, start=0.3), arm(0.6, 0.6), [0, 1], None) or {}
    assert found["jumpstart"]["mean"] == pytest.approx(own.jumpstart() - base.jumpstart())
    assert found["asymptote"]["mean"] == pytest.approx(own.asymptote() - base.asymptote())
    assert found["slope"]["mean"] == pytest.approx(0, abs=1e-12)


def test_one_pair_has_no_interval() -> None:
    found = convergence(arm(0.8), arm(0.6), [0], None) or {}
    assert found["area"] == {"mean": pytest.approx(0.1), "interval": None}


def test_arms_without_curves_have_no_convergence() -> None:
    heads = {seed: record(seed, 0.5) for seed in PAIRS}
    assert convergence(heads, arm(0.6, 0.6, 0.6), PAIRS, 0.5) is None
    assert convergence(arm(0.6, 0.6, 0.6), heads, PAIRS, 0.5) is None
    assert convergence(arm(0.6), arm(0.6), [], 0.5) is None


def test_pairs_left_out_are_not_read() -> None:
    own, base = arm(0.9, 0.6, 0.6), arm(0.6, 0.6, 0.6)
    assert (convergence(own, base, [1, 2], None) or {})["area"]["mean"] == pytest.approx(0)


def test_steps_to_the_target_give_a_speedup() -> None:
    own, base = arm(1.0, 1.0, 1.0), arm(0.55, 0.55, 0.55)
    found = convergence(own, base, PAIRS, 0.5) or {}
    fast, slow = rising(0.1, 1.0).steps_to(0.5), rising(0.1, 0.55).steps_to(0.5)
    assert fast is not None
    assert slow is not None
    assert found["steps_to_target"] == [fast] * 3
    assert found["baseline_steps_to_target"] == [slow] * 3
    assert found["log2_speedup"] == pytest.approx(np.log2(slow / fast))
    assert (found["target_accuracy"], found["censored_pairs"]) == (0.5, 0)


def test_an_arm_that_never_arrives_is_censored_not_dropped() -> None:
    found = convergence(arm(0.3, 0.9, 0.9), arm(0.6, 0.6, 0.6), PAIRS, 0.5) or {}
    assert found["steps_to_target"][0] is None
    assert (len(found["steps_to_target"]), found["censored_pairs"]) == (3, 1)
    assert found["log2_speedup"] > 0


def test_a_speedup_is_null_where_most_never_arrive() -> None:
    found = convergence(arm(0.3, 0.3, 0.9), arm(0.6, 0.6, 0.6), PAIRS, 0.5) or {}
    assert (found["log2_speedup"], found["censored_pairs"]) == (None, 2)


def test_without_a_target_there_are_no_steps_to_it() -> None:
    assert "log2_speedup" not in (convergence(arm(0.6), arm(0.6), [0], None) or {})


def test_an_undertrained_baseline_is_told() -> None:
    flat = {seed: record(seed, 0.5, curve=rising(0.6, 0.6)) for seed in PAIRS}
    steep = arm(0.6, 0.6, 0.6)
    assert (convergence(flat, steep, PAIRS, None) or {})["baseline_still_improving"] == 1
    assert (convergence(steep, flat, PAIRS, None) or {})["baseline_still_improving"] == 0
    coarse = measured([0, 1], margin=1.0)  # a metric of which 2 is the least rise worth speaking of
    base = {seed: record(seed, 0.5, curve=rising(), measured={"accuracy": coarse}) for seed in PAIRS}
    assert (convergence(base, base, PAIRS, None) or {})["baseline_still_improving"] == 0


def test_convergence_is_plain_data() -> None:
    found = convergence(arm(0.3, 0.9), arm(0.6, 0.6), [0, 1], 0.5)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_cost_compares_seconds_pair_by_pair() -> None:
    found = cost(timed(1, 4), timed(3, 12), [0, 1])
    assert (found["seconds"], found["baseline_seconds"]) == (2.5, 7.5)
    assert found["speedup"] == pytest.approx(3)
    assert found["estimated"] is True
    assert found["steps"] == found["baseline_steps"] == 100


def test_pretraining_is_amortised_over_targets() -> None:
    found = cost(timed(1, 1, source=10), timed(4, 5), [0, 1])
    assert (found["source_seconds"], found["targets_to_amortise"]) == (10, 3)


def test_pretraining_that_saves_nothing_never_pays() -> None:
    assert cost(timed(5, source=10), timed(4), [0])["targets_to_amortise"] is None
    assert cost(timed(1), timed(4), [0])["targets_to_amortise"] is None


def test_without_pairs_there_is_no_cost() -> None:
    assert cost({}, {}, []) == {"estimated": True}


def test_seconds_to_target_are_the_clock_where_it_was_reached() -> None:
    curve = rising()
    arms = [
        {
            0: replace(
                record(0, 0.5, curve=curve),
                timing=Timing(seconds=9.0, curve_seconds=tuple(map(float, range(len(curve.steps))))),
            )
        }
    ]
    found = cost(arms[0], arms[0], [0], target=curve.validation_score[3])
    assert found["seconds_to_target"] == [3]
    assert cost(arms[0], arms[0], [0], target=2.0)["seconds_to_target"] == [None]
