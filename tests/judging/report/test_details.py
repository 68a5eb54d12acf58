"""What a cell opens to: both learning curves on round axes, where it was run on, and what its verdict stands on."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.synthetic import BASELINE, around, cell, rising, shown, write_arm, write_failure, write_run
from tlbench.judging.report.details import details
from tlbench.judging.report.pictures import _ticks, curves
from tlbench.judging.verdict import Judged, Verdict, judge_run

CELL = cell("near")


def judged(folder: Path, seeds: int = 5, own: dict[str, Any] | None = None) -> Judged:
    """A run of one cell, both arms with curves, judged."""
    write_run(folder, [CELL], seeds)
    write_arm(folder, BASELINE, around(0.6, 0.01, seeds) if seeds > 1 else [0.6], rising(0.1, 0.6))
    write_arm(folder, CELL.path, around(0.7, 0.01, seeds) if seeds > 1 else [0.7], rising(0.2, 0.7), **(own or {}))
    return judge_run(folder)


def text_of(found: Judged, verdict: Verdict | None = None, **more: Any) -> str:
    return str(details(found.cells[0], verdict or found.verdicts[0], **more))


def test_both_arms_are_drawn_with_their_bands_on_named_axes(tmp_path: Path) -> None:
    found = judged(tmp_path)
    drawn = str(curves(found.cells[0], found.verdicts[0]))
    assert [drawn.count(f'class="{name}"') for name in ("own", "base", "own band", "base band")] == [2, 2, 1, 1]
    assert ">steps<" in drawn
    assert ">validation accuracy<" in drawn
    assert [float(tick) for tick in re.findall(r'text-anchor="end">([\d.]+)<', drawn)] == [0, 0.2, 0.4, 0.6, 0.8]
    assert "the arm</b> (n=5)" in drawn
    assert "Arrows" not in drawn


def test_an_arm_that_was_run_on_has_an_arrow_with_its_factor(tmp_path: Path) -> None:
    found = judged(tmp_path, own={"run_on": 4})
    drawn = str(curves(found.cells[0], found.verdicts[0]))
    assert re.findall(r">x([\d.]+)<", drawn) == ["4"]
    assert "run on beyond the budget" in drawn


def test_one_seed_is_drawn_without_a_gap(tmp_path: Path) -> None:
    found = judged(tmp_path, 1)
    drawn = str(curves(found.cells[0], found.verdicts[0]))
    assert "nan" not in drawn
    assert "(n=1)" in drawn


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.1, 0.93, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (-2.31, -0.4, (-2.5, -2.0, -1.5, -1.0, -0.5, 0.0)),
        (0.5, 0.5, (0.5, 0.5000002)),
    ],
)
def test_axes_end_at_round_numbers(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert _ticks(low, high) == ticks


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"shrunken": 0.081}, "expected on repetition<td>about +8.1 "),
        ({"sees": 0.034}, "seen with power 0.8<td>3.4"),
        ({"n_own": 4, "n_base": 10, "pairing": "welch"}, "<td>4 and 10, not paired (Welch)"),
        ({"correlation": 0.4}, "correlation at equal seeds<td>+0.40"),
        ({"pooled": True}, "by pooled variance"),
        ({"draw": "all"}, "one draw for all seeds"),
        ({"reuse": 0.3}, "30% of the pool"),
        ({"labelled": 60}, "60, of them 40 to train on"),
        ({"checkpoint": True}, "one checkpoint"),
        ({"at_edge": True, "baseline_at_edge": True}, "the arm and scratch: most seeds chose"),
        ({"similarity": {"leep": -1.5}}, "leep<td>-1.5"),
        ({"left_out": ("seed 3: collapsed to chance",)}, "Not judged: seed 3: collapsed to chance."),
        ({"left_out": tuple(f"seed {i}: a" for i in range(11))}, "; and 3 more."),
    ],
)
def test_what_a_verdict_stands_on_is_told_where_it_is_so(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    found = judged(tmp_path)
    plain = {"checkpoint": False, "correlation": None, "shrunken": None, "sees": None, "labelled": 0}
    assert text in text_of(found, shown("positive", **(plain | changes)))
    assert text not in text_of(found, shown("positive", **plain))


def test_the_cell_is_read_by_other_budgets_metrics_and_the_convex_head(tmp_path: Path) -> None:
    found = judged(tmp_path)
    brief = {"verdict": "negative", "gain": -0.02, "interval": [-0.03, -0.01]}
    loss = {"gain": 0.125, "interval": None, "n_pairs": 5, "score": 1.25, "baseline_score": 1.375}
    verdict = shown("positive", by_protocol={"plateau": brief, "equal_steps": brief}, others={"log_loss": loss})
    head = shown("neutral", 0.0, method="features", role="beside", score=0.6)
    text = text_of(found, verdict, head=head)
    assert "<td>at the plateau<td>negative<td>-2.0 [-3.0, -1.0]" in text
    assert "<td>log_loss<td>-<td>+0.125<td>1.250<td>1.375" in text
    assert "<td>features beside it<td>neutral<td>+0.0 [-2.0, +2.0]<td>60.0" in text
    assert "read otherwise" not in text_of(found, shown("positive", by_protocol={"plateau": brief}))


def test_a_seed_that_is_not_judged_says_why(tmp_path: Path) -> None:
    judged(tmp_path)
    write_failure(tmp_path, CELL.path, 2, "ValueError: broke")
    text = text_of(judge_run(tmp_path))
    row = next(row for row in text.split("<tr>") if row.startswith("<td>2<td>"))
    assert "broke" in row
    assert "<table class=seeds>" not in text_of(judge_run(tmp_path), brief=True)
