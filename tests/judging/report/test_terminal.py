"""The terminal: what it leaves out and says so, how names fold, and that it fits."""

import io

import pytest
from rich.console import Console

from tests.synthetic import judged_of, run_of, shown
from tlbench.judging import report
from tlbench.judging.report.columns import fitted
from tlbench.judging.report.terminal import MOST, SCREEN
from tlbench.judging.verdict import Judged, Verdict

LONG = "trained:glyphs:a-rather-long-alphabet"
COLUMNS = ("verdict", "target", "source", "gain [interval]", "n", "p (Holm)")
ROW = (
    "!! NEGATIVE within the budget",
    "glyphs:lower n=240",
    "trained:glyphs:upper",
    "-44.1 [-48.8, -39.5]",
    "5/5",
    "1",
)


def printed(judged: Judged, width: int = 100, *, every: bool = False) -> list[str]:
    """The report as a terminal of this width without colour shows it."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(report.terminal(judged, width, every=every))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def many(count: int, word: str = "neutral") -> list[Verdict]:
    return [shown(word, 0.001 * i, source=f"{LONG}-{i:03}", protocol="plateau") for i in range(count)]


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_longer_than_the_terminal_and_no_name_is_cut(width: int) -> None:
    lines = printed(judged_of(many(3)), width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    assert any("alphabet-" in line for line in lines)


def test_a_wide_terminal_shows_every_column_and_a_narrow_one_those_that_matter_most() -> None:
    judged = judged_of(many(1))
    heads = {width: next(line for line in printed(judged, width) if line.startswith("verdict")) for width in (70, 160)}
    assert heads[160].split("  ")[-1].strip() == "accuracy"
    assert {"p (Holm)", "scratch", "hurt"} & {part.strip() for part in heads[70].split("  ")} == set()
    assert "gain [interval]" in heads[70]


def test_question_answer_controls_verdicts_and_remarks_come_in_this_order() -> None:
    found = [shown("negative", -0.1), shown("negative", -0.5, source="null", role="control", expect="negative")]
    text = "\n".join(printed(judged_of(found, run_of([])), 160))
    parts = ["0 cells: ", "Of 1 cell", "Controls: what must come out", "verdicts, worst first", "Gains are", "--all"]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_rows_beyond_a_screen_are_left_out_and_said_and_are_there_with_all() -> None:
    judged = judged_of(many(MOST + 5))
    few, whole = printed(judged, 160), printed(judged, 160, every=True)
    assert sum("== neutral" in line for line in few) == MOST
    assert any(f"the first {MOST} of {MOST + 5} rows" in line for line in few)
    table = whole[: next(i for i, line in enumerate(whole) if line.startswith("Gains"))]
    assert sum("== neutral" in line for line in table) == MOST + 5
    assert not any("rows; all of them" in line for line in whole)


def test_remarks_fill_no_more_than_a_screen_and_are_all_there_with_all() -> None:
    crowd = [
        shown("neutral", 0.01 * j, source=f"s{j}", method=f"m{i}", similarity={"leep": 1.0 * j})
        for i in range(40)
        for j in range(4)
    ]
    judged = judged_of(crowd)
    few, whole = printed(judged), printed(judged, every=True)
    last = max(i for i, line in enumerate(few) if "== neutral" in line or "rows; all" in line)
    assert len(few) - last <= SCREEN + 4
    assert sum("Rank correlation" in line for line in few) < 40
    assert sum("Rank correlation" in line for line in whole) == 40
    assert any("further remarks are left out" in line for line in few)


def test_notes_and_folded_tables_are_shown_with_all_alone() -> None:
    judged = judged_of([shown("inconclusive", notes=("a note of a trial",))])
    for text, there in (("\n".join(printed(judged)), False), ("\n".join(printed(judged, every=True)), True)):
        assert ("a note of a trial" in text) is there
        assert ("By source and method" in text) is there


def test_what_only_stands_beside_a_probe_has_no_row() -> None:
    probe = shown("negative", -0.1, method="linear_probe", unfrozen=0)
    head = shown("neutral", 0.0, method="features", role="beside")
    text = printed(judged_of([probe, head]), 160)
    assert not any(line.startswith("== neutral") for line in text)
    beside = [line for line in printed(judged_of([probe, head]), 160, every=True) if "features" in line]
    assert any("-10.0 [-12.0, -8.0]" in line and "+0.0 [-2.0, +2.0]" in line for line in beside)


def test_no_controls_and_nothing_but_controls_are_said() -> None:
    assert "No controls were run." in printed(judged_of([shown("neutral")]))
    assert "No cells beside controls." in printed(judged_of([shown("neutral", role="control")]))


def test_a_table_that_fits_is_left_as_it_is() -> None:
    columns, rows = fitted(COLUMNS, [ROW], 200, ("p (Holm)",))
    assert columns == list(COLUMNS)
    assert rows[0][1:] == list(ROW[1:])


def test_columns_that_can_be_spared_go_in_turn_before_names_take_a_third_line() -> None:
    columns, rows = fitted(COLUMNS, [ROW], 80, ("p (Holm)", "n"))
    assert columns == ["verdict", "target", "source", "gain [interval]", "n"]
    assert rows[0][:3] == ["!! NEGATIVE within\nthe budget", "glyphs:lower\nn=240", "trained:glyphs:\nupper"]


def test_names_are_folded_further_where_nothing_can_be_spared() -> None:
    columns, rows = fitted(COLUMNS, [ROW], 76)
    assert columns == list(COLUMNS)
    assert rows[0][1:3] == ["glyphs:\nlower\nn=240", "trained:\nglyphs:\nupper"]
