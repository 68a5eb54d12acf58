"""Which attempt is chosen: by validation score; of equal ones by the lower loss; then in the grid's order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from torch.nn import functional

from tests.tiny import ACCURACY, BUDGET, SOURCE, tiny_conditions, tiny_trial
from tests.trials.test_starts import Custom
from tlbench.curve import LearningCurve
from tlbench.method import Materials, Phase, Start
from tlbench.network import HEAD
from tlbench.source import sources
from tlbench.training import Fitted, Learner, fit, predict
from tlbench.trials import Choice, Trial, tries
from tlbench.trials.grid import Attempt, Ground, Tried
from tlbench.workspace import Workspace


def _tried(*rows: tuple[float, float, float], workspace: Workspace) -> Tried:
    """An attempt a (rate, score, loss)."""
    arm = tiny_trial("scratch").arm(workspace)
    start, ground = arm.starts(Choice())[0], Ground.at_inputs(arm.data)

    def attempt(rate: float, score: float, loss: float) -> Attempt:
        return Attempt(start, ground, Fitted(LearningCurve((9,), (1.0,), (0.1,), (score,)), 1.0, None, loss), rate, 1.0)

    return Tried([attempt(*row) for row in rows])


@pytest.mark.parametrize(
    ("rows", "chosen", "at_edge"),
    [
        ([(0.1, 0.5, 1.0), (0.2, 0.6, 9.0), (0.3, 0.5, 0.5)], 0.2, False),
        ([(0.1, 0.6, 1.0), (0.2, 0.6, 0.9), (0.3, 0.5, 0.5)], 0.2, False),
        ([(0.1, 0.6, 1.0), (0.2, 0.6, 1.0), (0.3, 0.6, 2.0)], 0.1, True),
        ([(0.1, 0.6, np.inf), (0.2, 0.5, 1.0), (0.3, 0.6, 3.0)], 0.3, True),
        ([(0.1, 0.6, 1.0), (0.2, 0.5, 1.0)], 0.1, False),
    ],
)
def test_equal_scores_are_told_apart_by_loss_and_edges_are_known(
    rows: Sequence[tuple[float, float, float]], chosen: float, at_edge: bool, workspace: Workspace
) -> None:
    tried = _tried(*rows, workspace=workspace)
    assert (tried.best.peak, tried.at_edge) == (chosen, at_edge)


def test_the_loss_is_that_of_the_validation_items_at_the_end(workspace: Workspace) -> None:
    arm = tiny_trial("scratch").arm(workspace)
    network = arm.starts(Choice())[0].network
    learner = Learner(network, arm.data.train, arm.data.validation, arm.order(), ACCURACY)
    fitted = fit([learner], [Phase((*network.names, HEAD))], BUDGET, 0.01)[0]
    labels = arm.data.validation.labels
    logits = predict(network, arm.data.validation)
    assert fitted.validation_loss == float(functional.cross_entropy(logits, labels))


def test_a_tie_in_a_real_grid_goes_to_the_lower_loss(workspace: Workspace) -> None:
    """At rates too small to change any answer, the larger one has the lower loss."""
    budget = replace(BUDGET, learning_rates=(1e-9, 1e-6))
    arm = tiny_trial("finetune", "null", conditions=tiny_conditions(budget=budget)).arm(workspace)
    tried = tries(arm, Choice())
    small, large = tried.grid
    assert small.score == large.score
    losses = [attempt.fitted.validation_loss if attempt.fitted else np.nan for attempt in tried.grid]
    assert losses[0] != losses[1]
    assert tried.best is tried.grid[int(np.argmin(losses))]


class Guess:
    """A predictor that names the class of largest feature, more or less surely."""

    probabilities = True

    def __init__(self, scale: float) -> None:
        self.scale, self.notes = scale, (f"scale {scale:g}",)

    def __call__(self, outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return outputs[:, :8].astype(np.float64) * self.scale


def test_readouts_of_equal_score_are_told_apart_by_loss_too(workspace: Workspace) -> None:
    """Their answers are the same and mostly wrong: the least sure of them loses least."""

    def readout(scale: float) -> Any:
        return lambda *_: Guess(scale)

    def made(materials: Materials) -> Start:
        return Start(materials.transferred(), readouts=tuple(readout(scale) for scale in (100.0, 1.0, 10.0)))

    conditions = tiny_conditions(budget=replace(BUDGET, learning_rates=(0.1, 0.2, 0.3)))
    outcome = Trial(sources.make(SOURCE), Custom(made=made), conditions, 0).run(workspace).outcome
    assert outcome.failure is None
    assert outcome.notes == ("scale 1",)
    assert outcome.at_edge is False
