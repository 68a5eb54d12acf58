"""The metrics that are shown beside the judged one: mean gains with a plain interval, and nothing that is judged."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.synthetic import BASELINE, cell, failure, measured, only, record, write_run
from tlbench.records import Measured

LOSSES, BASE_LOSSES = (0.8, 0.7, 0.9, 0.75, 0.6), (0.9, 0.85, 0.9, 0.95, 0.8)
OWN = cell("near").path


def loss(mean: float) -> Measured:
    return measured([mean, mean], chance=2.0, chance_limit=1.9, higher_is_better=False)


def write_arm(folder: Path, path: str, losses: tuple[float | None, ...]) -> None:
    """Seeds of one accuracy each, and of these losses; None: read by accuracy alone."""
    for seed, mean in enumerate(losses):
        made = record(seed, 0.5 + 0.01 * seed, arm=path)
        read = dict(made.outcome.measured) | ({} if mean is None else {"log_loss": loss(mean)})
        record(seed, 0.5, arm=path, measured=read).write(folder / path / f"seed-{seed}.json")


def test_a_further_metric_has_its_mean_gain_and_a_plain_interval(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")])
    write_arm(tmp_path, OWN, LOSSES)
    write_arm(tmp_path, BASELINE, BASE_LOSSES)
    verdict = only(tmp_path)
    gains = np.subtract(BASE_LOSSES, LOSSES)
    expected = stats.t.interval(0.95, 4, gains.mean(), gains.std(ddof=1) / 5**0.5)
    shown = verdict.others["log_loss"]
    assert (verdict.metric, list(verdict.others), shown["n_pairs"]) == ("accuracy", ["log_loss"], 5)
    assert shown["gain"] == pytest.approx(gains.mean(), abs=1e-6)
    assert shown["interval"] == pytest.approx(expected, abs=1e-6)
    assert (shown["score"], shown["baseline_score"]) == pytest.approx((0.75, 0.88))
    assert verdict.as_dict()["others"] == verdict.others


def test_only_seeds_that_both_sides_read_are_compared(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")])
    write_arm(tmp_path, OWN, (0.8, None, 0.9, 0.7, 0.7))
    write_arm(tmp_path, BASELINE, (0.9, 0.9, None, 0.9, 0.9))
    failure(BASELINE, 4).write(tmp_path / BASELINE / "seed-4.json")
    shown = only(tmp_path).others["log_loss"]
    assert (shown["n_pairs"], shown["gain"]) == (2, pytest.approx(0.15))


def test_what_one_side_alone_was_read_by_is_not_shown(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")])
    write_arm(tmp_path, OWN, (None,) * 5)
    write_arm(tmp_path, BASELINE, BASE_LOSSES)
    assert only(tmp_path).others == {}


def test_one_pair_has_no_interval(tmp_path: Path) -> None:
    write_run(tmp_path, [cell("near")])
    write_arm(tmp_path, OWN, (0.8,))
    write_arm(tmp_path, BASELINE, (0.9,))
    shown = only(tmp_path).others["log_loss"]
    assert (shown["interval"], shown["gain"]) == (None, pytest.approx(0.1))
