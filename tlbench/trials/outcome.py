"""What came out: the best try is read on the test split, once, and told as outcome and timing."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tlbench.errors import TlbenchError
from tlbench.method import Predictor
from tlbench.metric import Metric
from tlbench.records import Measured, Outcome, Timing
from tlbench.streams import key
from tlbench.training import Clock, Items, Prefixed, log_loss, predict
from tlbench.trials.arm import ArmAtSeed
from tlbench.trials.freezing import frozen_parts
from tlbench.trials.grid import Attempt, Ground, Tried
from tlbench.trials.prediction import parameters_of, seconds_an_item


def conclude(arm: ArmAtSeed, tried: Tried) -> tuple[Outcome, Timing]:
    """Outcome and timing of the attempt that does best on validation, and of how it ended where it was run on."""
    best, last = tried.best, tried.last
    data, metric, weights = arm.data, arm.conditions.metric, arm.materials.weights
    clock, within = Clock(data.train.labels.device), dict[str, Measured]()
    measured, predictor = _measured(arm, best, clock)
    if last is not best:
        within, (measured, predictor) = measured, _measured(arm, last, Clock(data.train.labels.device))
    curve = best.fitted.curve if best.fitted else None
    outcome = Outcome(
        failure=best.fitted.failure if best.fitted else None,
        metric=metric.label,
        measured=measured,
        within=within,
        run_on=last.factor,
        train_loss=last.fitted.curve.train_loss[-1] if last.fitted else None,
        validation_chance=metric.chance_value(data.validation_labels),
        n_train=len(data.train),
        n_validation=len(data.validation),
        pool=data.pool,
        learning_rate=best.peak,
        at_edge=tried.at_edge,
        steps=curve.steps[-1] if curve else 0,
        blocks=best.start.network.names,
        frozen=frozen_parts(best.start),
        parameters=parameters_of(best.start),
        input=data.form.recipe(),
        notes=(*_notes(arm, predictor), *(weights.notes if weights else ())),
        curve=replace(curve, seconds=()) if curve else None,  # those are timing
        source_weights=weights.digest() if weights else None,
        source_accuracy=weights.accuracy if weights else None,
    )
    timing = Timing(
        seconds=best.seconds + clock.seconds,
        grid_seconds=sum(attempt.seconds for attempt in tried.grid) + clock.seconds,
        curve_seconds=curve.seconds if curve else (),
        source_seconds=weights.seconds if weights else None,
        predict_seconds=seconds_an_item(best.start, predictor, arm.data.tested),
        prefix={"boundary": best.ground.boundary, "kept_in": best.ground.prefixed.kept_in},
    )
    return outcome, timing


def _measured(arm: ArmAtSeed, attempt: Attempt, clock: Clock) -> tuple[dict[str, Measured], Predictor | None]:
    """An attempt's readings of the test split by every metric, and the readout that was read."""
    scores, predictor = _read_test(arm, attempt, clock)
    read = (arm.conditions.metric, *_also(arm, predictor))
    return {metric.label: metric.measure(scores, arm.data.test_labels) for metric in read}, predictor


def _also(arm: ArmAtSeed, predictor: Predictor | None) -> list[Metric]:
    """The metrics that are shown beside the judged one: those that read probabilities only where there are some."""
    probable = predictor is None or predictor.probabilities
    return [metric for metric in arm.conditions.also if probable or not metric.probabilities]


def _notes(arm: ArmAtSeed, predictor: Predictor | None) -> tuple[str, ...]:
    """What was chosen, and what could not be read of it."""
    kept = _also(arm, predictor)
    unread = [one.label for one in arm.conditions.also if one not in kept]
    chosen = predictor.notes if predictor else ()
    return (*chosen, *(f"not read by {label}: scores are no probabilities" for label in unread))


def _read_test(arm: ArmAtSeed, best: Attempt, clock: Clock) -> tuple[Tensor, Predictor | None]:
    """(n, C) scores of the test items, and the readout that gave them, where there is one.

    The one place where the test split is read, at the end, for the winner, by all metrics.
    The test items are brought to where the others stand; where there is no room for that, all are read as inputs.
    """
    ground, tested = best.ground, Prefixed(arm.data.tested)
    if ground.prefix is not None:
        passed = ground.prefix.apply(arm.data.tested, (arm.data.name, "tested"))
        ground, tested = (ground, passed) if passed else (Ground.at_inputs(arm.data), tested)
    if not best.start.readouts:
        return predict(best.start.network, tested.items, ground.boundary), None
    predictor, outputs = _fitted(arm, best, ground, clock)
    if arm.conditions.metric.probabilities and not predictor.probabilities:
        what = f"metric '{arm.conditions.metric.label}' reads probabilities"
        raise TlbenchError(f"{what}, and the scores of method '{arm.method.label}' are none")
    return torch.from_numpy(predictor(outputs(tested.items))), predictor


class _Outputs:
    """What a readout sees of items at a boundary: features or logits."""

    def __init__(self, best: Attempt, at: int) -> None:
        self._network, self._at, self._features = best.start.network, at, best.start.readout_of == "features"

    def __call__(self, items: Items) -> npt.NDArray[np.float32]:
        outputs: npt.NDArray[np.float32] = (
            predict(self._network, items, self._at, features=self._features).cpu().numpy()
        )
        return outputs


def _fitted(arm: ArmAtSeed, best: Attempt, ground: Ground, clock: Clock) -> tuple[Predictor, _Outputs]:
    """The readout that does best on validation, as attempts are chosen, of as many as there are learning rates."""
    outputs, metric = _Outputs(best, ground.boundary), arm.conditions.metric
    seed = key(*arm.conditions.stream("readout", arm.seed))
    clock.seconds += ground.prefixed.seconds if not best.start.phases else 0.0  # else it is in the attempt's
    with clock.running():
        seen = outputs(ground.train)
    labels, fits = ground.train.labels.cpu().numpy(), Clock(ground.train.labels.device)
    with fits.running():
        tried = best.start.readouts[: len(arm.conditions.budget.learning_rates)]
        fitted = [readout(seen, labels, seed) for readout in tried]
    clock.seconds += fits.seconds / len(fitted)  # one fit, as for an arm that is trained
    checked, known = outputs(ground.validation), ground.validation.labels.cpu()

    def rank(predictor: Predictor) -> tuple[float, float]:
        scores = torch.from_numpy(predictor(checked))
        return metric.value(scores, known), -log_loss(scores, known)

    return max(fitted, key=rank), outputs
