"""A trial: one source, target, method and seed; running it gives its record. Seeds are set here for every arm alike."""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlbench import device, environment
from tlbench.attempt import Attempt, Data, attempt, evaluate, frozen_parts
from tlbench.dataset import Draw, Target
from tlbench.errors import one_line
from tlbench.inputs import Examples, InputForm
from tlbench.method import Materials, Method
from tlbench.network import Setup
from tlbench.records import Record, pack_bits
from tlbench.source import Source, Weights
from tlbench.streams import generator, key, seeded
from tlbench.training import Budget, Clock, Fitted
from tlbench.workspace import Workspace

PLATEAU = "plateau"
DOUBLINGS = 4  # at most: eight times the budget
STILL = 0.005  # validation accuracy that a doubled budget must add


@dataclass(frozen=True)
class Arm:
    """What a target's arms share: where it stands, what it is trained on, by which network, for how long.

    variant: names a budget that is not the suite's, in paths; "plateau" doubles it until validation stands still.
    """

    target: Target
    setup: Setup
    budget: Budget
    root_seed: int
    variant: str = ""

    def recipe(self, workspace: Workspace, seed: int) -> dict[str, Any]:
        """Plain data that fixes the arm at one seed."""
        shared = {
            "target": self.target.recipe() | {"content": workspace.identity(self.target.dataset)},
            "budget": asdict(self.budget),
            "root_seed": self.root_seed,
            "seed": seed,
            "variant": self.variant,
        }
        return shared | self.setup.recipe()

    def stream(self, what: str, seed: int) -> tuple[int, *tuple[object, ...]]:
        """The labels of a stream that every arm at this target and seed shares."""
        return self.target.dataset.stream(self.root_seed, what, seed)

    def draw(self, workspace: Workspace, seed: int) -> tuple[Draw, InputForm]:
        """The seed's draw from the pool, and the form of its inputs."""
        pool = workspace.split(self.target.dataset, "train")
        draw = self.target.draw(pool, generator(*self.stream("draw", seed)))
        return draw, self.setup.form.fitted(pool, draw.train)


@dataclass(frozen=True)
class Trial:
    """A cell at one seed. `source` is None for methods that take none."""

    source: Source | None
    method: Method
    arm: Arm
    seed: int

    @property
    def source_label(self) -> str:
        """The source's label; the setup's where there is no source, so that one baseline serves all its sources."""
        return self.source.label if self.source else "-".join(filter(None, (self.arm.setup.label, self.arm.variant)))

    @property
    def cell(self) -> str:
        """The cell's path within a run."""
        return f"{self.arm.target.label}/{self.source_label}/{self.method.label}"

    @property
    def path(self) -> Path:
        """The record's path within a run."""
        return Path(self.cell) / f"seed-{self.seed}.json"

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Plain data that fixes the trial; a record holds for as long as it is equal."""
        source = source_recipe(self.source, workspace) if self.source else None
        return {"source": source, "method": self.method.recipe()} | self.arm.recipe(workspace, self.seed)

    def run(self, workspace: Workspace) -> Record:
        """Runs the trial; what fails is a record too, with its reason."""
        return recorded("trial", self.recipe(workspace), workspace, lambda: _run_trial(self, workspace))

    @property
    def timing_path(self) -> Path:
        """Where its timing record lies within a run."""
        return Path(self.cell) / f"timing-{self.seed}.json"

    def time(self, workspace: Workspace) -> Record:
        """Runs the trial for its seconds alone: to be called with nothing beside it, and without shortcuts."""
        work = partial(_run_trial, self, workspace, shortcuts=False)
        return recorded("timing", self.recipe(workspace), workspace, work)


def source_recipe(source: Source, workspace: Workspace) -> dict[str, Any]:
    content = workspace.once((source, "identity"), lambda: source.identity(workspace))
    return source.recipe() | {"content": content}


def recorded(
    kind: Any, recipe: dict[str, Any], workspace: Workspace, work: Callable[[], tuple[dict[str, Any], dict[str, Any]]]
) -> Record:
    where = environment.describe(device.describe(workspace.device), torch.get_num_threads())
    try:
        outcome, timing = work()
    except Exception as error:  # noqa: BLE001  whatever goes wrong in one trial, the run goes on and says so
        outcome, timing = {"failure": one_line(error)}, {}
    return Record(kind, "failed" if outcome["failure"] else "done", recipe, outcome, timing, where)


def _run_trial(trial: Trial, workspace: Workspace, *, shortcuts: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    arm, seed = trial.arm, trial.seed
    pool, test = (workspace.split(arm.target.dataset, part) for part in ("train", "test"))
    draw, form = arm.draw(workspace, seed)
    parts = [(pool, draw.train), (pool, draw.validation), (test, np.arange(len(test)))]
    data = Data(*(Examples(split, indices, form, workspace.device) for split, indices in parts))
    weights = trial.source.load(arm.setup, workspace, seed, arm.root_seed) if trial.source else None
    with seeded(*arm.stream("weights", seed)):
        fresh = arm.setup.build(len(pool.classes))
    attempts = _attempts(trial, Materials(fresh, weights, pool.classes), data, shortcuts=shortcuts)
    best = max(attempts, key=lambda attempt: attempt.score)  # the first of equals
    clock = Clock(workspace.device)
    right, notes = evaluate(best.start, data, key(*arm.stream("readout", seed)), clock, len(arm.budget.learning_rates))
    counts = np.bincount(test.labels)
    outcome = {
        "failure": best.fitted.failure if best.fitted else None,
        "accuracy": float(right.mean()),
        "correct": pack_bits(right),
        "n_test": len(test),
        "chance": float(counts.max() / counts.sum()),
        "validation_chance": float(np.bincount(pool.labels[draw.validation]).max() / len(draw.validation)),
        "n_train": len(draw.train),
        "n_validation": len(draw.validation),
        "pool": len(pool),
        "learning_rate": best.peak,
        "steps": best.fitted.curve.steps[-1] if best.fitted else 0,
        "blocks": list(best.start.network.names),
        "frozen": list(frozen_parts(best.start)),
        "input": form.recipe(),
        "notes": [*notes, *(weights.notes if weights else ())],
    }
    return outcome | _curve_part(best.fitted) | _source_part(weights), _timing(attempts, best, clock, weights)


def _attempts(trial: Trial, materials: Materials, data: Data, *, shortcuts: bool) -> list[Attempt]:
    """The arm at each learning rate; to a plateau, at doubled budgets too, until validation gains no half point."""
    budget, attempts = trial.arm.budget, list[Attempt]()
    for doubling in range(DOUBLINGS if trial.arm.variant == PLATEAU else 1):
        longer = replace(budget, epochs=budget.epochs * 2**doubling)
        before = max((tried.score for tried in attempts), default=-1.0)
        attempts += _grid(trial, materials, data, longer, shortcuts=shortcuts)
        if max(tried.score for tried in attempts) < before + STILL:
            break
    return attempts


def _grid(trial: Trial, materials: Materials, data: Data, budget: Budget, *, shortcuts: bool) -> list[Attempt]:
    """The arm at each learning rate, every time from the same start; one attempt where nothing trains."""
    attempts: list[Attempt] = []
    for peak in budget.learning_rates:
        with seeded(*trial.arm.stream("training", trial.seed)):
            fresh = copy.deepcopy(materials.fresh)
            start = trial.method.start(Materials(fresh, materials.weights, materials.classes))
            start.network.to(data.train.labels.device)
            if not start.phases:
                return [Attempt(start, None, None, 0.0)]
            order = torch.Generator().manual_seed(key(*trial.arm.stream("order", trial.seed)))
            attempts.append(attempt(start, data, order, budget, peak, shortcuts=shortcuts))
    return attempts


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


def _timing(attempts: list[Attempt], best: Attempt, readout: Clock, weights: Weights | None) -> dict[str, Any]:
    return {
        "seconds": best.seconds + readout.seconds,
        "grid_seconds": sum(attempt.seconds for attempt in attempts) + readout.seconds,
        "curve_seconds": list(best.fitted.curve.seconds) if best.fitted else None,
        "source_seconds": weights.seconds if weights else None,
    }
