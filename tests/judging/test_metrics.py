"""Metrics that are not accuracy: losses, whose gains are positive where they fall, and items that are numbers."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.synthetic import BASELINE, TARGET, accepted_cell, cell, measured, only, record, suite_of, write_run
from tlbench.errors import TlbenchError
from tlbench.frame import read
from tlbench.judging import report
from tlbench.judging.accepted import accepted_of, read_accepted_or_run, write_accepted
from tlbench.judging.changes import Rule, changes
from tlbench.judging.gate import Demands, check_gate
from tlbench.judging.stats import Floats
from tlbench.judging.verdict import judge_run

N, ITEMS = 10, 500
OWN, CHANCE_LOSS = cell("near").path, 2.3


def losses(mean: float, seed: int) -> Floats:
    """Each item's loss, at a mean that varies a little from seed to seed; half of it is the item's own at any seed."""
    items, random = np.random.default_rng(0).exponential(mean, ITEMS), np.random.default_rng([1, seed])
    drawn = (items + random.exponential(mean, ITEMS)) / 2
    return np.asarray(drawn * mean / drawn.mean() + random.normal(0, 0.004), dtype=np.float64)


def write_loss_arm(folder: Path, path: str, means: dict[int, float]) -> None:
    for seed, mean in means.items():
        loss = measured(losses(mean, seed), chance=CHANCE_LOSS, chance_limit=2.2, higher_is_better=False)
        made = record(seed, 0.5, arm=path, metric="log_loss", measured={"log_loss": loss})
        made.write(folder / path / f"seed-{seed}.json")


def write_loss_run(folder: Path, own: float, base: float = 0.8, **changes: Any) -> Path:
    """A run of one cell that is judged by its loss."""
    write_run(folder, [cell("near")], N, suite=suite_of(metric="log_loss"), **changes)
    for path, mean in ((BASELINE, base), (OWN, own)):
        write_loss_arm(folder, path, dict.fromkeys(range(N), mean))
    return folder


@pytest.mark.parametrize(("own", "word"), [(0.7, "positive"), (0.9, "negative")])
def test_a_loss_that_falls_is_a_gain(tmp_path: Path, own: float, word: str) -> None:
    verdict = only(write_loss_run(tmp_path, own))
    assert verdict.verdict == word
    assert verdict.gain == pytest.approx(0.8 - own, abs=0.01)
    assert (verdict.score, verdict.baseline_score) == pytest.approx((own, 0.8), abs=0.01)
    assert (verdict.metric, verdict.share_hurt) == ("log_loss", 0 if word == "positive" else 1)


def test_a_loss_no_better_than_a_guess_is_a_collapse(tmp_path: Path) -> None:
    write_loss_run(tmp_path, 0.7)
    write_loss_arm(tmp_path, OWN, {3: 2.4})
    assert (only(tmp_path).failed, only(tmp_path).n_pairs) == (1, N - 1)
    write_loss_arm(tmp_path, BASELINE, dict.fromkeys(range(N), 2.4))
    assert only(tmp_path).verdict == "invalid"


def test_the_start_is_the_arm_with_the_least_loss(tmp_path: Path) -> None:
    (start,) = judge_run(write_loss_run(tmp_path, 0.7)).starts
    assert [name for name, _ in start.best] == ["near by finetune"]
    assert start.best[0][1] == pytest.approx(0.7, abs=0.01)


def test_tau_of_numbers_is_that_of_the_items(tmp_path: Path) -> None:
    verdict = only(write_loss_run(tmp_path, 0.7))
    own, base = (np.array([losses(mean, seed).astype("<f4") for seed in range(N)], np.float64) for mean in (0.7, 0.8))
    gains = base - own
    residual = gains - gains.mean(0) - gains.mean(1)[:, None] + gains.mean()
    noise = (residual**2).sum() / ((N - 1) * (ITEMS - 1))
    expected = max(0.0, gains.mean(0).var(ddof=1) / ITEMS - noise / (N * ITEMS))
    assert verdict.tau == pytest.approx(np.sqrt(expected), rel=1e-9)
    assert verdict.tau > 0


def test_a_run_that_is_judged_by_a_loss_is_rendered_and_read(tmp_path: Path) -> None:
    judged = judge_run(write_loss_run(tmp_path, 0.7))
    page = report.render(judged).read_text(encoding="utf-8")
    assert re.search(r'<td data-title="log_loss">0\.(69|70)\d<', page)
    assert "| scratch | log\\_loss |" in report.markdown(judged)
    assert read(tmp_path).columns.tolist()[4:] == ["status", "log_loss", "seconds", "steps"]


def test_a_larger_loss_is_a_drop(tmp_path: Path) -> None:
    accepted = accepted_of(judge_run(write_loss_run(tmp_path / "a", 0.7)))
    path = write_accepted(accepted, tmp_path / "accepted")
    assert read_accepted_or_run(path) == accepted
    assert accepted.arms[OWN].score[0] == pytest.approx(0.7, abs=0.02)
    assert accepted.cells[OWN].apart == [None] * N  # no item is right or wrong
    worse = judge_run(write_loss_run(tmp_path / "b", 0.75))
    words = {change.axis: change.word for change in changes(accepted, accepted_of(worse), Rule()) if change.path == OWN}
    assert words == {"gain": "dropped", "accuracy": "dropped"}
    assert check_gate(accepted, worse, Rule(), Demands()).code == 1


def test_runs_of_two_metrics_are_not_compared(tmp_path: Path) -> None:
    accuracy = accepted_cell([0.05] * N)
    judged = judge_run(write_loss_run(tmp_path, 0.7))
    message = "'synthetic' is judged by accuracy, 'synthetic' by log_loss; compare runs of one metric"
    with pytest.raises(TlbenchError, match=message):
        changes(accuracy, accepted_of(judged), Rule())
    with pytest.raises(TlbenchError, match=message) as told:
        check_gate(accuracy, judged, Rule(), Demands())
    assert "\n" not in str(told.value)


def test_a_verdict_tells_what_the_user_typed(tmp_path: Path) -> None:
    plain = only(write_loss_run(tmp_path, 0.7)).as_dict()
    specs = [plain[key] for key in ("source_spec", "dataset_spec", "method_spec")]
    assert specs == [{"name": "trained", "label": "near"}, "glyphs", "finetune"]
    assert (plain["target"], list(plain)[:2]) == (TARGET, ["source", "source_spec"])
