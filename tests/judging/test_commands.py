"""The commands of the judging wing as a user or a CI meets them: exit codes, files, one line an error."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.program import Run, program
from tests.synthetic import BASELINE, around, write_pair


@pytest.fixture
def tlbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command beside two finished runs made by the code at hand, `a`, and `b` that is four points worse."""
    monkeypatch.setattr("tlbench.environment.code_digest", lambda: "0")
    monkeypatch.chdir(tmp_path)
    write_pair(tmp_path / "a", around(0.05, 0.005, 10))
    write_pair(tmp_path / "b", [gain - 0.04 for gain in around(0.05, 0.004, 10)])
    return program(monkeypatch, capsys)


def test_accept_then_gate_holds_and_fails(tlbench: Run) -> None:
    code, out, err = tlbench("accept", "a")
    assert (code, err) == (0, "")
    assert "results/accepted/synthetic.json, 1 cells, 2 arms, 10 seeds or more" in out
    assert tlbench("gate", "a")[0] == 0
    code, out, _ = tlbench("gate", "b")
    assert code == 1
    assert out.startswith("regression: glyphs-n40/near/finetune (gain)")


def test_accepting_few_seeds_is_told(tlbench: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "few", around(0.05, 0.005, 5))
    assert "5 seeds see little; run the suite with --seeds 10 for a gate" in tlbench("accept", "few")[2]


def test_gate_without_anything_accepted_exits_with_five(tlbench: Run) -> None:
    code, out, err = tlbench("gate", "a")
    assert (code, out) == (5, "")
    assert "nothing accepted yet at results/accepted/synthetic.json: tlbench accept a" in err


def test_gate_takes_a_file_and_writes_for_others(tlbench: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    tlbench("accept", "a", "--to", "kept")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    for place in ("kept", "kept/synthetic.json"):
        code, out, _ = tlbench("gate", "b", "--accepted", place, "--junit", "j.xml", "--summary", "--json")
        assert json.loads(out)["code"] == code == 1
    assert "<failure message=" in Path("j.xml").read_text(encoding="utf-8")
    assert Path("summary.md").read_text(encoding="utf-8").count("## tlbench gate") == 2


def test_gate_refuses_other_code_and_unfinished_runs(tlbench: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("b", BASELINE, "seed-0.json").unlink()
    code, _, err = tlbench("gate", "b")
    assert (code, "run the suite to its end first" in err) == (2, True)
    monkeypatch.setattr("tlbench.environment.code_digest", lambda: "1")
    code, _, err = tlbench("gate", "a")
    assert (code, "made by other code" in err) == (2, True)


def test_a_broken_accepted_file_is_one_line_and_exit_code_2(tlbench: Run) -> None:
    Path("x.json").write_text('{"schema_version": 3}')
    code, _, err = tlbench("gate", "a", "--accepted", "x.json")
    assert code == 2
    assert err.count("\n") == 1


def test_what_an_earlier_edition_accepted_is_accepted_anew(tlbench: Run) -> None:
    """With an exit code of its own: neither held nor broken."""
    Path("x.json").write_text('{"schema_version": 2}')
    code, out, err = tlbench("gate", "a", "--accepted", "x.json")
    assert (code, out) == (6, "")
    assert "protocol changed: x.json was accepted under edition 2" in err
    assert err.count("\n") == 1


def test_compare_prints_what_changed(tlbench: Run) -> None:
    code, out, _ = tlbench("compare", "a", "b")
    assert code == 0
    assert "dropped" in out
    assert "the same commit, code, versions, machine and settings" in out
    plain = json.loads(tlbench("compare", "a", "b", "--json")[1])
    assert [one["word"] for one in plain["changes"] if one["axis"] == "gain"] == ["dropped"]


def test_export_writes_what_is_asked_for(tlbench: Run) -> None:
    assert tlbench("export", "a", "--bmf", "b.json", "--github-benchmark", "g.json")[0] == 0
    assert set(json.loads(Path("b.json").read_text(encoding="utf-8"))) == {BASELINE, "glyphs-n40/near/finetune"}
    assert len(json.loads(Path("g.json").read_text(encoding="utf-8"))) == 2
    code, _, err = tlbench("export", "a")
    assert (code, "nothing to write" in err) == (2, True)


def test_history_shows_the_working_tree(tlbench: Run) -> None:
    tlbench("accept", "a")
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], [*identity, "commit", "--allow-empty", "-qm", "x"]):
        subprocess.run(["git", *arguments], check=True)
    code, out, _ = tlbench("history", "synthetic", "--figure", "h.svg")
    assert code == 0
    assert "+5.0" in out
    assert Path("h.svg").read_text(encoding="utf-8").count("<svg") == 1
    assert json.loads(tlbench("history", "synthetic", "--json")[1])["points"][0]["commit"] == "working tree"


def test_a_report_is_a_page_beside_the_records(tlbench: Run) -> None:
    code, _, err = tlbench("report", "a")
    assert (code, "report: a/report.html" in err) == (0, True)
    assert Path("a/report.html").is_file()


def test_a_report_tells_what_fits_a_page_and_with_all_the_rest(tlbench: Run) -> None:
    few, whole = (tlbench("report", "a", *more)[1] for more in ((), ("--all",)))
    assert max(map(len, [*few.splitlines(), *whole.splitlines()])) <= 100
    assert ("By source and method" in few, "By source and method" in whole) == (False, True)
    assert "with --all" in few
