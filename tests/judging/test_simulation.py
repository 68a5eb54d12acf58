"""Simulated grids, and what power says of a suite before it is run."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.synthetic import around, write_pair
from tlbench.judging import power as powers
from tlbench.judging.simulation import Scenario, coverage, noise, shares, simulate, smallest_effect
from tlbench.judging.verdict import Design

DESIGN = Design(0.05, 0.005)


@pytest.mark.parametrize(("family", "skewness"), [("normal", 0.0), ("1", 1.0), ("-2", -2.0)])
def test_noise_has_unit_variance_and_the_stated_skewness(family: str, skewness: float) -> None:
    drawn = noise(family, np.random.default_rng(0), 400_000)
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.02)
    assert float(scipy_stats.skew(drawn)) == pytest.approx(skewness, abs=0.1)


def test_a_shared_baseline_makes_the_cells_of_a_grid_move_together() -> None:
    scenarios = [Scenario(spread=0.02, shared=shared) for shared in (0.0, 0.5)]
    apart, together = (simulate(one, DESIGN, 500, np.random.default_rng(0)) for one in scenarios)
    means = [(found.low + found.high) / 2 for found in (apart, together)]
    between = [float(np.corrcoef(mean[:, 0], mean[:, 1])[0, 1]) for mean in means]
    assert abs(between[0]) < 0.15
    assert between[1] > 0.3


def test_simulated_cells_are_judged_as_real_ones() -> None:
    harm = simulate(Scenario(mean=-0.05, spread=0.005), DESIGN, 50, np.random.default_rng(0))
    assert shares(harm)["negative"] == 1
    assert coverage(harm, -0.05) > 0.9


def test_the_smallest_effect_is_seen_with_power_080() -> None:
    pilot = powers.Pilot.guessed(0.01, 0.002, 20)
    effect = smallest_effect(pilot.truth("paired"), DESIGN, 10, 20)
    alone = Scenario(mean=-effect, spread=0.01, tau=0.002, alone=True)
    found = simulate(alone, DESIGN, 2000, np.random.default_rng(1))
    assert shares(found, first=True)["negative"] == pytest.approx(0.8, abs=0.1)
    assert shares(found)["negative"] < 0.06


def test_a_pilot_gives_spread_cells_and_seconds(tmp_path: Path) -> None:
    write_pair(tmp_path, around(-0.02, 0.013, 6))
    pilot = powers.pilot_of(tmp_path)
    assert pilot.spread == pytest.approx(0.013, rel=0.05)
    assert (pilot.cells, pilot.arms, pilot.baselines) == (1, 1, 1)


def test_more_seeds_see_smaller_effects() -> None:
    pilot = replace(powers.Pilot.guessed(0.02, 0.002, 20), trial_seconds=3.6, arms=20, baselines=5)
    few, surplus, many, most = powers.outlook(pilot, DESIGN, (5, 20)).powers
    assert many.smallest < few.smallest
    assert surplus.smallest < few.smallest
    assert [one.hours for one in (few, surplus, many, most)] == pytest.approx([0.125, 0.15, 0.5, 0.6])
    assert few.chances["-5.0"]["negative"] < many.chances["-5.0"]["negative"]


def test_power_says_when_the_test_set_is_too_small() -> None:
    pilot = powers.Pilot.guessed(0.02, 0.004, 20)
    lines = powers.outlook(pilot, DESIGN, (10,)).sentences()
    assert any("cannot certify the margin" in line for line in lines)
    assert any("needs" in line or "out of reach" in line for line in lines)


def test_power_as_json_is_plain() -> None:
    pilot = powers.Pilot.guessed(0.02, 0.002, 5)
    plain = json.loads(json.dumps(powers.outlook(pilot, DESIGN, (5,)).as_dict()))
    assert plain["power"][0]["seeds"] == 5
    assert set(plain["power"][0]["chances"]) == {"-8.0", "-5.0", "-2.0", "-1.0", "-0.5", "+0.0"}


def test_the_design_is_paired_where_both_sides_move_together_and_not_where_they_do_not() -> None:
    apart = powers.Pilot.guessed(0.02, 0.002, 20)
    together = replace(apart, own_spread=0.03, base_spread=0.03, correlation=0.78)  # the paired gain varies as before
    chosen = [powers.choose(pilot, DESIGN, 5) for pilot in (apart, together)]
    assert [one.pairing for one in chosen] == ["welch", "paired"]
    assert "correlate +0.78 by seed" in chosen[1].why
