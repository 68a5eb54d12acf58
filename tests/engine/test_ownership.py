"""Nothing that is not a run's own is removed or written over, whatever a suite is called and a manifest says."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.synthetic import cell, write_run
from tests.tiny import tiny_suite
from tlbench.engine.ownership import clear, refuse_what_is_not_ours
from tlbench.errors import TlbenchError
from tlbench.judging.accepted import named
from tlbench.records import DRAWN_BY, Outcome, Record, Timing
from tlbench.run import read_run
from tlbench.suite import read_suite

CELL = "target/source/finetune"
OTHERS = ("notes.txt", "photos/cat.jpg", "target/source/finetune/mine.json", "a/b/c/seed-0.json", "figures/mine.svg")


def _record(path: Path) -> None:
    Record("trial", {"seed": 0}, Outcome(failure="no"), Timing(), {}).write(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder: its own files, a record of an earlier plan, what a killed process left, and a user's files."""
    folder = tmp_path / "results" / "mine"
    for name in OTHERS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("[1]")
    _record(folder / CELL / "seed-0.json")
    (folder / CELL / "seed-1.json").write_text('{"cut off')
    (folder / CELL / ".seed-2.json.77.partial").write_text("")
    _record(folder / "target/source/last_k-1/timing-0.json")
    _manifest(folder, CELL)
    (folder / "report.html").write_text("page")
    (folder / "figures" / "forest.svg").write_text(f"<svg><desc>{DRAWN_BY}</desc></svg>")
    (folder / "figures" / "forest.csv").write_text("gain")
    return folder


def _manifest(folder: Path, cell: str) -> None:
    cells = [{"path": cell, "baseline": cell, "baselines": {"equal_steps": cell}}]
    (folder / "run.json").write_text(json.dumps({"schema_version": 1, "suite": {}, "cells": cells}))


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_fresh_start_removes_what_is_the_runs_and_leaves_the_rest(folder: Path) -> None:
    assert clear(folder) == len(OTHERS)
    assert _files(folder) == set(OTHERS)
    assert not (folder / "target/source/last_k-1").exists()


def test_a_folder_with_nothing_else_goes(folder: Path) -> None:
    for name in OTHERS:
        (folder / name).unlink()
    assert clear(folder) == 0
    assert not _files(folder)
    assert folder.parent.exists()


def test_no_link_and_no_manifest_leads_outside(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    _record(outside / "method" / "seed-0.json")
    _record(outside / "seed-0.json")
    (folder / "linked" / "deep").mkdir(parents=True)
    (folder / "linked" / "deep" / "method").symlink_to(outside / "method")
    (folder / "whole").symlink_to(outside)
    _manifest(folder, "../../outside")
    clear(folder)
    assert _files(outside) == {"method/seed-0.json", "seed-0.json"}


@pytest.mark.parametrize("text", ["{}", "[]", '{"cells": 3}', "not json"])
def test_a_run_file_of_somebody_else_is_neither_cleared_nor_written_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    for act in (clear, refuse_what_is_not_ours):
        with pytest.raises(TlbenchError, match=r"run\.json"):
            act(tmp_path)
    assert (tmp_path / "run.json").read_text() == text


@pytest.mark.parametrize("name", ["report.md", "report.html", "figures"])
def test_a_first_run_does_not_write_over_a_report_of_somebody_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(TlbenchError, match="not a run's and would be written over"):
        refuse_what_is_not_ours(tmp_path)


@pytest.mark.parametrize("name", [".", "..", "/", "../..", "--", "日本"])
def test_a_suite_that_no_folder_can_be_named_by_is_refused(name: str) -> None:
    with pytest.raises(TlbenchError, match="needs a letter or a digit"):
        tiny_suite(name=name)


@pytest.mark.parametrize(
    ("name", "slug"), [("../../up", "up"), ("/etc/passwd", "etc-passwd"), ("My suite", "my-suite")]
)
def test_a_suites_name_stays_within_its_folder(name: str, slug: str) -> None:
    assert tiny_suite(name=name).name == slug


def test_a_suite_without_a_name_has_its_files(tmp_path: Path) -> None:
    text = 'name = ""\ntargets = [{ dataset = "patterns", n_train = 32 }]\n'
    text += '[[cross]]\nsources = ["null"]\nmethods = ["finetune"]\n'
    (tmp_path / "Mine.toml").write_text(text)
    assert read_suite(str(tmp_path / "Mine.toml")).name == "mine"


@pytest.mark.parametrize("name", ["..", "../../up", "/etc/up", "a/b", ""])
def test_nothing_is_accepted_under_a_name_that_leads_elsewhere(name: str) -> None:
    with pytest.raises(TlbenchError, match="cannot name a file"):
        named(name)


@pytest.mark.parametrize(
    "change", [{"path": "../../a/b/c"}, {"baseline": "/etc/a/b"}, {"baselines": {"equal_steps": "a/../b"}}]
)
def test_a_run_file_whose_paths_lead_elsewhere_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    planned = cell("near")
    write_run(tmp_path / "sound", [planned])
    write_run(tmp_path / "bad", [planned.model_copy(update=change)])
    assert read_run(tmp_path / "sound").cells
    with pytest.raises(TlbenchError, match="is no cell's path") as told:
        read_run(tmp_path / "bad")
    assert "\n" not in str(told.value)


def test_a_run_file_that_lacks_something_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")])
    plain = json.loads((tmp_path / "run.json").read_text())
    del plain["cells"][0]["method"]["label"]
    (tmp_path / "run.json").write_text(json.dumps(plain))
    with pytest.raises(TlbenchError, match=r"run\.json: cells\.0\.method\.label: Field required; run") as told:
        read_run(tmp_path)
    assert "\n" not in str(told.value)
