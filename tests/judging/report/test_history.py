"""History: accepted gains commit by commit, from git."""

import subprocess
from pathlib import Path

import pytest

from tests.synthetic import accepted_cell
from tlbench.errors import TlbenchError
from tlbench.judging.accepted import write_accepted
from tlbench.judging.changes import Rule
from tlbench.judging.report import history

PATH = "t/near/finetune"
RULE = Rule(0.05)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three commits: a gain of 5 points, then 1, then a file that cannot be read."""
    git(tmp_path, "init", "-q")
    for gain, subject in ((0.05, "first"), (0.01, "worse")):
        write_accepted(accepted_cell([gain + 0.001 * (i % 3) for i in range(10)]), tmp_path)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", subject)
    (tmp_path / "synthetic.json").write_text("{}")
    git(tmp_path, "commit", "-qam", "broken")
    write_accepted(accepted_cell([0.01 + 0.001 * (i % 3) for i in range(10)]), tmp_path)
    return tmp_path


def test_points_are_the_commits_and_what_moved(folder: Path) -> None:
    moved = history.read_history(folder / "synthetic.json", RULE)
    points, said = moved.points, moved.left_out
    assert [(point.subject, point.text(PATH)) for point in points] == [("first", "+5.1"), ("worse", "+1.1 v")]
    assert len(said) == 1
    assert "is left out" in said[0]


def test_uncommitted_figures_come_last(folder: Path) -> None:
    write_accepted(accepted_cell([0.08 + 0.001 * (i % 3) for i in range(10)]), folder)
    moved = history.read_history(folder / "synthetic.json", RULE)
    assert (moved.points[-1].commit, moved.points[-1].text(PATH)) == ("working tree", "+8.1 ^")


def test_the_table_shows_the_last_points_and_json_all(folder: Path) -> None:
    moved = history.read_history(folder / "synthetic.json", RULE)
    head, rows = moved.rows(1)
    assert (len(head), rows) == (2, [[PATH, "+1.1 v"]])
    plain = moved.as_dict()
    assert plain["gains"][PATH] == pytest.approx([0.0509, 0.0109])
    assert plain["moved"] == [{}, {PATH: "dropped"}]


def test_a_cell_that_is_not_there_yet_has_a_dash(folder: Path) -> None:
    moved = history.read_history(folder / "synthetic.json", RULE)
    assert moved.points[0].text("t/far/finetune") == "-"


def test_the_figure_has_a_line_a_cell(folder: Path) -> None:
    moved = history.read_history(folder / "synthetic.json", RULE)
    assert "near by finetune on t" in moved.drawn()


def test_without_a_commit_or_git_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match=r"git in .*history reads accepted files from git"):
        history.read_history(tmp_path / "synthetic.json", RULE)
    with pytest.raises(TlbenchError, match="no folder"):
        history.read_history(tmp_path / "none" / "synthetic.json", RULE)
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "--allow-empty", "-qm", "empty")
    with pytest.raises(TlbenchError, match=r"no commit has .*then commit it"):
        history.read_history(tmp_path / "synthetic.json", RULE)
