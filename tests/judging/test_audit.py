"""A second judge, written from the protocol alone, agrees with the product's on runs made at random."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.audit import __main__ as audit
from benchmarks.audit import made
from tlbench.judging.report import as_json
from tlbench.judging.verdict import judge_run


def _report(folder: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(as_json(judge_run(folder))))
    return plain


@pytest.mark.parametrize("seed", range(6))
def test_both_judges_agree(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Families, looks, failures, leaks, both designs, losses and metrics whose items are no right or wrong."""
    folder = made.make(tmp_path / "run", made.at_random(seed))
    monkeypatch.setattr(audit, "report", _report)
    assert len(_report(folder)["cells"]) > 3
    assert list(audit.audited(folder)) == []


def test_a_judge_that_differs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made.make(tmp_path / "run", made.at_random(0))

    def altered(where: Path) -> dict[str, Any]:
        plain = _report(where)
        plain["cells"][0]["p_harm"] = 0.5 + plain["cells"][0]["p_harm"] / 2
        return plain

    monkeypatch.setattr(audit, "report", altered)
    assert any("p_harm" in line for line in audit.audited(folder))
