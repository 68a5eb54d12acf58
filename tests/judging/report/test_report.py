"""The report: what it puts first, what it says without colour, what it never leaves out, and what it escapes."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from tests.synthetic import (
    BASELINE,
    TARGET,
    around,
    cell,
    control,
    judged_of,
    rising,
    run_of,
    shown,
    suite_of,
    write_arm,
    write_failure,
    write_pair,
    write_run,
)
from tlbench.errors import TlbenchError
from tlbench.judging import insights, report
from tlbench.judging.figures import Drawing
from tlbench.judging.report import sentences
from tlbench.judging.verdict import Judged, Verdict, judge_run

RUN = run_of([])
DRAWING = Drawing("gain-heatmap", "Gains", "In points.", "<svg/>", pd.DataFrame({"gain_points": [1.0]}))
CURVE: dict[str, Any] = {
    "verdict": "positive",
    "p_adjusted": 0.01,
    "area": {"mean": 0.1, "interval": [0.0, 0.2]},
    "jumpstart": {"mean": -0.02, "interval": [-0.1, 0.1]},
    "slope": {"mean": 1.0, "interval": None},
    "asymptote": {"mean": 0.003, "interval": None},
    "baseline_still_improving": 0.0,
    "target_accuracy": 0.5,
    "steps_to_target": [10, 20],
    "baseline_steps_to_target": [20, 40],
    "log2_speedup": 1.0,
    "censored_pairs": 0,
}


def printed(judged: Judged, width: int = 200) -> str:
    """The report as a terminal without colour shows it."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(report.terminal(judged))
    return out.getvalue()


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A finished run: harm, help, an undecided and an unstable cell, and two controls."""
    cells = [cell("far", "linear_probe", unfrozen=0), cell("near", unfrozen=3), cell("open"), cell("shaky")]
    controls = [control("null", "unflagged"), control("shuffled", "negative", "linear_probe")]
    write_run(tmp_path, [*cells, *controls], 10, notes=["classes <b>1</b> | 2"])
    levels = around(0.6, 0.01, 10)
    write_arm(tmp_path, BASELINE, levels, rising())
    shifts = (-0.05, 0.05, -0.001, 0.02, 0.0, -0.3)
    spreads = (0.005, 0.005, 0.03, 0.005, 0.002, 0.01)
    for planned, shift, spread in zip([*cells, *controls], shifts, spreads, strict=True):
        own = [a + b for a, b in zip(levels, around(shift, spread, 10), strict=True)]
        write_arm(tmp_path, planned.path, own, rising(0.2, 0.7))
    for seed in (1, 2):
        write_failure(tmp_path, cell("shaky").path, seed)
    return tmp_path


def test_the_worst_comes_first() -> None:
    kinds = ["positive", "neutral", "inconclusive", "invalid", "unstable", "negative"]
    found = [*map(shown, kinds), shown("negative", -0.3), shown("negative", -0.1), shown("negative", None)]
    order = sentences.worst_first(found)
    assert [(v.verdict, v.gain) for v in order[:4]] == [
        ("negative", -0.3),
        ("negative", -0.1),
        ("negative", None),
        ("negative", 0.01),
    ]
    assert [v.verdict for v in order[4:]] == ["unstable", "invalid", "inconclusive", "neutral", "positive"]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("negative", "!! NEGATIVE"),
        ("unstable", "!  unstable"),
        ("invalid", "!  invalid"),
        ("inconclusive", "?  inconclusive"),
        ("neutral", "== neutral"),
        ("positive", "++ positive"),
    ],
)
def test_a_flag_needs_no_colour(word: str, text: str) -> None:
    assert sentences.flag(shown(word)) == text
    assert text in printed(judged_of([shown(word)]))


def test_a_flag_says_confirmed_and_provisional() -> None:
    found = shown("negative", confirmed=True, provisional=True)
    assert sentences.flag(found) == "!! NEGATIVE (confirmed) (provisional)"


def test_a_gain_is_shown_in_points_with_its_interval() -> None:
    assert sentences.gain_text(shown("negative", -0.0312)) == "-3.1 [-5.1, -1.1]"
    assert sentences.gain_text(shown("inconclusive", 0.01, interval=None)) == "+1.0"
    assert sentences.gain_text(shown("inconclusive", None)) == "-"


def test_a_row_has_what_must_be_shown_with_a_verdict() -> None:
    found = shown("negative", -0.03, score=0.57, p_adjusted=0.00321)
    assert sentences.row(found) == (
        "!! NEGATIVE",
        TARGET,
        "near",
        "finetune",
        "-3.0 [-5.0, -1.0]",
        "5/5",
        "20%",
        "0.0032",
        "60.0",
        "57.0",
    )


def test_a_row_without_pairs_has_dashes() -> None:
    found = shown("inconclusive", None, share_hurt=None, score=None, baseline_score=None, n_pairs=0)
    cells = sentences.row(found)
    assert [cells[i] for i in (4, 5, 6, 8, 9)] == ["-", "0/5", "-", "-", "-"]


def test_a_tiny_p_is_not_shown_as_zero() -> None:
    assert "<0.0001" in sentences.row(shown("negative", p_adjusted=1e-9))


def test_the_headline_counts_and_names_worst_and_best() -> None:
    found = [
        shown("negative", -0.03),
        shown("negative", -0.2, source="far"),
        shown("positive", 0.1, source="kin", method="linear_probe"),
        shown("neutral"),
        shown("negative", -0.9, role="control", source="null"),
    ]
    assert sentences.headline(found) == (
        f"Of 4 cells, 1 are positive, 2 negative, 1 neither. Worst: far by finetune on {TARGET}, "
        f"-20.0 [-22.0, -18.0] points. Best: kin by linear_probe on {TARGET}, +10.0 [+8.0, +12.0] points."
    )


def test_the_headline_of_an_undecided_run_names_nothing() -> None:
    assert sentences.headline([shown("inconclusive")]) == "Of 1 cells, 0 are positive, 0 negative, 1 neither."


@pytest.mark.parametrize(
    ("expect", "as_expected", "text"),
    [
        ("unflagged", True, "must not be flagged; neutral, +1.0 [-1.0, +3.0]: as it must"),
        ("negative", False, "must be negative; neutral, +1.0 [-1.0, +3.0]: NOT AS IT MUST"),
        ("any", None, "no demand; neutral, +1.0 [-1.0, +3.0]: shown"),
        (None, None, "no demand; neutral, +1.0 [-1.0, +3.0]: shown"),
    ],
)
def test_calibration_says_what_controls_should_have_said(
    expect: str | None, as_expected: bool | None, text: str
) -> None:
    found = [shown("neutral", role="control", source="null", expect=expect, as_expected=as_expected)]
    assert sentences.calibration(found) == [f"null by finetune on {TARGET}: {text}"]


def test_calibration_is_about_controls_alone() -> None:
    assert sentences.calibration([shown("negative")]) == []


def test_limits_name_level_margin_and_what_intervals_are() -> None:
    (gains, rates) = insights.limits(RUN, [shown("neutral")])
    assert "paired by seed" in gains
    assert "alpha 0.05" in gains
    assert "margin of 0.5 points" in gains
    assert "not simultaneous" in gains
    assert rates.endswith("from 0.001, 0.003, 0.01, for every arm alike.")


def test_one_learning_rate_is_told_as_a_limitation() -> None:
    run = run_of([], suite=suite_of(budget=RUN.suite.budget | {"learning_rates": [0.003]}))
    assert "One learning rate (0.003)" in insights.limits(run, [])[1]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"convergence": CURVE | {"baseline_still_improving": 0.6}}, "still improving at the end on glyphs-n40"),
        ({"certifiable": False}, "too small to certify the margin"),
        ({"wide_interval": (-0.1, 0.1), "reuse": 0.5}, "glyphs-n40: draws take 50% of the pool"),
        ({"n_pairs": 4}, "Below 5 pairs"),
        ({"skewness": -1.2}, "glyphs-n40/near/finetune: gains are skewed (-1.2)"),
    ],
)
def test_limits_are_told_where_they_hold_and_not_elsewhere(changes: dict[str, Any], text: str) -> None:
    plain, found = (insights.limits(RUN, [shown("neutral", **kind)]) for kind in ({"convergence": CURVE}, changes))
    assert any(text in line for line in found)
    assert not any(text in line for line in plain)


def test_skewness_of_a_handful_is_not_told() -> None:
    assert not any("skewed" in line for line in insights.limits(RUN, [shown("inconclusive", n_pairs=4, skewness=1.4)]))


def test_needs_are_told_for_undecided_cells() -> None:
    found = [
        shown("inconclusive"),
        shown("inconclusive", source="far", seeds_needed=None),
        shown("inconclusive", source="null", role="control"),
        shown("inconclusive", source="one", n_pairs=1),
        shown("neutral", source="kin"),
    ]
    assert insights.needs(found) == [
        f"{TARGET}/near/finetune: 7 further seeds would likely decide it",
        f"{TARGET}/far/finetune: more than 1000 seeds would likely decide it",
    ]


def test_readings_are_shown_in_points_and_ratios() -> None:
    found = shown(
        "neutral",
        convergence=CURVE,
        cost={"estimated": True, "seconds": 1.0, "baseline_seconds": 2.5, "speedup": 2.5},
        similarity={"leep": -1},
    )
    assert sentences.readings_row(found)[3:] == (
        "== neutral +1.0",
        "++ positive",
        "+10.0 [+0.0, +20.0]",
        "-2.0",
        "+0.3",
        "2.00x",
        "estimated 2.50x",
        "1.00",
        "2.50",
        "leep -1",
    )


def test_readings_of_a_cell_without_curve_or_cost() -> None:
    assert sentences.readings_row(shown("neutral"))[3:] == (
        "== neutral +1.0",
        "not applicable",
        "n/a",
        "n/a",
        "n/a",
        "n/a",
        "-",
        "-",
        "-",
        "-",
    )


@pytest.mark.parametrize(
    ("own", "base", "text"),
    [
        ([None, None], [10, 20], "> budget (2/2 censored)"),
        ([10, 20], [None, None], "scratch > budget (2/2 censored)"),
    ],
)
def test_a_side_that_never_arrives_is_named(own: list[int | None], base: list[int | None], text: str) -> None:
    never = {"steps_to_target": own, "baseline_steps_to_target": base, "log2_speedup": None, "censored_pairs": 2}
    assert sentences.readings_row(shown("neutral", convergence=CURVE | never))[8] == text


def test_censored_pairs_are_counted_beside_the_speedup() -> None:
    held = CURVE | {"steps_to_target": [10, 10, None], "censored_pairs": 1}
    assert sentences.readings_row(shown("neutral", convergence=held))[8] == "2.00x (1/3 censored)"


def test_json_is_plain_and_worst_first() -> None:
    found = [shown("positive", 0.1), shown("negative", -0.1), shown("neutral", role="control")]
    plain = json.loads(json.dumps(report.as_json(judged_of(found)), allow_nan=False))
    assert set(plain) == {"schema_version", "suite", "starts", "cells"}
    assert plain["suite"] == "synthetic"
    assert [one["verdict"] for one in plain["cells"]] == ["negative", "neutral", "positive"]
    assert plain["cells"][0]["gain"] == -0.1


def test_json_cells_have_every_field_of_a_verdict() -> None:
    (one,) = report.as_json(judged_of([shown("neutral")]))["cells"]
    assert set(one) == {*Verdict.__dataclass_fields__, "classes"}
    assert one["classes"] is None
    assert {"gain", "interval", "n_pairs", "p_adjusted", "share_hurt", "share_hurt_interval", "baseline"} <= set(one)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_terminal_report_fits_its_width(run_folder: Path, width: int) -> None:
    lines = printed(judge_run(run_folder), width=width).splitlines()
    assert max(len(line) for line in lines) <= width


def test_the_terminal_report_has_all_its_parts(run_folder: Path) -> None:
    text = printed(judge_run(run_folder))
    parts = [
        "must not be flagged; neutral",
        "Of 4 cells, 1 are positive, 1 negative, 2 neither.",
        "synthetic: verdicts, worst first",
        "!! NEGATIVE (confirmed)",
        "!  unstable",
        "?  inconclusive",
        "++ positive",
        "synthetic: controls",
        "the three axes: final accuracy",
        "would likely decide it",
        "Intervals: 95 %",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_names_with_markup_are_shown_as_they_are() -> None:
    run = run_of([], suite=suite_of(name="a[/b]"))
    text = printed(judged_of([shown("negative", source="[red]x[/red]", notes=("[/]",))], run))
    assert "a[/b]: verdicts" in text
    assert "[red]x[/red]" in next(line for line in text.splitlines() if "!! NEGATIVE" in line)


def test_markdown_escapes_hostile_names() -> None:
    run = run_of([], suite=suite_of(name="*a* <i>"), notes=["![x](http://y)"], skipped=["`z`"])
    page = report.markdown(judged_of([shown("negative", source="<script>|_x_", notes=("a|b",))], run))
    assert "# \\*a\\* &lt;i&gt;\n" in page
    assert "<" not in page
    assert "&lt;script&gt;\\|\\_x\\_" in page
    assert "!\\[x\\](http://y)" in page
    assert "\\`z\\`" in page
    assert "a\\|b" in page


def test_hostile_names_do_not_break_a_table() -> None:
    page = report.markdown(judged_of([shown("negative", source="a|b\\|c")]))
    (line,) = [line for line in page.splitlines() if line.startswith("| !! NEGATIVE")]
    bars = line.replace("\\\\", "").replace("\\|", "").count("|")
    assert bars == len(sentences.columns(RUN)) + 1


def test_markdown_opens_with_answer_and_calibration(run_folder: Path) -> None:
    page = report.markdown(judge_run(run_folder), [DRAWING])
    heads = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert heads == [
        "Calibration",
        "Verdicts, worst first",
        "Controls",
        "The three axes",
        "How to read this",
        "Figures",
        "Notes",
        "Environment",
    ]
    assert page.startswith("# synthetic\n\nMade up.\n\n4 cells: ")
    assert "![gain-heatmap](figures/gain-heatmap.svg)\n\nGains. In points." in page
    assert "seed 1 failed: ValueError: no" in page
    assert "classes &lt;b&gt;1&lt;/b&gt; \\| 2" in page


def test_markdown_without_controls_or_notes_says_so() -> None:
    page = report.markdown(judged_of([shown("neutral")]))
    assert "No controls were run." in page
    assert "## Controls" not in page
    assert "\n- none\n" in page


@pytest.mark.parametrize(("dirty", "text"), [(True, "Commit abc (dirty), code 0."), (False, "Commit abc, code 0.")])
def test_markdown_tells_where_it_was_made(dirty: bool, text: str) -> None:
    where = RUN.environment | {"commit": "abc", "dirty": dirty}
    page = report.markdown(judged_of([shown("neutral")], run_of([], environment=where)))
    assert "cpu, a processor; tlbench 0.1.0\n" in page
    assert text in page


def test_rendering_writes_the_page_and_its_figures(run_folder: Path) -> None:
    page = report.render(judge_run(run_folder))
    assert page == run_folder / "report.html"
    text = page.read_text(encoding="utf-8")
    drawn = sorted(path.name for path in (run_folder / "figures").iterdir())
    assert {"forest.svg", "gain-heatmap.svg", "learning-curves.csv"} <= set(drawn)
    markdown = (run_folder / "report.md").read_text(encoding="utf-8")
    assert all(f"figures/{name}" in markdown for name in drawn)
    assert all(f'id="{name.removesuffix(".svg")}"' in text for name in drawn if name.endswith(".svg"))


def test_a_run_without_records_is_rendered(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near"), control("null", "unflagged")])
    judged = judge_run(tmp_path)
    assert "(provisional)" in printed(judged)
    assert "Unfinished" in report.render(judged).read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")])
    (tmp_path / "report.md" / "inner").mkdir(parents=True)
    with pytest.raises(TlbenchError, match="cannot write"):
        report.render(judge_run(tmp_path))


def test_the_first_sentence_says_where_to_start_from(tmp_path: Path) -> None:
    write_pair(tmp_path, around(0.08, 0.01, 5))
    judged = judge_run(tmp_path)
    answer = "glyphs-n40: start from near by finetune (68.0); the other 1 arms are worse."
    assert [start.sentence() for start in judged.starts] == [answer]
    assert f"- **{answer}".replace("(", "(") in report.markdown(judged).replace("\\", "")
    assert report.as_json(judged)["starts"][0]["n_arms"] == 2


def test_arms_that_cannot_be_told_apart_are_named_together(tmp_path: Path) -> None:
    write_pair(tmp_path, around(0.001, 0.01, 5))
    (start,) = judge_run(tmp_path).starts
    assert {name for name, _ in start.best} == {"scratch", "near by finetune"}
    assert "start from any of" in start.sentence()


def test_few_seeds_do_not_say_where_to_start_from(tmp_path: Path) -> None:
    write_pair(tmp_path, around(0.08, 0.01, 3))
    assert judge_run(tmp_path).starts[0].sentence() == "glyphs-n40: 3 seeds are too few to say where to start from."


def test_a_narrow_terminal_gets_the_columns_that_matter_most(run_folder: Path) -> None:
    out = io.StringIO()
    Console(file=out, width=110, color_system=None).print(report.terminal(judge_run(run_folder), narrow=True))
    text = out.getvalue()
    assert "!! NEGATIVE" in text
    assert "on the page, or in a wider terminal" in text
    assert "p (Holm)" not in text


def test_an_unfinished_run_says_so_first() -> None:
    assert sentences.headline([shown("inconclusive", provisional=True)]).startswith(
        "Unfinished: 1 of 1 cells lack planned"
    )
