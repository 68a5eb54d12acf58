"""Where a record was made."""

import subprocess
from pathlib import Path

import pytest

from tlbench import environment


def test_the_description_has_all_its_parts() -> None:
    where = environment.describe("cpu (x)", 2)
    assert {"device", "threads", "machine", "versions", "code", "commit", "dirty"} == set(where)
    assert where["threads"] == 2
    assert where["versions"]["numpy"]


def test_the_code_digest_is_of_the_making_wing_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("trials", "judging"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "some.py").write_text("a = 1")
    monkeypatch.setattr(environment, "PACKAGE", tmp_path)

    def digest() -> str:
        environment.code_digest.cache_clear()
        return environment.code_digest()

    first = digest()
    (tmp_path / "judging" / "some.py").write_text("b = 2")
    assert digest() == first
    (tmp_path / "trials" / "some.py").write_text("a = 2")
    assert digest() != first
    environment.code_digest.cache_clear()


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGE", tmp_path / "tlbench")
    environment.commit.cache_clear()
    assert environment.commit() == {"commit": None, "dirty": None}
    environment.commit.cache_clear()


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    environment.commit.cache_clear()
    assert environment.commit() == {"commit": None, "dirty": None}
    environment.commit.cache_clear()
