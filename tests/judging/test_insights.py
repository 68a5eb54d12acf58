"""What a run says beyond its cells."""

import numpy as np
import pytest

from tests.synthetic import shown
from tlbench.judging import insights, stats
from tlbench.judging.verdict import Verdict


def _swept(gains: dict[int, float], spread: float = 0.01) -> list[Verdict]:
    return [shown("inconclusive", gain, n_train=n, target=f"glyphs-n{n}", spread=spread) for n, gain in gains.items()]


def test_a_gain_is_split_into_scaling_and_features() -> None:
    twin = shown("inconclusive", 0.02, source="matched-near", role="control")
    (line,) = insights.attribution([shown("positive", 0.08), twin])
    assert "+8.0 points" in line
    assert "gives +2.0, features the other +6.0" in line


def test_without_a_matched_twin_nothing_is_attributed() -> None:
    assert insights.attribution([shown("positive", 0.08), shown("neutral", source="null", role="control")]) == []


def test_harm_enters_at_the_depth_that_is_named() -> None:
    sweep = [
        shown("negative", -0.2, method="linear_probe", unfrozen=0),
        shown("negative", -0.1, method="last_k-1", unfrozen=1),
        shown("inconclusive", 0.0, method="finetune", unfrozen=4),
    ]
    assert insights.depth(sweep) == [
        "glyphs-n40 from near: hurts with the last 1 block unfrozen, with 4 it is no longer shown"
    ]
    assert insights.depth(sweep[:2])[0].endswith("unfrozen, and so at every depth tried")
    assert insights.depth(sweep[2:]) == []
    assert insights.depth([sweep[2], shown("neutral", method="x", unfrozen=0)])[0].endswith("shown to hurt")


def test_the_crossover_is_interpolated_on_a_log_axis_with_an_interval() -> None:
    (line,) = insights.crossover(_swept({10: 0.04, 100: 0.02, 1000: -0.02}))
    assert "help turns to harm at about n_train 316 [" in line
    low, high = (float(end) for end in line.split("[")[1].split("]")[0].split(", "))
    assert 100 < low < 316 < high < 1000


@pytest.mark.parametrize(("gains", "word"), [({10: 0.04, 100: 0.02}, "helps"), ({10: -0.04, 100: -0.02}, "hurts")])
def test_without_a_crossover_the_side_is_named(gains: dict[int, float], word: str) -> None:
    assert f"{word} on average at every n_train from 10 to 100" in insights.crossover(_swept(gains))[0]


def test_one_n_train_is_no_sweep() -> None:
    assert insights.insights([shown("neutral")]) == []


def test_a_crossing_is_one_fall_through_zero() -> None:
    x = np.array([0.0, 1.0, 2.0])
    assert stats.crossing(x, np.array([1.0, 1.0, -1.0])) == pytest.approx(1.5)
    assert stats.crossing(x, np.array([-1.0, 1.0, -1.0])) is None
    assert stats.crossing(x, np.array([1.0, 2.0, 3.0])) is None
    assert stats.crossing(x, np.array([1.0, 0.0, -1.0])) == pytest.approx(1.0)


def test_a_similarity_is_scored_as_a_forecast_with_an_interval_over_targets() -> None:
    cells = [
        shown("inconclusive", 0.01 * i, source=s, target=f"t{i}", similarity={"leep": -3.0 + i + k})
        for i in range(6)
        for k, s in enumerate("ab")
    ]
    (line,) = insights.forecast(cells)
    assert line.startswith("leep and the gain by finetune: rank correlation +0.9")
    assert line.endswith("] over targets")
    assert "too few targets" in insights.forecast(cells[:6])[0]
