"""The report: what it puts first, what it says without colour, what it never leaves out, and what it escapes."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import TypeAdapter
from rich.console import Console

from tests.synthetic import (
    BASELINE,
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
from tlbench.judging.limits import left_out, limits
from tlbench.judging.report import sentences, tables
from tlbench.judging.report.schema import Report
from tlbench.judging.verdict import Judged, Starts, Verdict, judge_run
from tlbench.judging.verdict.variance import Split
from tlbench.records import Outcome, read_record

RUN = run_of([])
SEES = "; a fault of 4.2 points or more would likely have been seen"
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
    Console(file=out, width=width, color_system=None).print(report.terminal(judged, width))
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


@pytest.mark.parametrize(
    ("word", "protocol", "text"),
    [
        ("positive", "plateau", "++ positive"),
        ("positive", "equal_steps", "++ positive within the budget"),
        ("negative", "equal_steps", "!! NEGATIVE within the budget"),
        ("neutral", "equal_compute", "== neutral at equal compute"),
        ("inconclusive", "equal_steps", "?  inconclusive"),
    ],
)
def test_a_flag_says_for_which_budget_it_holds(word: str, protocol: str, text: str) -> None:
    assert sentences.flag(shown(word, protocol=protocol)) == text


def test_a_flag_by_pooled_variance_is_marked_and_explained_once() -> None:
    found = [shown("negative", pooled=True), shown("negative", source="far", pooled=True), shown("negative")]
    assert [sentences.flag(v) for v in found[1:]] == ["!! NEGATIVE (by pooled variance)", "!! NEGATIVE"]
    assert sum("contains 0" in line for line in limits(RUN, found)) == 1
    assert not any("contains 0" in line for line in limits(RUN, found[2:]))


def test_a_gain_is_shown_in_points_with_its_interval() -> None:
    assert sentences.gain_text(shown("negative", -0.0312)) == "-3.1 [-5.1, -1.1]"
    assert sentences.gain_text(shown("inconclusive", 0.01, interval=None)) == "+1.0"
    assert sentences.gain_text(shown("inconclusive", None)) == "-"


def test_a_row_has_what_must_be_shown_with_a_verdict() -> None:
    found = shown("negative", -0.03, score=0.57, p_adjusted=0.00321)
    assert sentences.row(found) == (
        "!! NEGATIVE",
        "glyphs n=40",
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


def test_a_row_names_what_was_typed() -> None:
    typed = shown("neutral", source="a-b", source_spec="a:b", method="last_k-1", method_spec="last_k:1")
    assert sentences.row(typed)[1:4] == ("glyphs n=40", "a:b", "last_k:1")
    labelled = shown("neutral", source_spec={"name": "a", "label": "mine"}, target="mine-n40", method_spec={})
    assert sentences.row(labelled)[1:4] == ("mine n=40", "mine", "finetune")


def test_seeds_of_scratch_are_counted_apart_where_it_has_its_own() -> None:
    found = shown("neutral", pairing="welch", n_own=4, n_base=10)
    assert sentences.row(found)[5] == "4/5, m 10"


def test_a_loss_is_told_in_nats() -> None:
    loss = shown("negative", -0.3, metric="log_loss", score=1.25, baseline_score=0.95)
    assert sentences.row(loss)[4::4] == ("-0.300 [-0.320, -0.280]", "0.950")
    assert sentences.row(loss)[-1] == "1.250"
    assert "-0.300 [-0.320, -0.280] nats" in sentences.headline([loss])
    run = run_of([], suite=suite_of(metric="log_loss"))
    assert "log_loss nats over from-scratch" in limits(run, [loss])[0]
    assert "margin of 0.005 nats" in limits(run, [loss])[0]


def test_a_tiny_p_is_not_shown_as_zero() -> None:
    assert "<0.0001" in sentences.row(shown("negative", p_adjusted=1e-9))


def test_the_headline_counts_each_word_and_says_what_a_choice_makes_of_an_extreme() -> None:
    found = [
        shown("negative", -0.03),
        shown("negative", -0.2, source="far", shrunken=-0.15),
        shown("positive", 0.1, source="kin", method="direct"),
        shown("inconclusive"),
        shown("unstable", 0.4),
        shown("negative", -0.9, role="control", source="null"),
    ]
    assert sentences.headline(found) == (
        "Of 5 cells, 1 positive, 2 negative, 1 undecided, 1 unstable. "
        "Largest loss: far by finetune on glyphs n=40, -20.0 [-22.0, -18.0] points (largest of 5 cells; expect "
        "somewhat less on repetition: about -15.0). "
        "Largest gain: kin by direct on glyphs n=40, +10.0 [+8.0, +12.0] points (largest of 5 cells; expect "
        "somewhat less on repetition)."
    )


def test_a_single_cell_is_no_selection() -> None:
    assert sentences.headline([shown("negative", -0.03)]) == (
        "Of 1 cell, 1 negative. Negative: near by finetune on glyphs n=40, -3.0 [-5.0, -1.0] points."
    )


def test_the_headline_of_an_undecided_run_names_nothing() -> None:
    assert sentences.headline([shown("inconclusive")]) == "Of 1 cell, 1 undecided."


def test_a_sentence_says_this_checkpoint_these_images_and_which_budget() -> None:
    found = [shown("negative", -0.03, checkpoint=True, draw="all", protocol="equal_steps")]
    text = sentences.headline(found)
    assert "1 negative, all within the budget with these images" in text
    assert "near (this checkpoint) by finetune on glyphs n=40 (with these images)" in text
    plain = sentences.headline([shown("negative", -0.03)])
    assert not any(word in plain for word in ("checkpoint", "images", "budget"))


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (["negative", "neutral"], "near: finetune 1 of 2 negative (typically -3.0)."),
        (["inconclusive"], "near: finetune 0 of 1 flagged (about -3.0)."),
        (["negative", "positive", "invalid"], "near: finetune 1 of 3 negative and 1 of 3 positive (1 unstable or inva"),
    ],
)
def test_a_source_is_told_by_counts(found: list[str], sentence: str) -> None:
    (told,) = sentences.by_source(shown(word, -0.04, shrunken=-0.03) for word in found).sentences()
    assert told.startswith(sentence)


def test_a_source_is_told_by_method() -> None:
    frozen: dict[str, Any] = {"method": "linear_probe"}
    found = [shown("negative", -0.3, **frozen), shown("neutral", target="other", **frozen), shown("inconclusive")]
    table = sentences.by_source([*found, shown("negative", role="control"), shown("negative", role="beside")])
    assert list(table) == ["near: linear_probe 1 of 2 negative; finetune 0 of 1 flagged."]
    assert [row.texts() for row in table.rows] == [
        ("near", "linear_probe", "2", "1", "0", "1", "0", "0", "-"),
        ("near", "finetune", "1", "0", "0", "0", "1", "0", "-"),
    ]
    assert len(table.columns) == len(table.rows[0].texts())


def test_the_answer_warns_of_a_control_that_failed_first() -> None:
    control_said: dict[str, Any] = {"role": "control", "source": "null", "expect": "unflagged"}
    failed, fine = (shown("positive", as_expected=ok, **control_said) for ok in (False, True))
    first, second, *_ = sentences.answer(judged_of([shown("neutral"), failed]))
    assert first.endswith("null by finetune on glyphs n=40 (positive) did not come out as demanded.")
    assert second == "Of 1 cell, 1 neutral."
    assert sentences.answer(judged_of([shown("neutral"), fine])) == ["Of 1 cell, 1 neutral."]


@pytest.mark.parametrize(
    ("expect", "as_expected", "text"),
    [
        ("unflagged", True, f"must not be flagged; neutral, +1.0 [-1.0, +3.0]: as it must{SEES}"),
        ("negative", False, f"must be negative; neutral, +1.0 [-1.0, +3.0]: NOT AS IT MUST{SEES}"),
        ("unflagged", None, f"must not be flagged; neutral, +1.0 [-1.0, +3.0]: cannot be told yet{SEES}"),
        ("any", None, "no demand; neutral, +1.0 [-1.0, +3.0]: shown"),
        (None, None, "no demand; neutral, +1.0 [-1.0, +3.0]: shown"),
    ],
)
def test_calibration_says_what_controls_should_have_said(
    expect: str | None, as_expected: bool | None, text: str
) -> None:
    null: dict[str, Any] = {"role": "control", "source": "null", "sees": 0.042}
    found = [shown("neutral", expect=expect, as_expected=as_expected, **null)]
    assert sentences.calibration(found) == [f"null by finetune on glyphs n=40: {text}"]
    (row,) = sentences.control_rows(found)
    assert (row.said, row.gain, row.sees) == ("neutral", "+1.0 [-1.0, +3.0]", "4.2 points")
    assert row.verdict == {True: "ok", False: "NOT", None: "open" if expect == "unflagged" else "shown"}[as_expected]


def test_a_control_that_was_flagged_says_nothing_of_what_it_would_have_seen() -> None:
    found = shown("negative", role="control", expect="negative", as_expected=True, sees=0.03)
    assert "would likely" not in sentences.calibration([found])[0]


def test_calibration_is_about_controls_alone() -> None:
    assert sentences.calibration([shown("negative")]) == []


def test_limits_name_level_margin_and_what_intervals_are() -> None:
    (gains, design, rates, families) = limits(RUN, [shown("neutral")])
    assert "alpha 0.05" in gains
    assert "margin of 0.5 points" in gains
    assert "not simultaneous" in gains
    assert design == "Design: gains paired by seed, n = 5."
    assert rates.endswith("from 0.001, 0.003, 0.01, for every arm alike.")
    assert families.startswith("Other root seeds and other suites are other families")


def test_limits_name_an_unpaired_design_its_seeds_and_the_mean_correlation() -> None:
    welch = RUN.verdict.model_copy(update={"pairing": "welch"})
    run = RUN.model_copy(update={"verdict": welch, "design": "the default"})
    found = [shown("neutral", n_own=n, n_base=10, correlation=r) for n, r in ((4, 0.1), (5, 0.3))]
    found.append(shown("neutral", role="control", n_own=5, n_base=10, correlation=0.9))
    assert limits(run, found)[1] == (
        "Design: not paired, intervals are Welch's (the default): n = 4 to 5 seeds an arm, m = 10 of scratch; both "
        "sides correlate +0.20 by seed on average."
    )


def test_one_learning_rate_is_told_as_a_limitation() -> None:
    run = run_of([], suite=suite_of(budget=RUN.suite.budget | {"learning_rates": [0.003]}))
    assert "One learning rate (0.003)" in limits(run, [])[2]
    assert not any("tuned out" in line for line in limits(run, [shown("neutral", at_edge=True)]))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"convergence": CURVE | {"baseline_still_improving": 0.6}, "protocol": "equal_steps"},
            "still improving at the end on glyphs n=40",
        ),
        ({"protocol": "equal_steps"}, "Scratch was not run to its plateau"),
        ({"run_on": 1.0, "baseline_run_on": 2.5}, "scratch 2.5 (glyphs n=40), the other arms 1.0 (glyphs n=40)"),
        ({"certifiable": False}, "too small to certify the margin"),
        ({"reuse": 0.5}, "by their share of the pool: glyphs n=40: 50%; intervals are widened for it, conservatively"),
        ({"n_pairs": 4}, "Below 5 pairs"),
        ({"skewness": -1.2}, "near by finetune on glyphs n=40 -1.2"),
        ({"at_edge": True, "source": "NeAr"}, "chose the smallest or largest rate): NeAr by finetune on glyphs n=40."),
        ({"baseline_at_edge": True}, "most seeds chose the smallest or largest rate): scratch on glyphs n=40."),
        ({"labelled": 140}, "to train and to validate on: glyphs n=40: 140."),
        ({"draw": "all"}, "One draw for all seeds on glyphs n=40: its verdicts hold with these images."),
        ({"checkpoint": True}, "not trained anew by seed: near; verdicts are about this checkpoint."),
        (
            {"left_out": ("seed 3: collapsed to chance",)},
            "Left out: near by finetune on glyphs n=40, n 4/5: seed 3: collapsed to chance.",
        ),
    ],
)
def test_limits_are_told_where_they_hold_and_not_elsewhere(changes: dict[str, Any], text: str) -> None:
    plain, found = (limits(RUN, [shown("neutral", **kind)]) for kind in ({"convergence": CURVE}, changes))
    assert any(text in line for line in found)
    assert not any(text in line for line in plain)


def test_heads_with_a_grid_of_their_own_are_told() -> None:
    run = run_of([], suite=suite_of(budget=RUN.suite.budget | {"head_rates": [0.01, 0.1, 0.3]}))
    assert limits(run, [])[2].endswith("0.001, 0.003, 0.01; from as many, 0.01, 0.1, 0.3, where the head alone learns.")


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        ({"epochs": 15}, "(15 epochs, one"),
        ({"steps": 300}, "(300 steps, one"),
        ({}, "(as many steps as a pilot of it needs, one"),
    ],
)
def test_the_question_tells_how_long_is_trained(budget: dict[str, int], text: str) -> None:
    assert text in sentences.asked(run_of([], suite=suite_of(budget=budget | {"learning_rates": [0.01]})))


def test_a_run_of_controls_alone_is_told_as_such() -> None:
    assert sentences.headline([shown("neutral", role="control")]) == "Of 0 cells, none is judged."


def test_a_control_of_one_draw_says_so() -> None:
    found = shown("neutral", role="control", draw="all")
    assert sentences.control_rows([found])[0].target == "glyphs n=40 (with these images)"


def test_a_baseline_run_to_its_plateau_is_not_told_to_be_improving() -> None:
    late = shown("neutral", convergence=CURVE | {"baseline_still_improving": 0.9})
    assert not any("improving" in line for line in limits(RUN, [late]))


def test_trials_left_out_of_the_baseline_are_told_once_for_all_cells() -> None:
    lost: dict[str, Any] = {"pairing": "welch", "left_out": ("scratch seed 7: collapsed to chance",)}
    found = [shown("neutral", **lost), shown("neutral", source="far", **lost)]
    assert left_out(found) == [("scratch on glyphs n=40", "9/10", "seed 7: collapsed to chance")]


def test_a_late_look_is_told_with_its_joint_level() -> None:
    text = "First reported at full level; joint level up to twice alpha (10 %)."
    late = RUN.model_copy(update={"late": True})
    assert text in limits(late, [shown("neutral")])
    assert text not in limits(RUN, [shown("neutral")])


def test_skewness_of_a_handful_is_not_told() -> None:
    assert not any("Skewed" in line for line in limits(RUN, [shown("inconclusive", n_pairs=4, skewness=1.4)]))


def test_needs_are_told_for_undecided_cells_and_never_beyond_ten_times_the_seeds_at_hand() -> None:
    found = [
        shown("inconclusive", n_own=5),
        shown("inconclusive", source="far", n_own=5, seeds_needed=None),
        shown("inconclusive", source="further", n_own=5, seeds_needed=56),
        shown("inconclusive", source="edge", n_own=5, seeds_needed=55),
        shown("inconclusive", source="null", role="control", n_own=5),
        shown("inconclusive", source="one", n_pairs=1, n_own=1),
        shown("neutral", source="kin", n_own=5),
    ]
    beyond = "more than 10 times the seeds at hand"
    assert [(need.cell, need.seeds) for need in insights.needs(found)] == [
        ("near by finetune on glyphs n=40", "about 7"),
        ("far by finetune on glyphs n=40", beyond),
        ("further by finetune on glyphs n=40", beyond),
        ("edge by finetune on glyphs n=40", "about 50"),
    ]
    (line,) = insights.needed(found)
    assert line == (
        "Of 4 undecided cells 2 are likely decided by about 7 to 50 further seeds if the true gain equals this "
        "estimate; 2 would need more than 10 times the seeds at hand."
    )
    assert insights.needed(found[-1:]) == []


def test_remarks_fit_the_room_that_there_is() -> None:
    found = [shown("inconclusive", 0.01 * i, source=f"s{i}", similarity={"leep": i}, n_own=5) for i in range(4)]
    judged = judged_of(found)
    whole, short = sentences.remarks(judged), sentences.remarks(judged, most=4)
    assert len(short) == 4
    assert short[-1] == f"{len(whole) - 3} further remarks are left out here."
    assert set(short[:-1]) < set(whole)
    assert sentences.remarks(judged, most=100) == whole


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
    assert set(plain) == set(report.json_schema()["required"])
    assert plain["suite"] == "synthetic"
    assert [one["verdict"] for one in plain["cells"]] == ["negative", "neutral", "positive"]
    assert plain["cells"][0]["gain"] == -0.1


def test_the_published_schema_is_that_of_the_report_and_reads_what_is_written() -> None:
    """`tlbench report --schema > docs/report.schema.json` makes it anew."""
    published = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text())
    assert published == json.loads(json.dumps(report.json_schema()))
    plain = json.loads(json.dumps(report.as_json(judged_of([shown("negative", -0.1), shown("invalid", None)]))))
    assert set(published["properties"]) == set(plain)
    assert set(published["$defs"]["Verdict"]["properties"]) == set(plain["cells"][0])
    read = TypeAdapter(Report).validate_json(json.dumps(plain))
    assert [cell.verdict for cell in read.cells] == ["negative", "invalid"]


def test_json_cells_have_every_field_of_a_verdict() -> None:
    (one,) = report.as_json(judged_of([shown("neutral")]))["cells"]
    assert set(one) == set(Verdict.__dataclass_fields__)
    assert {"gain", "interval", "n_pairs", "p_adjusted", "share_hurt", "share_hurt_interval", "baseline"} <= set(one)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_terminal_report_fits_its_width(run_folder: Path, width: int) -> None:
    lines = printed(judge_run(run_folder), width=width).splitlines()
    assert max(len(line) for line in lines) <= width


def test_the_terminal_report_has_all_its_parts(run_folder: Path) -> None:
    text = printed(judge_run(run_folder))
    parts = [
        "Of 4 cells, 1 positive, 1 negative, 1 undecided, 1 unstable, all within the budget.",
        "Controls: what must come out, and what did",
        "not be",
        "synthetic: verdicts, worst first",
        "!! NEGATIVE within",
        "(confirmed)",
        "!  unstable",
        "?  inconclusive",
        "++ positive within",
        "Of 1 undecided cell ",
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
        "Controls: what must come out, and what did",
        "Verdicts, worst first",
        "What limits this, and what else the run says",
        "By source and method",
        "Undecided: how many seeds more",
        "The three axes: final, convergence, cost",
        "Gains",
        "Notes",
        "Environment",
    ]
    assert page.startswith("# synthetic\n\nMade up.\n\n4 cells: ")
    assert "![gain-heatmap](figures/gain-heatmap.svg)\n\nGains. In points." in page
    first = report.markdown(judge_run(run_folder), [DRAWING], DRAWING)
    assert first.index("![gain-heatmap]") < first.index("## Controls")
    assert first.count("![gain-heatmap]") == 1
    assert "seed 1 failed: ValueError: no" in page
    assert "classes &lt;b&gt;1&lt;/b&gt; \\| 2" in page


def test_markdown_without_controls_or_notes_says_so() -> None:
    page = report.markdown(judged_of([shown("neutral")]))
    assert "No controls were run." in page
    assert "## Notes\n\n- none\n" in page


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
    answer = (
        "glyphs n=40 within the budget: start from near by finetune (68.0), this checkpoint; the other arm is "
        "significantly worse at 5 shared seeds."
    )
    assert [start.sentence() for start in judged.starts] == [answer]
    assert f"\n{answer}\n" in report.markdown(judged).replace("\\", "")
    assert report.as_json(judged)["starts"][0]["n_arms"] == 2


def test_arms_that_cannot_be_told_apart_are_named_together(tmp_path: Path) -> None:
    write_pair(tmp_path, around(0.001, 0.01, 5))
    (start,) = judge_run(tmp_path).starts
    assert {name for name, _ in start.best} == {"scratch", "near by finetune"}
    assert "start from any of" in start.sentence()
    assert start.sentence().endswith("; no arm is significantly worse at 5 shared seeds.")


def test_arms_that_cannot_be_compared_are_named_with_the_reason(run_folder: Path) -> None:
    write_arm(run_folder, cell("near", unfrozen=3).path, around(0.65, 0.005, 3))
    for seed in range(3, 10):
        (run_folder / cell("near").path / f"seed-{seed}.json").unlink()
    (start,) = judge_run(run_folder).starts
    apart = "; not compared: near by finetune (3 of at least 5 seeds), shaky by finetune (unstable)."
    assert start.sentence().endswith(apart)
    assert (start.n_arms, start.n_seeds, start.scratch) == (3, 10, True)


def test_many_targets_are_answered_in_one_sentence() -> None:
    def start(i: int, *, scratch: bool | None) -> Starts:
        best = () if scratch is None else (("scratch", 0.6),)
        return Starts(f"t{i}", best, 3, 5, name=f"t n={i}", scratch=scratch)

    judged = replace(judged_of([shown("neutral")]), starts=[start(i, scratch=i > 0) for i in range(4)])
    assert sentences.answer(judged)[-1] == (
        "On 3 of 4 targets scratch is among the arms to start from; on t n=0 it is significantly worse than the best."
    )
    judged = replace(judged, starts=[*judged.starts[1:], start(9, scratch=None)])
    assert sentences.answer(judged)[-1] == (
        "On 3 of 4 targets scratch is among the arms to start from; nothing can be said yet of t n=9."
    )


def test_overlapping_draws_widen_what_can_be_started_from(tmp_path: Path) -> None:
    write_pair(tmp_path, around(0.02, 0.01, 5))
    assert len(judge_run(tmp_path).starts[0].best) == 1
    for path in (BASELINE, cell("near").path):
        for seed in range(5):
            file = tmp_path / path / f"seed-{seed}.json"
            held = read_record(file, Outcome)
            assert held is not None
            replace(held, outcome=replace(held.outcome, pool=80)).write(file)
    assert len(judge_run(tmp_path).starts[0].best) == 2


def test_few_seeds_do_not_say_where_to_start_from(tmp_path: Path) -> None:
    write_pair(tmp_path, around(0.08, 0.01, 3))
    assert judge_run(tmp_path).starts[0].sentence() == (
        "glyphs n=40 within the budget: 3 shared seeds are too few to say where to start from."
    )


def test_an_unfinished_run_says_so_first() -> None:
    assert sentences.headline([shown("inconclusive", provisional=True)]).startswith(
        "Unfinished: 1 of 1 cells lack planned"
    )


def test_the_split_of_variance_stands_beside_the_probe() -> None:
    """Source draw, data draw, the rest and the test items, of the convex head, where trials could tell."""
    probe = shown("negative", -0.1, method="linear_probe", unfrozen=0)
    head = shown("negative", -0.08, method="features", role="beside", tau=0.004, split=Split(0.03, 0.01, 0.02, 5))
    (row,) = tables.besides(judged_of([probe, head])).rows
    assert row[-4:] == ("3.0", "1.0", "2.0", "0.4")
    (row,) = tables.besides(judged_of([probe, replace(head, split=None)])).rows
    assert row[-4:] == ("-", "-", "-", "0.4")
