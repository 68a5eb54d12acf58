"""By what trials are measured: the judged metric and those beside it, what is refused and what is warned of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.drawn import noise
from tests.tiny import tiny_conditions, tiny_suite, tiny_trial
from tlbench.errors import TlbenchError
from tlbench.metric import metrics
from tlbench.suite import Suite
from tlbench.trials import resolve, run_of
from tlbench.workspace import Workspace

ALSO = tuple(metrics.make(name) for name in ("auroc", "log_loss"))


def _skewed(folder: Path, train: list[int], test: list[int], **changes: Any) -> Suite:
    """A suite on noise with so many items of each class in pool and test."""
    arrays: dict[str, Any] = {}
    for name, counts in (("train", train), ("test", test)):
        labels = np.repeat(np.arange(len(counts)), counts)
        arrays |= {f"{name}_images": noise(len(labels), 8, 8, seed=len(name)), f"{name}_labels": labels}
    np.savez(folder / "skewed.npz", **arrays)
    return tiny_suite(targets=[{"dataset": f"npz:{folder / 'skewed.npz'}", "n_train": 20}], **changes)


def _notes(suite: Suite, workspace: Workspace) -> str:
    run = run_of(resolve(suite, workspace), workspace, "x", {"threads": 1})
    return next(note for note in run.notes if note.startswith("target npz"))


def test_further_metrics_read_the_same_scores_and_change_nothing_else(workspace: Workspace) -> None:
    alone, among = (replace(tiny_conditions(), also=also) for also in ((), ALSO))
    first, second = (tiny_trial("finetune", conditions=each).run(workspace) for each in (alone, among))
    assert list(second.outcome.measured) == ["accuracy", "auroc", "log_loss"]
    assert replace(second.outcome, measured={"accuracy": second.outcome.judged}) == first.outcome
    assert second.recipe == dict(first.recipe) | {"also": [{"name": "auroc"}, {"name": "log_loss"}]}
    assert second.outcome.measured["log_loss"].n == 800
    assert not second.outcome.measured["log_loss"].higher_is_better


def test_what_reads_probabilities_is_left_out_where_there_are_none_and_said(workspace: Workspace) -> None:
    conditions = replace(tiny_conditions(), also=ALSO)
    for method in ("features:linear_svm", "direct"):
        outcome = tiny_trial(method, conditions=conditions).run(workspace).outcome
        assert list(outcome.measured) == ["accuracy", "auroc"]
        assert outcome.notes[-1] == "not read by log_loss: scores are no probabilities"
    for method in ("features:knn", "majority", "scratch"):
        outcome = tiny_trial(method, conditions=conditions).run(workspace).outcome
        assert list(outcome.measured) == ["accuracy", "auroc", "log_loss"]
        assert not any("log_loss" in note for note in outcome.notes)


def test_metrics_may_stand_alone_and_stand_in_run_json(workspace: Workspace) -> None:
    suite = tiny_suite(metric="auroc", also="log_loss")
    assert [metric.label for metric in suite.also] == ["log_loss"]
    written = run_of(resolve(suite, workspace), workspace, "x", {"threads": 1}).suite
    assert (written.metric, written.also) == ("auroc", ("log_loss",))
    assert tiny_suite().also == ()


@pytest.mark.parametrize("also", [["accuracy"], ["auroc", "auroc"]])
def test_a_metric_that_is_named_twice_is_refused(also: list[str]) -> None:
    with pytest.raises(TlbenchError, match=f"metric '{also[0]}' is named twice"):
        tiny_suite(also=also)


def test_a_validation_draw_of_one_class_is_told_before_training(workspace: Workspace) -> None:
    targets = [{"dataset": "patterns", "n_train": 16, "n_val": 1}]
    said = r"^target patterns-1.0-n16, validation draw: metric 'auroc' tells classes apart, and all 1 items are of one"
    with pytest.raises(TlbenchError, match=said) as told:
        resolve(tiny_suite(targets=targets, metric="auroc"), workspace)
    assert "\n" not in str(told.value)
    assert resolve(tiny_suite(targets=targets, also="auroc"), workspace).cells  # which reads the test split alone


@pytest.mark.parametrize(
    ("test", "metric", "warned"),
    [
        ([50, 25, 24], "accuracy", False),
        ([70, 15, 14], "accuracy", True),
        ([70, 15, 14], "balanced_accuracy", False),
        ([90, 10], "accuracy", False),  # of two classes none exceeds twice a half
    ],
)
def test_accuracy_is_warned_of_where_one_class_is_far_larger(
    test: list[int], metric: str, warned: bool, tmp_path: Path, workspace: Workspace
) -> None:
    note = _notes(_skewed(tmp_path, [40] * len(test), test, metric=metric), workspace)
    assert ('judge by metric = "balanced_accuracy"' in note) == warned
    assert ("always guessing" in note) == (max(test) / sum(test) > 2 / 3)
