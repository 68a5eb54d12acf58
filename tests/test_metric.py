"""Metrics: a score is the mean of what items add to it, whichever direction is better."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional

from tests.tiny import ACCURACY, tiny_conditions, tiny_suite, tiny_trial
from tlbench.dataset import Labels
from tlbench.errors import TlbenchError
from tlbench.metric import Metric, metrics
from tlbench.metrics.accuracy import Accuracy
from tlbench.testing import CHECKS
from tlbench.training import FittedClassifier
from tlbench.trials import resolve, run_of
from tlbench.workspace import Workspace

LABELS = torch.tensor([0, 0, 0, 1, 2])
SCORES = torch.tensor(
    [[2.0, 1.0, 0.0], [0.0, 0.5, 0.4], [9.0, -9.0, 8.9], [0.0, 3.0, -1.0], [-3.0, -2.0, -2.5]], dtype=torch.float64
)


@dataclass(frozen=True)
class LogLoss(Metric):
    """Mean cross-entropy: lower is better."""

    higher_is_better: ClassVar[bool] = False
    margin: ClassVar[float] = 0.02
    probabilities: ClassVar[bool] = True

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) minus the logarithm of the label's probability."""
        return functional.cross_entropy(scores, labels, reduction="none")

    def chance(self, labels: Labels) -> float:
        """The entropy of the labels."""
        shares = np.unique(labels, return_counts=True)[1] / len(labels)
        return float(-(shares * np.log(shares)).sum())

    def chance_limit(self, labels: Labels) -> float:
        """A tenth less."""
        return 0.9 * self.chance(labels)


def test_accuracy_is_the_share_of_items_whose_largest_score_is_their_labels() -> None:
    assert ACCURACY.contributions(SCORES, LABELS).tolist() == [True, False, True, True, False]
    assert ACCURACY.value(SCORES, LABELS) == pytest.approx(0.6)


def test_the_chance_of_accuracy_is_the_most_frequent_class_and_luck_reaches_three_standard_errors_more() -> None:
    assert ACCURACY.chance(LABELS.numpy()) == ACCURACY.chance_value(LABELS.numpy()) == 0.6
    assert ACCURACY.chance_limit(LABELS.numpy()) == pytest.approx(0.6 + 3 * (0.6 * 0.4 / 5) ** 0.5)
    assert ACCURACY.chance_limit(np.arange(8).repeat(100)) == pytest.approx(1 / 8 + 3 * (7 / 64 / 800) ** 0.5)


def test_a_measurement_of_accuracy_is_all_that_judging_needs() -> None:
    measured = ACCURACY.measure(SCORES, LABELS.numpy())
    assert (measured.score, measured.value, measured.n) == (0.6, 0.6, 5)
    assert measured.items.startswith("b")
    assert measured.contributions().tolist() == [1, 0, 1, 1, 0]
    assert (measured.chance, measured.lift) == (0.6, 0.0)
    assert measured.chance_limit == ACCURACY.chance_limit(LABELS.numpy())
    assert measured.at_chance
    assert (measured.higher_is_better, measured.margin) == (True, 0.005)


def test_where_lower_is_better_the_value_is_the_score_turned_round() -> None:
    metric = LogLoss()
    expected = float(functional.cross_entropy(SCORES, LABELS))
    measured = metric.measure(SCORES, LABELS.numpy())
    assert measured.score == pytest.approx(expected)
    assert metric.value(SCORES, LABELS) == pytest.approx(-expected)
    assert measured.value == -measured.score
    assert measured.contributions().mean() == pytest.approx(measured.value)
    assert measured.items.startswith("f")
    assert (measured.higher_is_better, measured.margin) == (False, 0.02)


def test_where_lower_is_better_chance_is_beaten_from_above() -> None:
    metric, labels = LogLoss(), LABELS.numpy()
    assert metric.chance_value(labels) == -metric.chance(labels)
    good, bad = (metric.measure(scores, labels) for scores in (9 * torch.eye(3)[LABELS], torch.zeros(5, 3)))
    assert good.lift == pytest.approx(metric.chance(labels), abs=0.01)
    assert bad.lift < 0
    assert (good.at_chance, bad.at_chance) == (False, True)


def test_a_better_score_has_the_larger_value_in_either_direction() -> None:
    for metric in (ACCURACY, LogLoss()):
        right, wrong = (metric.value(20 * torch.eye(3)[labels], LABELS) for labels in (LABELS, (LABELS + 1) % 3))
        assert right > wrong


@dataclass(frozen=True)
class Unbounded(LogLoss):
    """One that leaves it to the scores."""

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) the label's own score."""
        return scores.gather(1, labels.unsqueeze(1)).squeeze(1)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_not_finite_is_told(bad: float) -> None:
    scores = SCORES.clone()
    scores[2, 0] = bad
    for read in (lambda: Unbounded().value(scores, LABELS), lambda: Unbounded().measure(scores, LABELS.numpy())):
        with pytest.raises(TlbenchError, match=r"metric 'test_metric' gave .*, of which no record and no curve"):
            read()


def test_a_metric_is_made_by_name() -> None:
    assert metrics.make("accuracy") == ACCURACY
    assert metrics.make("accuracy").recipe() == {"name": "accuracy"}
    with pytest.raises(TlbenchError, match="unknown metric 'acuracy': did you mean 'accuracy'"):
        metrics.make("acuracy")


@dataclass(frozen=True)
class Wide(LogLoss):
    """The same, at most 20 an item, with a margin above one."""

    margin: ClassVar[float] = 1.5

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of each item, finite whatever the scores."""
        return super().contributions(scores, labels).nan_to_num(20.0).clamp(max=20.0)


def test_a_metric_of_probabilities_refuses_scores_that_are_none(workspace: Workspace) -> None:
    conditions = replace(tiny_conditions(), metric=Wide())
    for method in ("majority", "features:logistic", "features:knn", "scratch"):
        assert tiny_trial(method, conditions=conditions).run(workspace).outcome.failure is None
    for method in ("features:linear_svm", "direct"):
        failure = tiny_trial(method, conditions=conditions).run(workspace).outcome.failure or ""
        label = method.replace(":", "-")
        assert failure.endswith(
            f"metric 'test_metric' reads probabilities, and the scores of method '{label}' are none"
        )


def test_logistic_regression_on_two_classes_gives_its_probabilities() -> None:
    outputs, labels = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
    fitted = LogisticRegression().fit(outputs, labels)
    scores = torch.from_numpy(FittedClassifier(fitted, 2, "")(outputs))
    assert np.allclose(torch.softmax(scores, 1).numpy(), fitted.predict_proba(outputs))


def test_margins_are_the_metrics_own_unless_the_suite_says_others(workspace: Workspace) -> None:
    def margins(**changes: Any) -> tuple[float, float]:
        plan = resolve(tiny_suite(metric=Wide(), **changes), workspace)
        settings = run_of(plan, workspace, "x", {"threads": 1}).verdict
        return settings.margin, settings.convergence_margin

    assert margins() == (1.5, 3.0)
    assert margins(verdict={"margin": 0.2}) == (0.2, 3.0)


@dataclass(frozen=True)
class Reversed(LogLoss):
    """Likelihoods that are called losses."""

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) probabilities of the labels."""
        return torch.softmax(scores.double(), 1).gather(1, labels[:, None])[:, 0].nan_to_num(0.0)


@dataclass(frozen=True)
class Named(Accuracy):
    """Accuracy to which the class with the number 2 adds twice."""

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) 0, 1, or 2 where an item of that class is right."""
        return (scores.argmax(1) == labels) * (1 + (labels == 2).double())


@dataclass(frozen=True)
class Unlucky(Accuracy):
    """Accuracy that luck makes worse."""

    def chance_limit(self, labels: Labels) -> float:
        """A tenth less than chance."""
        return 0.9 * self.chance(labels)


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (Reversed(), "good predictions are not better"),
        (Named(), "renaming classes changes something"),
        (Unlucky(), "the same scores for all are not at chance"),
        (LogLoss(), "scores of nan are not dealt with"),
    ],
)
def test_a_metric_that_breaks_its_contract_is_found(metric: Metric, said: str, workspace: Workspace) -> None:
    with pytest.raises(AssertionError, match=said):
        CHECKS[Metric](metric, workspace)
