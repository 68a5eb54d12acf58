"""The figures: drawn where there is something to show, with the interval that the verdicts use, as themeable SVG."""

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from tests.synthetic import (
    BASELINE,
    TARGET,
    around,
    cell,
    control,
    judged_of,
    rising,
    shown,
    write_arm,
    write_failure,
    write_run,
    write_scores,
)
from tlbench.errors import TlbenchError
from tlbench.judging import stats
from tlbench.judging.figures import MARKS, Drawing, drawings, themed, write_drawings
from tlbench.judging.figures.against import cost_by_gain, gain_by_similarity
from tlbench.judging.figures.curves import learning_curves
from tlbench.judging.figures.forest import forest
from tlbench.judging.figures.gains import gain_profile
from tlbench.judging.figures.overview import gain_heatmap
from tlbench.judging.figures.style import STYLE, hues
from tlbench.judging.figures.sweeps import accuracy_by_k, gain_by_n_train
from tlbench.judging.verdict import Judged, Verdict, judge_run

Drawer = Callable[[Judged], Drawing | None]
SVG = "{http://www.w3.org/2000/svg}"
GREY = "#7f868d"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with curves, similarities and a sweep over unfrozen blocks."""
    folder = tmp_path_factory.mktemp("run")
    cells = [
        cell(source, method, unfrozen=k)
        for source in ("far", "mid", "near")
        for k, method in enumerate(("linear_probe", "last_k-1"))
    ]
    write_run(folder, cells)
    levels = around(0.6, 0.01, 5)
    write_arm(folder, BASELINE, levels, rising())
    for i, planned in enumerate(cells):
        own = [a + b for a, b in zip(levels, around(0.05 * i - 0.1, 0.01, 5), strict=True)]
        write_arm(folder, planned.path, own, rising(0.2, 0.7))
    for i, source in enumerate(("far", "mid", "near")):
        write_scores(folder, source, 0, {"leep": -3.0 + i, "frechet": 5.0 - i})
    return folder


@pytest.fixture(scope="module")
def made(run_folder: Path) -> list[Drawing]:
    return drawings(judge_run(run_folder))


def drawn(drawer: Drawer, *found: Verdict) -> Drawing | None:
    """What one of the figures makes of these verdicts."""
    with mpl.rc_context(STYLE):
        return drawer(judged_of(found))


def one_of(drawer: Drawer, *found: Verdict) -> Drawing:
    drawing = drawn(drawer, *found)
    assert drawing is not None
    return drawing


def curves_in(folder: Path) -> Drawing:
    with mpl.rc_context(STYLE):
        drawing = learning_curves(judge_run(folder))
    assert drawing is not None
    return drawing


def texts(svg: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def styles(svg: str, tag: str) -> list[str]:
    return re.findall(rf'<{tag}\b[^>]*style="([^"]*)"', svg)


def test_a_run_draws_what_it_has(made: list[Drawing]) -> None:
    assert [one.name for one in made] == [
        "gain-heatmap",
        "forest",
        "learning-curves",
        "gain-profile",
        "gain-by-similarity",
        "accuracy-by-k",
        "cost-by-gain",
    ]


def test_a_drawing_is_a_white_svg_with_its_title_real_text_a_caption_and_numbers(made: list[Drawing]) -> None:
    for one in made:
        root = ET.fromstring(one.svg)  # noqa: S314
        assert root.findtext(f"{SVG}title") == one.title
        assert next(root.iter(f"{SVG}path")).get("style") == "fill: #ffffff"
        assert texts(one.svg)
        assert one.caption.endswith(".")
        assert len(one.table)


def test_no_two_figures_share_an_id_and_each_is_referred_to(made: list[Drawing]) -> None:
    ids = [name for one in made for name in re.findall(r' id="([^"]*)"', one.svg)]
    assert len(ids) == len(set(ids))
    referred = {name for one in made for name in re.findall(r'(?:href="|url\()#([^")]+)', one.svg)}
    assert referred == set(ids)


def test_the_same_run_gives_the_same_bytes(made: list[Drawing], run_folder: Path) -> None:
    assert [one.svg for one in drawings(judge_run(run_folder))] == [one.svg for one in made]


def test_captions_tell_the_level_and_the_pairs(made: list[Drawing]) -> None:
    told = {one.name: one.caption for one in made}
    assert "the gain's 95 % interval, a cell, over n = 5 pairs" in told["forest"]
    assert "the gain's 95 % interval" in told["accuracy-by-k"]
    assert "95% t interval as a band, over n = 5 seeds" in told["learning-curves"]


def test_an_empty_run_draws_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near", unfrozen=0), cell("near", "last_k-1", unfrozen=1)])
    assert drawings(judge_run(tmp_path)) == []
    write_run(tmp_path, [])
    assert drawings(judge_run(tmp_path)) == []


def test_a_run_of_one_seed_is_drawn(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")], 1)
    for path in (BASELINE, cell("near").path):
        write_arm(tmp_path, path, [0.6], rising())
    found = drawings(judge_run(tmp_path))
    assert [one.name for one in found] == ["gain-heatmap", "forest", "learning-curves", "cost-by-gain"]


def test_drawings_are_written_with_their_numbers(made: list[Drawing], tmp_path: Path) -> None:
    paths = write_drawings(tmp_path, made)
    assert paths == [tmp_path / "figures" / f"{one.name}.svg" for one in made]
    for path, one in zip(paths, made, strict=True):
        assert path.read_text(encoding="utf-8") == one.svg
        assert list(pd.read_csv(path.with_suffix(".csv")).columns) == list(one.table.columns)


def test_figures_that_cannot_be_written_are_an_error(made: list[Drawing], tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file")
    with pytest.raises(TlbenchError, match="cannot write"):
        write_drawings(tmp_path, made)


def test_a_themed_figure_takes_its_size_and_colours_from_the_page(made: list[Drawing]) -> None:
    for one in made:
        page = themed(one.svg)
        root = ET.fromstring(page)  # noqa: S314
        assert page.startswith("<svg ")
        assert {"width", "height"}.isdisjoint(root.attrib)
        assert f'viewBox="{root.attrib["viewBox"]}"' in one.svg
        assert next(root.iter(f"{SVG}path")).get("style") == "fill: var(--paper)"
        assert "fill: var(--ink)" in page
        assert "stroke: var(--rule)" in page
        assert not re.findall("#ffffff|#1d2329|#d6dade", page)


def test_labels_are_neither_markup_nor_mathematics_nor_colours() -> None:
    label = 'a$b$<c> id="x" : #ffffff'
    found = [
        shown("neutral", 0.01 * k, source=label, method=f"{label}{k}", unfrozen=k, similarity={label: 1.0})
        for k in (0, 1)
    ]
    for one in drawings(judged_of(found)):
        assert any(label in text for text in texts(themed(one.svg)))


def test_long_labels_leave_room_for_the_figure() -> None:
    found = [shown("neutral", unfrozen=k, target="t" * 300, source="s" * 300, method=f"{'m' * 300}{k}") for k in (0, 1)]
    for one in drawings(judged_of(found)):
        assert max(map(len, texts(one.svg))) < 120


@pytest.mark.parametrize("count", [9, 20])
def test_every_colour_is_its_own_and_reads_on_white_and_on_black(count: int) -> None:
    colours = list(hues(str(i) for i in range(count)).values())
    assert len(set(colours)) == count
    for colour in colours:
        luminance = float(np.dot(np.power(colour, 2.2), (0.2126, 0.7152, 0.0722)))
        assert 1.05 / (luminance + 0.05) >= 2.9
        assert (luminance + 0.05) / (0.008 + 0.05) >= 2.9


def test_the_map_marks_each_verdict_without_colour() -> None:
    one = one_of(
        gain_heatmap,
        shown("negative", -0.031),
        shown("positive", 0.2, source="kin"),
        shown("negative", -0.4, source="null", role="control"),
    )
    told = texts(one.svg)
    assert [text for text in told if re.fullmatch(r"[+-]\d+\.\d", text)] == ["-3.1", "+20.0"]
    assert "null" not in told
    assert [text for text in told if text in MARKS] == ["negative", "positive"]
    assert len(re.findall(r"<use ", one.svg.partition("colorbar")[0])) >= 4
    assert list(one.table["gain_points"]) == [-3.1, 20.0]


def test_numbers_on_coloured_cells_keep_their_colour_in_the_dark() -> None:
    one = one_of(gain_heatmap, shown("negative", -0.2), shown("neutral", 0.01, source="kin"))
    tinted = {text: style for style, text in re.findall(r'<text style="([^"]*)"[^>]*>([^<]*)<', themed(one.svg))}
    assert "fill: #fdfdfd" in tinted["-20.0"]
    assert "fill: #262626" in tinted["+1.0"]


def test_the_heatmap_has_a_panel_a_method_and_leaves_gaps_empty() -> None:
    found = [
        shown("neutral", 0.01),
        shown("neutral", 0.02, source="kin", target="other-n40"),
        shown("neutral", 0.03, method="direct"),
    ]
    told = texts(one_of(gain_heatmap, *found).svg)
    assert [text for text in told if text in ("finetune", "direct")] == ["finetune", "direct"]
    assert [text for text in told if text.startswith("+")] == ["+1.0", "+2.0", "+3.0"]


def test_a_map_of_many_cells_goes_without_numbers() -> None:
    found = [shown("neutral", 0.01, source=f"s{i}", target=f"t{j}-n40") for i in range(12) for j in range(10)]
    one = one_of(gain_heatmap, *found)
    assert "+1.0" not in texts(one.svg)
    assert "colour: the mean gain" in one.caption
    assert texts(one_of(gain_heatmap, *found[:70]).svg).count("+1.0") == 70


def test_a_place_of_the_map_and_a_row_of_the_forest_lead_to_their_cells() -> None:
    found = [shown("neutral", 0.01, source=source, method="k-0.12345") for source in ("near", "far")]
    for drawer in (gain_heatmap, forest):
        one = one_of(drawer, *found)
        links = re.findall(r'xlink:href="([^"]*html[^"]*)"', one.svg)
        assert set(links) == {f"../report.html#{TARGET}/{source}/k-0.12345" for source in ("near", "far")}
        assert f'"#{TARGET}/near/k-0.12345"' in themed(one.svg)
        assert "report.html" not in themed(one.svg)


def test_columns_lie_flat_where_their_names_fold_and_stand_where_they_do_not() -> None:
    flat = one_of(gain_heatmap, *(shown("neutral", 0.01, target=f"{name}-n40") for name in ("digits", "glyphs:lower")))
    assert [text for text in texts(flat.svg) if text in ("digits", "glyphs:", "lower", "n=40")] == [
        "digits",
        "n=40",
        "glyphs:",
        "lower",
        "n=40",
    ]
    assert "rotate(-90)" not in flat.svg.partition("digits")[0]
    long = one_of(gain_heatmap, *(shown("neutral", 0.01, target=f"{name}-n40") for name in ("unbreakable", "b")))
    assert "unbreakable n=40" in texts(long.svg)


def test_a_loss_is_drawn_in_its_own_unit() -> None:
    one = one_of(forest, shown("negative", -0.25, metric="log_loss"))
    assert one.table[["gain", "low", "high"]].to_numpy().tolist() == [[-0.25, -0.27, -0.23]]


def test_the_forest_is_sorted_and_has_controls_below_in_grey() -> None:
    found = [
        shown("negative", -0.5, source="null", role="control"),
        shown("positive", 0.2, source="kin"),
        shown("negative", -0.1, source="far"),
    ]
    one = one_of(forest, *found)
    rows = re.findall(r'<text style="([^"]*)"[^>]*>(\w+) by finetune on', one.svg)
    assert [source for _, source in rows] == ["far", "kin", "null"]
    assert [f"fill: {GREY}" in style for style, _ in rows] == [False, False, True]
    assert "the margin of 0.5 points" in one.caption
    assert list(one.table["source"]) == ["far", "kin", "null"]


def test_a_long_forest_shows_both_ends_and_its_table_all() -> None:
    one = one_of(forest, *(shown("neutral", 0.001 * i, source=f"s{i:02}") for i in range(90)))
    labels = [text.partition(" ")[0] for text in texts(one.svg) if " by " in text]
    assert labels == [f"s{i:02}" for i in (*range(40), *range(50, 90))]
    assert "the 40 most negative and the 40 most positive of 90 cells" in one.caption
    assert len(one.table) == 90


def test_learning_curves_show_scratch_dashed_beside_every_method(made: list[Drawing]) -> None:
    one = next(one for one in made if one.name == "learning-curves")
    told = texts(one.svg)
    assert [text for text in told if " to " in text] == [
        f"{source} to glyphs n=40" for source in ("far", "mid", "near")
    ]
    assert [text for text in told if text in ("scratch", "linear_probe", "last_k-1")] == [
        "scratch",
        "linear_probe",
        "last_k-1",
    ]
    dashed = [style for style in styles(one.svg, "path") if GREY in style and "dasharray" in style]
    assert len(dashed) == 3 + 1  # a panel each, and the legend
    line = one.table[(one.table["source"] == "mid") & (one.table["method"] == "linear_probe")]
    np.testing.assert_allclose(line["mean_points"], 100 * np.array(rising(0.2, 0.7).validation_score), atol=1e-4)


def test_the_band_of_a_learning_curve_is_the_t_interval_of_the_seeds_that_did_not_fail(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")], 4)
    ends = (0.5, 0.6, 0.8)
    for seed, end in enumerate(ends):
        write_arm(tmp_path, cell("near").path, [None] * seed + [0.6], rising(0.1, end))
    write_failure(tmp_path, cell("near").path, 3)
    one = curves_in(tmp_path)
    expected = stats.band(100 * np.array([rising(0.1, end).validation_score for end in ends]))
    np.testing.assert_allclose(one.table[["mean_points", "low_points", "high_points"]].T, expected, atol=1e-4)
    assert set(one.table["n"]) == {3}
    assert "from-scratch" in one.caption


def test_of_many_panels_those_with_the_largest_gains_are_drawn(tmp_path: Path) -> None:
    cells = [*(cell(f"s{i:02}") for i in range(13)), control("null", "unflagged")]
    write_run(tmp_path, cells, 1)
    write_arm(tmp_path, BASELINE, [0.6], rising())
    for i, planned in enumerate(cells):
        write_arm(tmp_path, planned.path, [0.6 - 0.02 * i], rising())
    one = curves_in(tmp_path)
    panels = [text.partition(" ")[0] for text in texts(one.svg) if " to " in text]
    assert panels == [f"s{i:02}" for i in range(1, 13)]
    assert "12 of 14 panels" in one.caption
    assert one.table["source"].nunique() == 14


def test_the_profile_tells_the_share_below_zero() -> None:
    gains = {"finetune": (-0.02, 0.01, 0.03, 0.04), "direct": (-0.1, -0.2, 0.0)}
    found = [
        shown("neutral", gain, method=method, source=f"s{i}")
        for method, own in gains.items()
        for i, gain in enumerate(own)
    ]
    one = one_of(gain_profile, *found)
    assert {"finetune: 25% of 4 below zero", "direct: 67% of 3 below zero"} <= set(texts(one.svg))
    own = one.table[one.table["method"] == "finetune"]
    assert list(own["gain_points"]) == [-2, 1, 3, 4]
    assert list(own["share_at_least"]) == [1.0, 0.75, 0.5, 0.25]


def test_a_profile_of_one_cell_is_none() -> None:
    assert drawn(gain_profile, shown("neutral")) is None


def test_gains_by_similarity_have_a_rank_correlation_of_the_judged_cells() -> None:
    found = [shown("neutral", 0.01 * i, similarity={"leep": 1.0 * i, "frechet": -1.0 * i}) for i in range(4)]
    odd = shown("negative", -0.5, role="control", similarity={"leep": 9.0, "frechet": -9.0})
    one = one_of(gain_by_similarity, *found, odd)
    assert [text for text in texts(one.svg) if text.startswith("rank")] == [
        "rank correlation +1.00",
        "rank correlation -1.00",
    ]
    assert list(one.table["frechet"]) == [0, -1, -2, -3, -9]


def test_every_verdict_has_its_mark_and_a_control_is_hollow() -> None:
    found = [shown(word, 0.01 * i, similarity={"leep": 1.0 * i}) for i, word in enumerate(MARKS)]
    one = one_of(gain_by_similarity, *found, shown("negative", similarity={"leep": 7.0}, role="control"))
    assert set(MARKS) <= set(texts(one.svg))
    assert len([style for style in styles(one.svg, "use") if "fill-opacity: 0;" in style]) == 1


def test_a_gain_without_interval_is_a_point_without_bar() -> None:
    one = one_of(forest, shown("neutral", interval=None))
    assert one.table[["low_points", "high_points"]].isna().to_numpy().all()


def sweep(source: str, *gains: float) -> list[Verdict]:
    sizes = (10, 100, 1000)
    return [
        shown("neutral", gain, source=source, target=f"digits-n{n}", n_train=n)
        for gain, n in zip(gains, sizes, strict=True)
    ]


def test_gain_by_n_train_marks_where_help_turns_to_harm() -> None:
    one = one_of(gain_by_n_train, *sweep("near", 0.2, 0.1, -0.1), *sweep("far", 0.1, 0.1, 0.1))
    told = texts(one.svg)
    assert {"10", "100", "1000", "316", "help turns to harm"} <= set(told)
    crossings = one.table.groupby("source")["crossover_n_train"].first()
    assert crossings["near"] == pytest.approx(316.2)
    assert np.isnan(crossings["far"])


def test_gain_by_n_train_without_a_crossing_speaks_of_none() -> None:
    assert "help turns to harm" not in texts(one_of(gain_by_n_train, *sweep("far", 0.1, 0.1, 0.1)).svg)


def test_crossings_beside_each_other_are_told_once() -> None:
    one = one_of(gain_by_n_train, *sweep("near", 0.2, 0.1, -0.1), *sweep("kin", 0.2, 0.1, -0.11))
    assert {"299"} == {"299", "316"} & set(texts(one.svg))


def test_accuracy_by_k_runs_over_the_blocks_that_learn() -> None:
    found = [shown("neutral", unfrozen=k, score=0.5 + 0.1 * k) for k in (2, 0, 1)]
    one = one_of(accuracy_by_k, *found, shown("neutral", source="lone", unfrozen=0))
    by_k = one.table.set_index("unfrozen_blocks")["accuracy_points"].sort_index()
    assert by_k.to_dict() == {0: 50, 1: 60, 2: 70}
    assert {"scratch", "near", "0", "1", "2"} <= set(texts(one.svg))
    assert set(one.table["baseline_accuracy_points"]) == {60}


def test_a_row_that_is_not_full_has_no_empty_panels() -> None:
    found = [shown("neutral", unfrozen=k, target=f"t{i}") for i in range(4) for k in (0, 1)]
    svg = one_of(accuracy_by_k, *found).svg
    assert len([style for style in styles(svg, "path") if style == "fill: #ffffff"]) == 1 + 4


def test_a_single_k_is_no_sweep() -> None:
    assert drawn(accuracy_by_k, *[shown("neutral", unfrozen=1)] * 2) is None


def test_cost_by_gain_names_its_quadrants_and_says_when_it_is_an_estimate() -> None:
    cost: dict[str, Any] = {"estimated": True, "seconds": 1.0, "baseline_seconds": 4.0, "speedup": 4.0}
    clock = {"estimated": False, "verdict": "positive", "speedup_interval": [3.0, 5.0]}
    one = one_of(cost_by_gain, shown("neutral", cost=cost), shown("neutral", source="kin", cost=cost | clock))
    assert {"cheaper and better", "dearer and worse", "1x", "4x"} <= set(texts(one.svg))
    assert "seconds of scratch / seconds of the arm (estimated)" in texts(one.svg)
    assert list(one.table["speedup_high"].dropna()) == [5.0]
    timed = one_of(cost_by_gain, shown("neutral", cost=cost | clock))
    assert "seconds of scratch / seconds of the arm" in texts(timed.svg)


def test_cells_without_seconds_have_no_cost_figure() -> None:
    assert drawn(cost_by_gain, shown("neutral")) is None
