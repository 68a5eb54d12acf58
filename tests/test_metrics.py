"""The metrics on the shelf: scikit-learn's scores, contributions that tell the test set's noise, what luck reaches."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn
from torch import Tensor

from tlbench.errors import TlbenchError
from tlbench.judging.stats import item_noise
from tlbench.metric import Metric, log_probabilities, metrics

NAMES = ["balanced_accuracy", "macro_f1", "auroc", "log_loss"]
BALANCED, F1, AUROC, LOG_LOSS = (metrics.make(name) for name in NAMES)
SHARES = {2: (0.85, 0.15), 7: (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.04)}


def drawn(k: int, n: int = 300, seed: int = 0, signal: float = 1.0) -> tuple[Tensor, Tensor]:
    """Scores (n, k) that know something of imbalanced labels (n,), every class there."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.concatenate([np.arange(k), random.choice(k, n - k, p=SHARES[k])]))
    scores = random.normal(size=(n, k)) + signal * np.eye(k)[labels]
    return torch.from_numpy(scores), torch.from_numpy(labels)


def area(labels: Tensor, probabilities: Tensor) -> float:
    """scikit-learn's, which knows two classes by the second's probability."""
    shown = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return float(sklearn.roc_auc_score(labels, shown, multi_class="ovr"))


KNOWN: dict[str, Callable[[Tensor, Tensor], float]] = {
    "balanced_accuracy": lambda y, p: float(sklearn.balanced_accuracy_score(y, p.argmax(1))),
    "macro_f1": lambda y, p: float(sklearn.f1_score(y, p.argmax(1), average="macro")),
    "auroc": area,
    "log_loss": lambda y, p: float(sklearn.log_loss(y, p.clamp(min=2.2e-16))),
}


@pytest.mark.parametrize("k", SHARES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ties", [False, True])
def test_the_score_is_scikit_learns(name: str, k: int, ties: bool) -> None:
    scores, labels = drawn(k)
    if ties:  # whole numbers, of which many rows have the same, in another order too
        scores = scores.round()
    expected = KNOWN[name](labels, torch.softmax(scores, 1).round(decimals=12))
    measured = metrics.make(name).measure(scores, labels.numpy())
    assert measured.score == pytest.approx(expected, abs=1e-9)
    assert measured.contributions().mean() == pytest.approx(measured.value, abs=1e-6)


def test_two_classes_have_the_usual_area_by_hand() -> None:
    labels, margin = torch.tensor([1, 1, 0, 0]), torch.tensor([2.0, 0.5, 0.5, -1.0])
    scores = torch.stack([0 * margin, margin], 1)
    assert AUROC.value(scores, labels) == pytest.approx(3.5 / 4)
    items = AUROC.contributions(scores, labels)
    assert items.tolist() == pytest.approx([1.125, 0.625, 0.625, 1.125])  # .875 + 4 / 2 (placement - .875)


def test_rare_classes_count_as_much_as_frequent_ones() -> None:
    labels = torch.tensor([0] * 8 + [1] * 2)
    always = torch.tensor([1.0, 0.0]).repeat(10, 1)
    assert BALANCED.value(always, labels) == pytest.approx(0.5)
    assert F1.value(always, labels) == pytest.approx((2 * 8 / 18) / 2)
    assert AUROC.value(always, labels) == pytest.approx(0.5)


def test_the_odds_of_certain_predictions_are_still_ranked() -> None:
    """As probabilities all of them are 1."""
    labels, sure = torch.tensor([0, 1, 1]), torch.tensor([[0.0, 40.0], [0.0, 50.0], [0.0, 45.0]])
    assert torch.softmax(sure.double(), 1)[:, 1].tolist() == [1, 1, 1]
    assert AUROC.value(sure, labels) == 1


def test_equal_probabilities_are_ties_whatever_the_others_are() -> None:
    """As of nearest neighbours: fifths, whose logarithms add up to one in several orders, and zeros."""
    random = np.random.default_rng(3)
    shares = torch.from_numpy(random.multinomial(5, [0.5, 0.3, 0.2], 200) / 5)
    labels = torch.from_numpy(random.integers(0, 3, 200))
    assert AUROC.measure(shares.log(), labels.numpy()).score == pytest.approx(area(labels, shares), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_that_no_label_has_is_left_out(name: str) -> None:
    """As in a small validation draw: the score is the mean over the other classes, whatever was predicted."""
    scores, labels = drawn(7)
    kept = labels != 3
    scores, labels = scores[kept], labels[kept]
    metric, there = metrics.make(name), [0, 1, 2, 4, 5, 6]
    probabilities = torch.softmax(scores, 1)
    known = {
        "balanced_accuracy": lambda: sklearn.recall_score(labels, scores.argmax(1), average="macro", labels=there),
        "macro_f1": lambda: sklearn.f1_score(labels, scores.argmax(1), average="macro", labels=there),
        "auroc": lambda: np.mean([sklearn.roc_auc_score(labels == c, probabilities[:, c]) for c in there]),
        "log_loss": lambda: sklearn.log_loss(labels, probabilities, labels=range(7)),
    }
    measured = metric.measure(scores, labels.numpy())
    assert measured.score == pytest.approx(float(known[name]()), abs=1e-9)
    numbers = torch.unique(labels, return_inverse=True)[1].numpy()
    assert (measured.chance, measured.chance_limit) == (metric.chance(numbers), metric.chance_limit(numbers))


@pytest.mark.parametrize("name", NAMES)
def test_one_class_alone_is_refused_in_a_line(name: str) -> None:
    metric, scores, labels = metrics.make(name), torch.rand(5, 3), torch.ones(5, dtype=torch.int64)
    for read in (
        lambda: metric.value(scores, labels),
        lambda: metric.measure(scores, labels.numpy()),
        lambda: metric.chance(labels.numpy()),
        lambda: metric.chance_limit(labels.numpy()),
    ):
        with pytest.raises(TlbenchError, match=f"metric '{name}' tells classes apart, and all 5 items are of one"):
            read()


def test_a_probability_of_nothing_costs_as_much_as_scikit_learn_says() -> None:
    scores, labels = torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf]]), torch.tensor([0, 1])
    expected = float(sklearn.log_loss(labels, torch.tensor([[1.0, 0.0], [1.0, 0.0]]).double()))
    assert LOG_LOSS.measure(scores, labels.numpy()).score == pytest.approx(expected, abs=1e-9)
    assert LOG_LOSS.measure(1e6 * scores.nan_to_num(neginf=-1.0), labels.numpy()).score == pytest.approx(expected)


def test_probabilities_of_scores_that_are_none() -> None:
    nan, inf = torch.nan, torch.inf
    scores = torch.tensor([[0.0, 0.0, nan], [nan, nan, nan], [inf, 0.0, inf], [-inf, 1.0, -inf]])
    found = log_probabilities(scores).exp()
    assert found.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]


@cache
def resampled(n: int, times: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(5).integers(0, n, (times, n)))


@pytest.mark.parametrize("k", SHARES)
@pytest.mark.parametrize("name", ["accuracy", *NAMES])
def test_contributions_tell_the_test_sets_noise(name: str, k: int) -> None:
    """The tau of a gain beside its standard deviation over test sets that are drawn anew from the items at hand."""
    metric, (base, labels) = metrics.make(name), drawn(k, 500, signal=1.2)
    own = base + 0.8 * drawn(k, 500, seed=1, signal=0)[0] + 0.6 * torch.eye(k)[labels]
    items = [np.stack([metric.contributions(scores, labels).numpy()] * 2) for scores in (own, base)]
    gains = [metric.value(own[i], labels[i]) - metric.value(base[i], labels[i]) for i in resampled(500, 600)]
    assert item_noise(*items) == pytest.approx(np.std(gains, ddof=1), rel=0.15)


def luckiest(metric: Metric, labels: Tensor, scores: Tensor, times: int) -> float:
    """How often scores that have nothing to do with the labels get beyond the limit."""
    random, limit = torch.Generator().manual_seed(0), metric.chance_limit(labels.numpy())
    sign = 1 if metric.higher_is_better else -1
    orders = (torch.randperm(len(labels), generator=random) for _ in range(times))
    return sum(metric.value(scores[order], labels) > sign * limit for order in orders) / times


@pytest.mark.parametrize("k", SHARES)
@pytest.mark.parametrize("name", NAMES)
def test_luck_stays_within_the_limit(name: str, k: int) -> None:
    """A guess that knows the shares of the classes at most, its confidence the best for being lucky in log loss."""
    metric, (_, labels) = metrics.make(name), drawn(k, 400)
    shares = torch.bincount(labels) / len(labels)
    noise = torch.from_numpy(np.random.default_rng(7).gumbel(size=(400, k)))
    guesses = [shares.log() + noise, noise] if name != "log_loss" else [shares.log() + 0.15 * noise]
    for guess in guesses:
        assert luckiest(metric, labels, guess, 700) <= 0.007  # 3 standard errors: .0013
    assert metric.measure(shares.log().repeat(400, 1), labels.numpy()).at_chance


@pytest.mark.parametrize("labels", [drawn(2, 400)[1], torch.arange(400) % 5])
def test_the_limit_of_the_area_is_three_standard_errors_of_permuted_labels(labels: Tensor) -> None:
    """Of two classes of any size, and of several of one size whose odds all follow one number, up or down."""
    random, signs = torch.Generator().manual_seed(0), torch.arange(int(labels.max()) + 1) - 2.0
    scores = torch.randn(400, 1, generator=random) * signs
    areas = [AUROC.value(scores[torch.randperm(400, generator=random)], labels) for _ in range(800)]
    assert np.std(areas) == pytest.approx((AUROC.chance_limit(labels.numpy()) - 0.5) / 3, rel=0.1)


def test_what_a_guess_reaches() -> None:
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10)
    third = 1 / 3
    assert [metric.chance(labels) for metric in (BALANCED, F1, AUROC)] == [third, third, 0.5]
    assert LOG_LOSS.chance(labels) == pytest.approx(-0.6 * np.log(0.6) - 0.3 * np.log(0.3) - 0.1 * np.log(0.1))
    assert BALANCED.chance_limit(labels) == pytest.approx(third + 3 * np.sqrt(2 * (1 / 60 + 1 / 30 + 1 / 10)) / 9)
    assert F1.chance_limit(labels) == pytest.approx(third + 3 * np.sqrt(2 / 100) / 3)
    assert LOG_LOSS.chance_limit(labels) == pytest.approx(LOG_LOSS.chance(labels) - 0.045)
    halves = np.arange(100) % 2
    assert AUROC.chance_limit(halves) == pytest.approx(0.5 + 3 * np.sqrt(101 / (12 * 50 * 50)))
