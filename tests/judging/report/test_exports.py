"""Exports: JUnit, summary, annotations and history charts, as other programs read them."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.synthetic import accepted_cell
from tlbench.errors import TlbenchError
from tlbench.judging.changes import Change, Rule
from tlbench.judging.gate import Finding, Gate
from tlbench.judging.report import exports

DROP = Change("gain", "t/near/finetune", "dropped", 0.05, 0.01, -0.04, (-0.05, -0.03), 10, p_drop=0.0001)
SAME = Change("accuracy", "t/near/finetune", "unchanged", 0.6, 0.6, 0.0)
OTHER = Change("gain", "t/far/finetune", "source changed", 0.05, 0.04, -0.01)
GATE = Gate(
    "synthetic",
    [
        Finding("regression", "gain", "t/near/finetune", "fell, 50%\nby far", 1),
        Finding("failed trials", "", "t/far/finetune", "bad \x00 <loss>", 3),
        Finding("source changed", "gain", "t/far/finetune", "one draw", 0),
    ],
    [DROP, SAME, OTHER],
    Rule(),
    clocks=False,
)


def test_junit_has_a_case_a_comparison_and_counts_its_failures() -> None:
    (suite,) = ET.fromstring(exports.as_junit(GATE))  # noqa: S314  written by us
    cases = {(case.get("classname"), case.get("name")): [child.tag for child in case] for case in suite}
    assert cases == {
        ("synthetic.gain", "t/near/finetune"): ["failure"],
        ("synthetic.accuracy", "t/near/finetune"): [],
        ("synthetic.gain", "t/far/finetune"): ["skipped"],
        ("synthetic.failed trials", "t/far/finetune"): ["failure"],
    }
    assert [suite.get(key) for key in ("tests", "failures", "skipped")] == ["4", "2", "1"]


def test_annotations_are_escaped_and_as_loud_as_the_finding() -> None:
    lines = exports.annotations(GATE)
    assert lines[0] == "::error title=tlbench regression::regression: t/near/finetune (gain): fell, 50%25%0Aby far"
    assert lines[2].startswith("::warning title=tlbench source changed::")


def test_annotations_are_printed_where_github_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert not any(line.startswith("::") for line in exports.printed(GATE, ["opening"], as_json=False))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert sum(line.startswith("::") for line in exports.printed(GATE, ["opening"], as_json=False)) == 3


def test_the_outcome_is_plain_as_json() -> None:
    (text,) = exports.printed(GATE, [], as_json=True)
    plain = json.loads(text)
    assert (plain["code"], plain["findings"][0]["kind"], plain["changes"][0]["word"]) == (1, "regression", "dropped")


def test_a_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    exports.append_summary(exports.as_summary(GATE, ["gate *x*"]), {"GITHUB_STEP_SUMMARY": str(path)})
    text = path.read_text()
    assert text.startswith("before\n## tlbench gate: synthetic\n\ngate \\*x\\*")
    assert "| gain | t/near/finetune | dropped | +5.0 -&gt; +1.0, -4.0 \\[-5.0, -3.0\\]" in text


def test_a_summary_stays_below_what_github_takes(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("x" * 1_000_000)
    exports.append_summary("line é\n" * 20_000, {"GITHUB_STEP_SUMMARY": str(path)})
    assert path.stat().st_size < 1024 * 1024
    assert "further lines do not fit: see the page" in path.read_text(encoding="utf-8")[-60:]


def test_a_summary_without_a_step_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match="GITHUB_STEP_SUMMARY names, and it is not set"):
        exports.append_summary("x", {})
    with pytest.raises(TlbenchError, match="cannot append to"):
        exports.append_summary("x", {"GITHUB_STEP_SUMMARY": str(tmp_path)})


def test_charts_get_accuracies_and_never_gains() -> None:
    figures = accepted_cell([-0.05] * 5, base=[0.6, 0.61, 0.59, 0.6, 0.6])
    bmf, github = exports.bmf(figures), exports.github_benchmark(figures)
    scratch = bmf["t/net/scratch"]["accuracy"]
    assert scratch["value"] == 60
    assert scratch["lower_value"] < 60 < scratch["upper_value"]
    assert bmf["t/near/finetune"]["accuracy"]["value"] == 55
    assert [(one["name"], one["value"], one["unit"]) for one in github] == [
        ("t/near/finetune", 55.0, "% accuracy"),
        ("t/net/scratch", 60.0, "% accuracy"),
    ]
    assert all(one["value"] > 0 for one in github)


def test_an_arm_of_one_seed_is_exported_without_width() -> None:
    (arm, _) = exports.bmf(accepted_cell([0.1], base=[0.5])).values()
    assert arm["accuracy"] == {"value": 60.0}
    assert "range" not in exports.github_benchmark(accepted_cell([0.1], base=[0.5]))[0]
