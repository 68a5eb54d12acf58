"""Predictors: their scores put each item where the classes that they once gave put it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.tiny import tiny_conditions
from tlbench.method import Materials, Predictor, Start, methods
from tlbench.source import Weights

SETUP = tiny_conditions().setup
CLASSIFIERS = ("logistic", "knn", "linear_svm", "random_forest")


def _start(method: str, classes: tuple[str, ...], known: tuple[str, ...] = ()) -> Start:
    weights = Weights(SETUP.build(len(known) or 2), known or None)
    made = methods.make(method)
    return made.start(Materials(SETUP.build(len(classes)), weights if made.needs_source else None, classes))


def _draw(labels: npt.NDArray[np.int64], width: int = 6, seed: int = 0) -> npt.NDArray[np.float32]:
    """Features that know something of their labels."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(4, width))
    return (centres[labels] + 0.7 * random.normal(size=(len(labels), width))).astype(np.float32)


def _classes(predictor: Predictor, outputs: npt.NDArray[np.float32], n_classes: int) -> npt.NDArray[np.int64]:
    scores = predictor(outputs)
    assert scores.shape == (len(outputs), n_classes)
    assert scores.dtype == np.float64
    assert not np.isnan(scores).any()
    return torch.from_numpy(scores).argmax(1).numpy()


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("drawn", [(0, 1, 2, 3), (0, 1), (0, 2, 3), (1, 3)], ids=str)
def test_a_classifiers_scores_say_what_it_predicts(classifier: str, drawn: tuple[int, ...]) -> None:
    """Two classes only, and classes that the training draw lacks, among them."""
    n_classes = 2 if drawn == (0, 1) else 4
    labels = np.resize(np.array(drawn), 40)
    outputs, unseen = _draw(labels), _draw(np.resize(np.arange(n_classes), 200), seed=1)
    for readout in _start(f"features:{classifier}", tuple("abcd"[:n_classes])).readouts:
        predictor: Any = readout(outputs, labels, 3)
        found = _classes(predictor, unseen, n_classes)
        assert np.array_equal(found, predictor._fitted.predict(unseen))
        assert set(found) <= set(drawn)
        missing = [label for label in range(n_classes) if label not in drawn]
        assert np.isneginf(predictor(unseen)[:, missing]).all()
        assert predictor.notes[0].startswith("classifier at strength ")


def _translated(table: npt.NDArray[np.int64], logits: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The target class of the largest logit among the source classes that stand for one."""
    return np.asarray(table[np.where(table >= 0, logits, -np.inf).argmax(1)])


def test_direct_by_name_takes_the_largest_logit_of_the_known_classes() -> None:
    (readout,) = _start("direct", ("cow", "ant"), ("ant", "bee", "cow")).readouts
    logits = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    predictor = readout(logits, np.arange(50) % 2, 0)
    assert predictor.notes == ("classes matched by name",)
    assert np.array_equal(_classes(predictor, logits, 2), _translated(np.array([1, -1, 0]), logits))


def test_direct_by_the_draw_takes_what_each_source_class_was_predicted_for() -> None:
    (readout,) = _start("direct", ("x", "y", "z"), ("p", "q", "r", "s")).readouts
    labels = np.repeat(np.arange(3), 20)
    logits = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    logits[:, 3] = -9  # never predicted, so it stands for nothing
    logits[labels == 2, 0] += 3
    logits[labels == 0, 1] += 3
    predictor = readout(logits, labels, 0)
    counts = np.zeros((4, 3), dtype=np.int64)
    np.add.at(counts, (logits.argmax(1), labels), 1)
    table = np.where(counts.any(1), counts.argmax(1), -1)
    assert table.tolist()[:2] == [2, 0]
    assert table[3] == -1
    assert "p>z, q>x" in predictor.notes[0]
    unseen = np.random.default_rng(1).normal(size=(99, 4)).astype(np.float32)
    assert np.array_equal(_classes(predictor, unseen, 3), _translated(table, unseen))


@pytest.mark.parametrize(("known", "wanted"), [(False, True), (True, False), (False, False)])
def test_numbers_are_no_names_by_which_classes_are_matched(known: bool, wanted: bool) -> None:
    weights = Weights(SETUP.build(3), ("0", "1", "2"), named=known)
    start = methods.make("direct").start(Materials(SETUP.build(3), weights, ("0", "1", "2"), wanted))
    labels = np.repeat(np.arange(3), 20)
    logits = np.eye(3, dtype=np.float32)[(labels + 1) % 3]  # the source's 1 is the target's 0
    predictor = start.readouts[0](logits, labels, 0)
    assert predictor.notes == ("classes mapped by the training draw: 0>2, 1>0, 2>1",)
    assert np.array_equal(_classes(predictor, logits, 3), labels)


def test_the_majority_is_always_the_same_class() -> None:
    (readout,) = _start("majority", ("a", "b", "c")).readouts
    labels = np.array([2, 1, 1, 0, 1, 2])
    predictor = readout(np.zeros((6, 4), np.float32), labels, 0)
    assert _classes(predictor, np.zeros((5, 4), np.float32), 3).tolist() == [1] * 5
