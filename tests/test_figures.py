"""The figures: drawn where there is something to show, with the interval that the verdicts use."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy import stats as scipy_stats

from tests.synthetic import BASELINE, around, cell, rising, run_of, shown, write_arm, write_run, write_scores
from tlbench import figures
from tlbench.errors import TlbenchError
from tlbench.verdict import Verdict, verdicts

FOUR = ["gain-heatmap", "learning-curves", "gain-by-similarity", "accuracy-by-k"]
NOWHERE = Path("nowhere")


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run with curves, similarities and a sweep over unfrozen blocks."""
    cells = [
        cell(source, method, unfrozen=k)
        for source in ("far", "mid", "near")
        for k, method in enumerate(("linear_probe", "last_k-1"))
    ]
    write_run(tmp_path, cells)
    levels = around(0.6, 0.01, 5)
    write_arm(tmp_path, BASELINE, levels, rising())
    for i, planned in enumerate(cells):
        own = [a + b for a, b in zip(levels, around(0.05 * i - 0.1, 0.01, 5), strict=True)]
        write_arm(tmp_path, planned["path"], own, rising(0.2, 0.7))
    for i, source in enumerate(("far", "mid", "near")):
        write_scores(tmp_path, source, 0, {"leep": -3.0 + i, "frechet": 5.0 - i})
    return tmp_path


def gains(*found: Verdict) -> Figure:
    drawn = figures.gain_heatmap(NOWHERE, run_of([]), list(found))
    assert drawn is not None
    return drawn


def texts(axis: Any) -> list[str]:
    return [text.get_text() for text in axis.texts]


def test_a_band_is_the_t_interval() -> None:
    values = np.random.default_rng(0).uniform(size=(6, 4))
    mean, low, high = figures.band(values)
    expected = scipy_stats.t.interval(0.95, 5, values.mean(0), scipy_stats.sem(values))
    np.testing.assert_allclose(mean, values.mean(0))
    np.testing.assert_allclose([low, high], expected)


def test_a_band_has_the_level_that_was_asked_for() -> None:
    values = np.random.default_rng(1).uniform(size=(6, 4))
    expected = scipy_stats.t.interval(0.5, 5, values.mean(0), scipy_stats.sem(values))
    np.testing.assert_allclose(figures.band(values, 0.5)[1:], expected)


def test_a_band_of_one_seed_is_its_curve() -> None:
    values = np.array([[0.1, 0.5, 0.7]])
    np.testing.assert_array_equal(figures.band(values), [values[0]] * 3)


def test_a_run_draws_its_four_figures(run_folder: Path) -> None:
    paths = figures.draw_figures(run_folder, *verdicts(run_folder))
    assert paths == [run_folder / "figures" / f"{name}.png" for name in FOUR]
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert len(image.convert("L").getcolors() or []) > 10


def test_an_empty_run_draws_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near", unfrozen=0), cell("near", "last_k-1", unfrozen=1)])
    assert figures.draw_figures(tmp_path, *verdicts(tmp_path)) == []
    assert not (tmp_path / "figures").exists()


def test_a_run_without_cells_draws_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, [])
    assert figures.draw_figures(tmp_path, *verdicts(tmp_path)) == []


def test_a_run_of_one_seed_is_drawn(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")], 1)
    for path in (BASELINE, cell("near")["path"]):
        write_arm(tmp_path, path, [0.6], rising())
    drawn = figures.draw_figures(tmp_path, *verdicts(tmp_path))
    assert [path.stem for path in drawn] == ["gain-heatmap", "learning-curves"]


def test_figures_that_cannot_be_written_are_an_error(run_folder: Path) -> None:
    (run_folder / "figures").write_text("a file")
    with pytest.raises(TlbenchError, match="cannot write"):
        figures.draw_figures(run_folder, *verdicts(run_folder))


def test_the_heatmap_marks_harm_without_colour() -> None:
    drawn = gains(shown("negative", -0.031), shown("positive", 0.2, source="kin"), shown("neutral", 0.0, source="odd"))
    assert texts(drawn.axes[0]) == ["-3.1!", "+20.0", "+0.0"]


def test_the_heatmap_has_a_panel_a_method_and_leaves_gaps_empty() -> None:
    drawn = gains(
        shown("neutral", 0.01),
        shown("neutral", 0.02, source="kin", target="other-n40"),
        shown("neutral", 0.03, method="direct"),
    )
    titles = [axis.get_title() for axis in drawn.axes if axis.get_title()]
    assert titles == ["finetune", "direct"]
    shown_texts = texts(drawn.axes[0])
    assert sorted(text for text in shown_texts if text) == ["+1.0", "+2.0"]


def test_many_panels_are_laid_out_in_rows() -> None:
    drawn = gains(*(shown("neutral", 0.01, method=f"m{i}") for i in range(5)))
    assert [axis.get_title() for axis in drawn.axes if axis.get_title()] == ["m0", "m1", "m2", "m3", "m4"]


def test_learning_curves_show_scratch_dashed_beside_every_method(run_folder: Path) -> None:
    drawn = figures.learning_curves(run_folder, *verdicts(run_folder))
    assert drawn is not None
    assert [axis.get_title() for axis in drawn.axes] == [f"{s} to glyphs-n40" for s in ("far", "mid", "near")]
    lines: list[Any] = list(drawn.axes[0].get_lines())
    assert [line.get_label() for line in lines] == ["scratch", "linear_probe", "last_k-1"]
    assert [line.get_linestyle() for line in lines] == ["--", "-", "-"]
    np.testing.assert_allclose(lines[1].get_ydata(), rising(0.2, 0.7).validation_accuracy)


def test_gains_by_similarity_have_bars_and_a_rank_correlation(run_folder: Path) -> None:
    drawn = figures.gain_by_similarity(run_folder, *verdicts(run_folder))
    assert drawn is not None
    assert [axis.get_xlabel() for axis in drawn.axes] == ["leep", "frechet"]
    assert len(drawn.axes[0].containers) == 6
    first, second = (float(axis.get_title().removeprefix("rank correlation ")) for axis in drawn.axes)
    assert first > 0
    assert second == pytest.approx(-first)


def test_every_verdict_has_a_mark() -> None:
    words = list(figures.MARKS)
    found = [shown(word, 0.01 * i, similarity={"leep": 1.0 * i}) for i, word in enumerate(words)]
    drawn = figures.gain_by_similarity(NOWHERE, run_of([]), found)
    assert drawn is not None
    marks = [container[0].get_marker() for container in drawn.axes[0].containers]
    assert marks == [figures.MARKS[word] for word in words]


def test_a_gain_without_interval_has_no_length_of_bar() -> None:
    drawn = figures.gain_by_similarity(NOWHERE, run_of([]), [shown("neutral", interval=None, similarity={"leep": 1.0})])
    assert drawn is not None
    (bar,) = drawn.axes[0].containers[0][2]
    assert np.ptp(bar.get_segments()[0][:, 1]) == pytest.approx(0)


def test_accuracy_by_k_runs_from_the_head_upward() -> None:
    found = [shown("neutral", unfrozen=k, accuracy=0.5 + 0.1 * k) for k in (2, 0, 1)]
    drawn = figures.accuracy_by_k(NOWHERE, run_of([]), found)
    assert drawn is not None
    lines: list[Any] = list(drawn.axes[0].get_lines())
    line = next(one for one in lines if list(one.get_xdata()) == [0, 1, 2])
    np.testing.assert_allclose(line.get_ydata(), [0.5, 0.6, 0.7])
    scratch = next(one for one in lines if one.get_label() == "scratch")
    assert set(np.asarray(scratch.get_ydata()).tolist()) == {0.6}


def test_a_single_k_is_no_sweep() -> None:
    assert figures.accuracy_by_k(NOWHERE, run_of([]), [shown("neutral", unfrozen=1)] * 2) is None
