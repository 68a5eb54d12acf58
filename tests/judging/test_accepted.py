"""Accepted files: small, one line an arm or cell, read back equal, and refused in one line where they are not right."""

import json
from pathlib import Path

import pytest

from tests.synthetic import (
    BASELINE,
    accepted_cell,
    around,
    cell,
    control,
    rising,
    write_arm,
    write_failure,
    write_run,
)
from tlbench.errors import TlbenchError
from tlbench.judging.accepted import accepted_of, finished, read_accepted_or_run, text_of, varies, write_accepted
from tlbench.judging.verdict import judge_run

N = 5


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A cell with curves, of which one trial failed, and a control."""
    write_run(tmp_path, [cell("near"), control("null", "unflagged")], N)
    levels = around(0.6, 0.01, N)
    write_arm(tmp_path, BASELINE, levels, rising())
    for planned in (cell("near"), control("null", "unflagged")):
        write_arm(tmp_path, planned.path, [level + 0.05 for level in levels], rising(0.2, 0.7))
    write_failure(tmp_path, cell("near").path, 3)
    return tmp_path


def test_a_run_comes_down_to_arms_and_cells(run_folder: Path) -> None:
    figures = accepted_of(judge_run(run_folder))
    near = figures.cells[cell("near").path]
    assert set(figures.arms) == {BASELINE, cell("near").path, cell("null").path}
    assert (near.seeds, near.role, near.baseline, near.n_test) == ([0, 1, 2, 4], "cell", BASELINE, 10_000)
    assert near.gain == pytest.approx([0.05] * 4)
    assert [(pair[0] - pair[1]) / near.n_test for pair in near.apart if pair] == pytest.approx(near.gain)
    arm = figures.arms[cell("near").path]
    assert (arm.failed, arm.seeds) == ([3], [0, 1, 2, 4])
    assert arm.area[0] == pytest.approx(0.35)


def test_the_replay_digest_tells_records_apart(run_folder: Path) -> None:
    before = accepted_of(judge_run(run_folder)).arms[BASELINE].replay
    assert len(set(before)) == N
    write_arm(run_folder, BASELINE, around(0.6, 0.01, N), rising(0.1, 0.61))
    after = accepted_of(judge_run(run_folder)).arms[BASELINE].replay
    assert not set(before) & set(after)


def test_a_file_is_read_back_equal_and_changes_by_the_line(run_folder: Path, tmp_path: Path) -> None:
    figures = accepted_of(judge_run(run_folder))
    path = write_accepted(figures, tmp_path / "accepted")
    assert path.name == "synthetic.json"
    assert read_accepted_or_run(path) == figures == read_accepted_or_run(run_folder)
    lines = text_of(figures).splitlines()
    assert sum("/near/" in line for line in lines) == 2, "an arm and a cell"
    assert len(lines) == len(set(lines))


def test_an_unfinished_run_is_refused(run_folder: Path) -> None:
    assert finished(judge_run(run_folder)).folder == run_folder
    (run_folder / BASELINE / "seed-2.json").unlink()
    with pytest.raises(TlbenchError, match="2 cells lack planned trials; run the suite to its end first"):
        finished(judge_run(run_folder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 1}, "protocol changed: .* was accepted under edition 1 and this tlbench judges by 3"),
        ({"schema_version": 9}, "has schema version 9, this tlbench reads 3; accept a run anew"),
        ({"extra": 1}, "is not an accepted file: extra: Extra inputs are not permitted"),
        ({"arms": {}}, "needs the arm"),
        ({"suite": []}, "is not an accepted file: suite: Input should be a valid string"),
        (
            {"settings": {"margin": 0.005, "convergence_margin": 0.01}},
            "is not an accepted file: settings: alpha is missing; accept a run anew",
        ),
        ({"environment": {"device": "cpu"}}, "is not an accepted file: threads: Field required"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, change: dict[str, object], message: str) -> None:
    plain = json.loads(text_of(accepted_cell([0.05] * N)))
    (tmp_path / "a.json").write_text(json.dumps(plain | change))
    with pytest.raises(TlbenchError, match=message) as caught:
        read_accepted_or_run(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_lists_of_unequal_length_are_refused(tmp_path: Path) -> None:
    plain = json.loads(text_of(accepted_cell([0.05] * N)))
    for part, key in (("arms", "score"), ("cells", "gain")):
        broken = json.loads(json.dumps(plain))
        broken[part]["t/near/finetune"][key].pop()
        (tmp_path / "a.json").write_text(json.dumps(broken))
        with pytest.raises(TlbenchError, match="its lists are not equally long"):
            read_accepted_or_run(tmp_path / "a.json")


def test_nothing_at_a_path_is_said(tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match=r"nothing at .*give a run's folder"):
        read_accepted_or_run(tmp_path / "none")


def test_one_draw_of_weights_does_not_vary() -> None:
    assert not varies(["a", "a"])
    assert not varies([None, None])
    assert varies(["a", "b"])


@pytest.mark.parametrize(
    ("key", "value"), [("seeds", [0] * N), ("source_accuracy", 1.5), ("score", [float("nan")] * N)]
)
def test_figures_that_cannot_be_are_refused(tmp_path: Path, key: str, value: object) -> None:
    plain = json.loads(text_of(accepted_cell([0.05] * N)))
    plain["arms"]["t/near/finetune"][key] = value
    (tmp_path / "a.json").write_text(json.dumps(plain))
    with pytest.raises(TlbenchError, match="is not an accepted file"):
        read_accepted_or_run(tmp_path / "a.json")
