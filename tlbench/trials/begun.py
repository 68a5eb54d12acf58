"""A trial under way: what it starts from, the arm at each learning rate, and what comes out."""

import copy
from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch

from tlbench.dataset import Draw, Split
from tlbench.form import InputForm
from tlbench.method import Budget, Materials, Method, Start
from tlbench.records import pack_bits
from tlbench.source import Source, Weights
from tlbench.streams import key, seeded
from tlbench.training import NOTHING, Augmented, Clock, Examples, Fitted, Prefix, black, run_prefix
from tlbench.trials.attempt import (
    Attempt,
    Choice,
    Data,
    Evaluated,
    NotJoinableError,
    Prepared,
    attempt,
    evaluate,
    frozen_parts,
    lay_out,
    prepare,
)
from tlbench.trials.conditions import PLATEAU, Arm
from tlbench.workspace import Workspace

DOUBLINGS = 4  # at most: eight times the budget
STILL = 0.005  # validation accuracy that a doubled budget must add
Result: TypeAlias = tuple[dict[str, Any], dict[str, Any]]  # outcome, timing


@dataclass(frozen=True)
class Begun:
    """A trial under way: its arm, method and seed, and what it starts from; `named` tells its data from others."""

    arm: Arm
    method: Method
    seed: int
    pool: Split
    test: Split
    draw: Draw
    form: InputForm
    data: Data
    named: Hashable
    materials: Materials
    workspace: Workspace

    def start(self, choice: Choice) -> Start:
        """The arm's start, on the device and in its layout, every time the same."""
        fresh = copy.deepcopy(self.materials.fresh)
        start = self.method.start(Materials(fresh, self.materials.weights, self.materials.classes))
        start.network.to(self.data.train.labels.device)
        lay_out(start.network, choice)
        return start

    def order(self) -> torch.Generator:
        """The generator of its batches."""
        return torch.Generator().manual_seed(key(*self.arm.stream("order", self.seed)))

    def prepared(self, start: Start, choice: Choice) -> Prepared:
        """Its items where training begins: at the images where these are augmented."""
        plain = self.arm.augment == NOTHING
        chosen = choice if plain else replace(choice, shortcuts=False)
        return prepare(start, self.data, self.named, chosen, self.workspace)

    def evaluate(self, best: Attempt, clock: Clock) -> Evaluated:
        """Reads the test split, brought to where the items stand."""
        network, items, seed = best.start.network, best.items, key(*self.arm.stream("readout", self.seed))
        tested = run_prefix(network, self.data.tested, (self.named, "tested"), items.boundary, self.workspace)
        if tested is None:
            items, tested = Prepared(self.data.train, self.data.validation), Prefix(self.data.tested)
        tries = len(self.arm.budget.learning_rates)
        return evaluate(best.start, items, tested.items, seed, clock, tries)

    def augmented(self, items: Prepared) -> Prepared:
        """The same, what is trained on augmented from the start of the seed's own stream."""
        if self.arm.augment == NOTHING:
            return items
        random = torch.Generator().manual_seed(key(*self.arm.stream("augment", self.seed)))
        return replace(items, train=Augmented(items.train, self.arm.augment, random, black(self.form)))

    def seeded(self) -> AbstractContextManager[None]:
        """Within it, what is random is this seed's."""
        return seeded(*self.arm.stream("training", self.seed))


def begin(source: Source | None, method: Method, arm: Arm, seed: int, workspace: Workspace) -> Begun:
    """Draws the data, loads the source and builds the seed's own network; what is needed again soon is kept."""
    pool, test = (arm.target.dataset.split(part, workspace) for part in ("train", "test"))
    drawn = ("data", arm.target, arm.setup.form, arm.root_seed, seed)
    make = partial(_data, arm, seed, workspace)
    draw, form, data = workspace.recent(drawn, make, lambda found: found[2].resident_bytes)
    weights = arm.load(source, workspace, seed) if source is not None else None
    with seeded(*arm.stream("weights", seed)):
        fresh = arm.setup.build(len(pool.classes))
    materials = Materials(fresh, weights, pool.classes)
    return Begun(arm, method, seed, pool, test, draw, form, data, drawn, materials, workspace)


def _data(arm: Arm, seed: int, workspace: Workspace) -> tuple[Draw, InputForm, Data]:
    """The draw, the form fitted to it, and the examples."""
    pool, test = (arm.target.dataset.split(part, workspace) for part in ("train", "test"))
    draw, form = arm.draw(workspace, seed)
    parts = [(pool, draw.train), (pool, draw.validation), (test, np.arange(len(test)))]
    return draw, form, Data(*(Examples(split, indices, form, workspace.device) for split, indices in parts))


def run_alone(begun: Begun, choice: Choice) -> Result:
    """Outcome and timing of one trial."""
    return _finish(begun, _attempts(begun, choice))


def run_joined(begun: Sequence[Begun], choice: Choice) -> list[Result]:
    """The same of trials that differ in their seed alone: at each learning rate all seeds at once.

    Raises:
        NotJoinableError: they have to be trained apart.
    """
    tried: list[list[Attempt]] = []
    prepared: list[Prepared] = []
    budget = begun[0].arm.budget
    for peak in budget.learning_rates:
        starts = []
        for one in begun:
            with one.seeded():
                starts.append(one.start(choice))
        if not starts[0].phases or begun[0].arm.variant == PLATEAU:
            raise NotJoinableError
        prepared = prepared or [one.prepared(start, choice) for start, one in zip(starts, begun, strict=True)]
        items = [one.augmented(items) for one, items in zip(begun, prepared, strict=True)]
        tried.append(attempt(starts, items, [one.order() for one in begun], budget, peak))
    return [_finish(one, attempts) for one, attempts in zip(begun, zip(*tried, strict=True), strict=True)]


def _attempts(begun: Begun, choice: Choice) -> list[Attempt]:
    """The arm at each learning rate; to a plateau, at doubled budgets too, until validation gains no half point."""
    arm, attempts = begun.arm, list[Attempt]()
    for doubling in range(DOUBLINGS if arm.variant == PLATEAU else 1):
        longer = replace(arm.budget, epochs=arm.budget.epochs * 2**doubling)
        before = max((tried.score for tried in attempts), default=-1.0)
        attempts += _grid(begun, longer, choice)
        if max(tried.score for tried in attempts) < before + STILL:
            break
    return attempts


def _grid(begun: Begun, budget: Budget, choice: Choice) -> list[Attempt]:
    """The arm at each learning rate, every time from the same start; one attempt where nothing trains."""
    attempts, prepared = list[Attempt](), None
    for peak in budget.learning_rates:
        with begun.seeded():
            start = begun.start(choice)
            if not start.phases:
                return [Attempt(start, begun.prepared(start, choice), None, None, 0.0)]
            prepared = prepared or begun.prepared(start, choice)
            attempts += attempt([start], [begun.augmented(prepared)], [begun.order()], budget, peak)
    return attempts


def _finish(begun: Begun, attempts: Sequence[Attempt]) -> Result:
    """Reads the test split with the best attempt, and tells outcome and timing."""
    data, test = begun.data, begun.test
    best = max(attempts, key=lambda attempt: attempt.score)  # the first of equals
    weights, clock = begun.materials.weights, Clock(data.train.labels.device)
    right, notes = begun.evaluate(best, clock)
    counts = np.bincount(test.labels)
    outcome = {
        "failure": best.fitted.failure if best.fitted else None,
        "accuracy": float(right.mean()),
        "correct": pack_bits(right),
        "n_test": len(test),
        "chance": float(counts.max() / counts.sum()),
        "validation_chance": float(
            np.bincount(begun.pool.labels[begun.draw.validation]).max() / len(begun.draw.validation)
        ),
        "n_train": len(begun.draw.train),
        "n_validation": len(begun.draw.validation),
        "pool": len(begun.pool),
        "learning_rate": best.peak,
        "steps": best.fitted.curve.steps[-1] if best.fitted else 0,
        "blocks": list(best.start.network.names),
        "frozen": list(frozen_parts(best.start)),
        "input": begun.form.recipe(),
        "notes": [*notes, *(weights.notes if weights else ())],
    }
    return outcome | _curve_part(best.fitted) | _source_part(weights), _timing(attempts, best, clock, weights)


def _curve_part(fitted: Fitted | None) -> dict[str, Any]:
    """The learning curve without its seconds (those are timing), and nothing for arms without one."""
    if fitted is None:
        return {"curve": None}
    curve = fitted.curve.as_dict()
    del curve["seconds"]
    return {"curve": curve}


def _source_part(weights: Weights | None) -> dict[str, Any]:
    if weights is None:
        return {"source_weights": None, "source_accuracy": None}
    return {"source_weights": weights.digest(), "source_accuracy": weights.accuracy}


def _timing(attempts: Sequence[Attempt], best: Attempt, readout: Clock, weights: Weights | None) -> dict[str, Any]:
    return {
        "seconds": best.seconds + readout.seconds,
        "grid_seconds": sum(attempt.seconds for attempt in attempts) + readout.seconds,
        "curve_seconds": list(best.fitted.curve.seconds) if best.fitted else None,
        "source_seconds": weights.seconds if weights else None,
        "prefix": {"boundary": best.items.boundary, "kept": best.items.kept},
    }
