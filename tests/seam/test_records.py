"""Records: whole or not at all, read back as written, and refused where damaged."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.synthetic import (
    CHANCE,
    TARGET,
    cell,
    control,
    failure,
    measured,
    record,
    rising,
    similar,
    write_arm,
    write_failure,
    write_run,
    write_scores,
)
from tlbench import records
from tlbench.errors import TlbenchError
from tlbench.frame import read
from tlbench.records import Outcome, Scores
from tlbench.runfile import read_run


def no_space(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes a JSON file by hand."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    change(plain)
    path.write_text(json.dumps(plain), encoding="utf-8")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A record on disk."""
    path = tmp_path / "a" / "b" / "seed-3.json"
    record(3, 0.5, arm="a", curve=rising()).write(path)
    return path


def test_a_record_reads_back_as_written(kept: Path) -> None:
    assert records.read_record(kept, Outcome) == record(3, 0.5, arm="a", curve=rising())


def test_a_record_on_disk_is_readable_json_with_its_digest(kept: Path) -> None:
    plain = json.loads(kept.read_text(encoding="utf-8"))
    assert plain["schema_version"] == records.SCHEMA_VERSION
    assert plain["recipe_digest"] == records.digest_of({"seed": 3, "arm": "a"})
    assert set(plain) == {
        "kind",
        "status",
        "recipe",
        "outcome",
        "timing",
        "environment",
        "schema_version",
        "recipe_digest",
        "outcome_digest",
    }


def test_an_edited_outcome_is_damage(kept: Path) -> None:
    plain = json.loads(kept.read_text(encoding="utf-8"))
    plain["outcome"]["measured"]["accuracy"]["score"] = 0.99
    kept.write_text(json.dumps(plain), encoding="utf-8")
    assert records.read_record(kept, Outcome) is None


def test_digests_do_not_depend_on_the_order_of_keys() -> None:
    assert records.digest_of({"a": 1, "b": [2, 3]}) == records.digest_of({"b": [2, 3], "a": 1})
    assert records.digest_of({"a": 1, "b": [2, 3]}) != records.digest_of({"a": 1, "b": [3, 2]})


def test_writing_leaves_nothing_but_the_record(kept: Path) -> None:
    assert list(kept.parent.iterdir()) == [kept]


def test_a_full_disk_leaves_no_partial_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", no_space)
    path = tmp_path / "run" / "seed-0.json"
    with pytest.raises(TlbenchError, match="No space left"):
        record(0, 0.5).write(path)
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_keeps_the_earlier_record(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept.read_bytes()
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(TlbenchError, match="free space or name another folder"):
        record(3, 0.9).write(kept)
    assert kept.read_bytes() == before
    assert list(kept.parent.iterdir()) == [kept]


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    path = tmp_path / "taken" / "near" / "seed-0.json"
    with pytest.raises(TlbenchError, match="cannot write") as told:
        record(0, 0.5).write(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_place_taken_by_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "seed-0.json" / "inner").mkdir(parents=True)
    with pytest.raises(TlbenchError, match="cannot write"):
        record(0, 0.5).write(tmp_path / "seed-0.json")
    assert [path.name for path in tmp_path.iterdir()] == ["seed-0.json"]


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        records.write_json(tmp_path / "x.json", {"accuracy": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_text_that_no_encoding_holds_is_written_escaped(tmp_path: Path) -> None:
    records.write_text(tmp_path / "page.md", "photos/\udcff")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "photos/\\udcff"


def test_no_record_is_none(tmp_path: Path) -> None:
    assert records.read_record(tmp_path / "seed-0.json", Outcome) is None
    assert records.read_record(tmp_path, Outcome) is None


def test_a_recipe_changed_by_hand_is_refused(kept: Path) -> None:
    edit(kept, lambda plain: plain.update(recipe={"arm": "a", "seed": 4}))
    assert records.read_record(kept, Outcome) is None


@pytest.mark.parametrize(
    "change",
    [
        {"recipe_digest": "0" * 16},
        {"recipe_digest": None},
        {"schema_version": 1},
        {"schema_version": records.SCHEMA_VERSION + 1},
    ],
)
def test_a_record_of_another_make_is_refused(kept: Path, change: dict[str, object]) -> None:
    edit(kept, lambda plain: plain.update(change))
    assert records.read_record(kept, Outcome) is None


@pytest.mark.parametrize("key", ["recipe", "outcome", "timing", "recipe_digest"])
def test_a_record_without_a_part_is_refused(kept: Path, key: str) -> None:
    edit(kept, lambda plain: plain.pop(key))
    assert records.read_record(kept, Outcome) is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_record_cut_short_is_refused(kept: Path, share: float) -> None:
    text = kept.read_text(encoding="utf-8")
    kept.write_text(text[: int(share * len(text))], encoding="utf-8")
    assert records.read_record(kept, Outcome) is None


def test_reading_json_tells_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(TlbenchError, match="no file at"):
        records.read_json(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(TlbenchError, match="cannot be read"):
        records.read_json(path)
    path.write_text("[1]")
    with pytest.raises(TlbenchError, match="is not a record"):
        records.read_json(path)


def test_a_run_reads_back(tmp_path: Path) -> None:
    run = write_run(tmp_path, [cell("near"), control("null", "unflagged")], notes=["a note"])
    assert read_run(tmp_path) == run


@pytest.mark.parametrize("version", [1, 99])
def test_a_run_of_another_schema_is_an_error(tmp_path: Path, version: int) -> None:
    write_run(tmp_path, [], schema_version=version)
    with pytest.raises(TlbenchError, match=f"schema version {version}, this tlbench reads 2"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "../../a/b/c"}, r"cells\.0\.path: '../../a/b/c' is no cell's path"),
        ({"baselines": {"equal_steps": "a/../b"}}, r"cells\.0\.baselines\.equal_steps: 'a/../b' is no cell's path"),
        ({"seeds": None}, r"cells\.0\.seeds: Input should be a valid integer"),
        ({"target": {"label": "t"}}, r"cells\.0\.target\.dataset: Field required"),
    ],
)
def test_a_run_that_is_not_right_is_refused_in_one_line(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    write_run(tmp_path, [cell("near")])
    edit(tmp_path / "run.json", lambda plain: plain["cells"][0].update(change))
    with pytest.raises(TlbenchError, match=message + "; run the suite again") as told:
        read_run(tmp_path)
    assert "\n" not in str(told.value)


def test_a_loss_is_better_as_it_falls() -> None:
    losses = [0.25, 1.0, 0.5]
    loss = measured(losses, chance=2.3, chance_limit=2.2, higher_is_better=False)
    assert (loss.value, loss.lift) == pytest.approx((-1.75 / 3, 2.3 - 1.75 / 3))
    assert loss.contributions().tolist() == [-0.25, -1.0, -0.5]
    assert not loss.at_chance
    assert measured([2.5], chance=2.3, chance_limit=2.2, higher_is_better=False).at_chance


def test_a_similarity_record_reads_back_and_a_failed_one_is_read_as_either(tmp_path: Path) -> None:
    path = tmp_path / "seed-0.json"
    similar(0, {"leep": -1.0, "logme": None}).write(path)
    assert records.read_record(path, Scores) == similar(0, {"leep": -1.0, "logme": None})
    failure("a", 1).write(path)
    assert records.read_record(path, Outcome) == failure("a", 1)


def test_all_sound_records_are_found_in_order(tmp_path: Path) -> None:
    write_arm(tmp_path, f"{TARGET}/b/finetune", [0.5, 0.6])
    write_arm(tmp_path, f"{TARGET}/a/finetune", [0.7])
    (tmp_path / TARGET / "b" / "finetune" / "seed-1.json").write_text("{")
    found = list(records.iterate(tmp_path))
    assert [path.relative_to(tmp_path / TARGET).parts for path, _ in found] == [
        ("a", "finetune", "seed-0.json"),
        ("b", "finetune", "seed-0.json"),
    ]
    assert [record.outcome.judged.score for _, record in found] == pytest.approx([0.7, 0.5])


def test_a_run_reads_as_a_table(tmp_path: Path) -> None:
    write_run(tmp_path, [])
    write_arm(tmp_path, f"{TARGET}/near/finetune", [0.5, CHANCE])
    write_failure(tmp_path, f"{TARGET}/near/direct", 0)
    write_scores(tmp_path, "near", 0, {"leep": -1.0})
    table = read(tmp_path)
    assert table.columns.tolist() == [
        "target",
        "source",
        "method",
        "seed",
        "status",
        "accuracy",
        "seconds",
        "steps",
    ]
    assert table["method"].tolist() == ["direct", "finetune", "finetune"]
    assert table["status"].tolist() == ["failed", "done", "done"]
    assert table["seed"].tolist() == [0, 0, 1]
    assert set(table["source"]) == {"near"}
    assert table["accuracy"][1:].tolist() == pytest.approx([0.5, CHANCE])
    assert pd.isna(table["accuracy"][0])


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match="give the folder that a run was written to"):
        read(tmp_path)


def test_a_run_without_records_reads_as_an_empty_table(tmp_path: Path) -> None:
    write_run(tmp_path, [])
    table = read(tmp_path)
    assert table.empty
    assert "accuracy" in table.columns
