"""What a prediction costs, in a verdict: medians over seeds, the timing pass's where there was one, none if unknown."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.synthetic import BASELINE, cell, only, record, shown, write_run
from tlbench.judging.report.details import details
from tlbench.judging.verdict import judge_run


def _write(folder: Path, path: str, kind: str, milliseconds: list[float], parameters: int) -> None:
    for seed, each in enumerate(milliseconds):
        made = record(seed, 0.6, arm=path, parameters=parameters)
        timed = replace(made, timing=replace(made.timing, predict_seconds=each / 1000))
        machine = {"code": "0", "machine": {"fingerprint": "0"}}
        replace(timed, environment=machine).write(folder / path / f"{kind}-{seed}.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of one cell at five seeds."""
    write_run(tmp_path, [cell("near")])
    _write(tmp_path, cell("near").path, "seed", [1.0, 2.0, 3.0, 4.0, 90.0], 500)
    _write(tmp_path, BASELINE, "seed", [1.0] * 5, 510)
    return tmp_path


def test_the_median_over_seeds_is_told_for_both_sides(folder: Path) -> None:
    verdict = only(folder)
    assert (verdict.parameters, verdict.baseline_parameters) == (500, 510)
    assert (verdict.milliseconds, verdict.baseline_milliseconds) == pytest.approx((3.0, 1.0))


def test_the_timing_pass_is_preferred_where_it_has_both_sides(folder: Path) -> None:
    _write(folder, cell("near").path, "timing", [0.5] * 5, 500)
    assert only(folder).milliseconds == pytest.approx(3.0)
    _write(folder, BASELINE, "timing", [0.25] * 5, 510)
    assert (only(folder).milliseconds, only(folder).baseline_milliseconds) == pytest.approx((0.5, 0.25))


def test_records_that_do_not_tell_are_no_cost(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")])
    for path in (cell("near").path, BASELINE):
        record(0, 0.6, arm=path).write(tmp_path / path / "seed-0.json")
    verdict = only(tmp_path)
    assert (verdict.parameters, verdict.milliseconds) == (None, None)
    assert (verdict.baseline_parameters, verdict.baseline_milliseconds) == (None, None)


def test_a_cell_opens_to_what_a_prediction_costs(folder: Path) -> None:
    (one,) = judge_run(folder).cells
    text = "a prediction takes<td>11,300 parameters, 0.25 ms an item (scratch 0.125 ms)"
    verdict = shown("neutral", parameters=11_300, milliseconds=0.25, baseline_milliseconds=0.125)
    assert text in details(one, verdict)
    assert "a prediction" not in details(one, shown("neutral"))
