"""Learning curves: when they are read, and what is read from hand-made ones."""

from itertools import pairwise

import pytest

from tlbench.curve import LearningCurve, evaluation_steps


def curve(*points: tuple[int, float]) -> LearningCurve:
    steps, accuracies = zip(*points, strict=True)
    return LearningCurve(steps, tuple(0.5 * step for step in steps), (None,) * len(steps), accuracies)


RAMP = curve((0, 0.1), (5, 0.2), (10, 0.3), (50, 0.5), (75, 0.6), (90, 0.6), (100, 0.9))


def test_evaluations_begin_at_nothing_and_end_with_the_budget() -> None:
    for total in range(1, 2000):
        steps = evaluation_steps(total)
        assert (steps[0], steps[-1]) == (0, total)
        assert all(a < b for a, b in pairwise(steps))
        assert len(steps) <= 26


def test_a_long_budget_has_two_dozen_evaluations_and_the_first() -> None:
    assert len(evaluation_steps(1000)) == 25


def test_a_short_budget_is_read_at_every_step() -> None:
    assert evaluation_steps(3) == (0, 1, 2, 3)
    assert evaluation_steps(0) == (0,)


def test_evaluations_are_denser_early() -> None:
    gaps = [b - a for a, b in pairwise(evaluation_steps(10_000))]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 5 * gaps[0]


def test_jumpstart_is_read_after_a_twentieth_of_the_budget() -> None:
    assert RAMP.jumpstart() == 0.2
    assert curve((0, 0.1), (4, 0.3), (6, 0.7), (100, 0.9)).jumpstart() == 0.7


def test_asymptote_is_the_mean_of_the_last_three() -> None:
    assert RAMP.asymptote() == pytest.approx(0.7)
    assert curve((0, 0.2), (1, 0.4)).asymptote() == pytest.approx(0.3)


def test_slope_runs_from_the_jumpstart_to_half_the_budget() -> None:
    assert RAMP.slope() == pytest.approx(1000 * 0.3 / 45)


def test_a_curve_without_a_middle_has_no_slope() -> None:
    assert curve((0, 0.2), (1, 0.4)).slope() == 0


def test_area_is_the_mean_accuracy_above_chance() -> None:
    assert curve((0, 0.1), (10, 0.5), (40, 0.5)).area(0.1) == pytest.approx((3 + 15) / 40 - 0.1)


def test_area_of_a_level_curve_is_its_level() -> None:
    assert curve((0, 0.4), (7, 0.4), (100, 0.4)).area(0.25) == pytest.approx(0.15)


def test_area_does_not_depend_on_where_a_straight_line_is_read() -> None:
    assert curve((0, 0.0), (3, 0.03), (60, 0.6), (100, 1.0)).area(0.0) == pytest.approx(0.5)


def test_a_curve_of_one_point_has_readings() -> None:
    point = curve((0, 0.4))
    assert point.area(0.1) == pytest.approx(0.3)
    assert (point.jumpstart(), point.asymptote(), point.slope(), point.still_improving()) == (0.4, 0.4, 0.0, False)


def test_steps_to_an_accuracy_are_the_first_that_reach_it() -> None:
    assert RAMP.steps_to(0.5) == 50
    assert RAMP.steps_to(0.05) == 0
    assert curve((0, 0.1), (10, 0.6), (20, 0.4)).steps_to(0.5) == 10


def test_an_accuracy_that_is_never_reached_is_censored() -> None:
    assert RAMP.steps_to(0.95) is None


def test_a_late_rise_is_still_improving() -> None:
    assert RAMP.still_improving()
    assert not curve((0, 0.1), (50, 0.5), (75, 0.895), (100, 0.9)).still_improving()
    assert not curve((0, 0.1), (75, 0.9), (100, 0.8)).still_improving()
