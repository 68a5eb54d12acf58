"""A trial: one source, target, method and seed; running it gives its record. Seeds are set here for every arm alike."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlbench import device, environment
from tlbench.dataset import Draw, Target
from tlbench.errors import TlbenchError, one_line
from tlbench.features import encode, view
from tlbench.inputs import RESIDENT_BYTES, Examples, InputForm
from tlbench.method import Materials, Method, Start
from tlbench.network import HEAD, Setup
from tlbench.records import Record, pack_bits
from tlbench.similarity import Similarity
from tlbench.source import Source, Weights
from tlbench.streams import generator, key, seeded
from tlbench.training import Budget, Clock, Fitted, Items, Learner, fit, predict
from tlbench.workspace import Workspace

OWN_ITEMS = 2000  # of a source's training data, as similarities see it


@dataclass(frozen=True)
class Arm:
    """What a target's arms share: where it stands, what it is trained on, by which network, for how long."""

    target: Target
    setup: Setup
    budget: Budget
    root_seed: int

    def recipe(self, workspace: Workspace, seed: int) -> dict[str, Any]:
        """Plain data that fixes the arm at one seed."""
        shared = {
            "target": self.target.recipe() | {"content": self.target.dataset.identity(workspace.storage)},
            "budget": vars(self.budget),
            "root_seed": self.root_seed,
            "seed": seed,
        }
        return shared | self.setup.recipe()

    def stream(self, what: str, seed: int) -> tuple[int, *tuple[object, ...]]:
        """The labels of a stream that every arm at this target and seed shares."""
        return self.root_seed, what, json.dumps(self.target.dataset.recipe(), sort_keys=True), seed

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
        return self.source.label if self.source else self.arm.setup.label

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
        source = _source_recipe(self.source, workspace) if self.source else None
        return {"source": source, "method": self.method.recipe()} | self.arm.recipe(workspace, self.seed)

    def run(self, workspace: Workspace) -> Record:
        """Runs the trial; what fails is a record too, with its reason."""
        return _recorded("trial", self.recipe(workspace), workspace, lambda: _run_trial(self, workspace))


@dataclass(frozen=True)
class Scoring:
    """The similarities of a source and a target at one seed's training draw."""

    source: Source
    similarities: tuple[Similarity, ...]
    arm: Arm
    seed: int

    @property
    def path(self) -> Path:
        """The record's path within a run."""
        return Path(self.arm.target.label) / self.source.label / "similarity" / f"seed-{self.seed}.json"

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Plain data that fixes the scores."""
        measures = [similarity.recipe() for similarity in self.similarities]
        own = {"source": _source_recipe(self.source, workspace), "similarities": measures}
        return own | self.arm.recipe(workspace, self.seed)

    def run(self, workspace: Workspace) -> Record:
        """Scores the pair; what fails is a record too."""
        return _recorded("similarity", self.recipe(workspace), workspace, lambda: _run_scoring(self, workspace))


def _source_recipe(source: Source, workspace: Workspace) -> dict[str, Any]:
    return source.recipe() | {"content": source.identity(workspace)}


def _recorded(
    kind: Any, recipe: dict[str, Any], workspace: Workspace, work: Callable[[], tuple[dict[str, Any], dict[str, Any]]]
) -> Record:
    where = environment.describe(device.describe(workspace.device), torch.get_num_threads())
    try:
        outcome, timing = work()
    except Exception as error:  # noqa: BLE001  whatever goes wrong in one trial, the run goes on and says so
        outcome, timing = {"failure": one_line(error)}, {}
    return Record(kind, "failed" if outcome["failure"] else "done", recipe, outcome, timing, where)


def _run_trial(trial: Trial, workspace: Workspace) -> tuple[dict[str, Any], dict[str, Any]]:
    arm, seed = trial.arm, trial.seed
    pool, test = (workspace.split(arm.target.dataset, part) for part in ("train", "test"))
    draw, form = arm.draw(workspace, seed)
    train, validation = (Examples(pool, part, form, workspace.device) for part in (draw.train, draw.validation))
    tested = Examples(test, np.arange(len(test)), form, workspace.device)
    weights = trial.source.load(arm.setup, workspace, seed, arm.root_seed) if trial.source else None
    with seeded(*arm.stream("weights", seed)):
        fresh = arm.setup.build(len(pool.classes))
    clock = Clock(workspace.device)
    with seeded(*arm.stream("training", seed)):
        start = trial.method.start(Materials(fresh, weights, pool.classes))
        start.network.to(workspace.device)
        moving = {name for phase in start.phases for name in phase.moving}
        frozen = tuple(name for name in (*start.network.names, HEAD) if name not in moving)
        before = start.network.checksum(frozen)
        order = torch.Generator().manual_seed(key(*arm.stream("order", seed)))
        fitted = _train(start, train, validation, order, arm.budget, clock) if start.phases else None
        right, notes = _evaluate(start, train, tested, key(*arm.stream("readout", seed)), clock)
    if start.network.checksum(frozen) != before:
        raise TlbenchError(f"frozen parts moved ({', '.join(frozen)}); the result would mean nothing")
    counts = np.bincount(test.labels)
    outcome = {
        "failure": fitted.failure if fitted else None,
        "accuracy": float(right.mean()),
        "correct": pack_bits(right),
        "n_test": len(test),
        "chance": float(counts.max() / counts.sum()),
        "validation_chance": float(np.bincount(pool.labels[draw.validation]).max() / len(draw.validation)),
        "n_train": len(draw.train),
        "n_validation": len(draw.validation),
        "pool": len(pool),
        "steps": arm.budget.steps(len(draw.train)) if fitted else 0,
        "blocks": list(start.network.names),
        "frozen": list(frozen),
        "frozen_checksum": before if frozen else None,
        "input": form.recipe(),
        "notes": [*notes, *(weights.notes if weights else ())],
    }
    return outcome | _curve_part(fitted) | _source_part(weights), _timing(clock, fitted, weights)


def _train(
    start: Start, train: Items, validation: Items, order: torch.Generator, budget: Budget, clock: Clock
) -> Fitted:
    network, prefix = start.network, min(start.network.frozen_prefix(phase.moving) for phase in start.phases)
    if prefix and _encoded_bytes(start, train, prefix) > RESIDENT_BYTES:
        prefix = 0
    with clock.running():
        train = encode(network, train, prefix)
    fitted = fit([Learner(network, train, encode(network, validation, prefix), order)], start.phases, budget, prefix)[0]
    clock.seconds += fitted.seconds
    return fitted


@torch.inference_mode()
def _encoded_bytes(start: Start, items: Items, prefix: int) -> int:
    start.network.eval()
    one = start.network.run(items.inputs(torch.arange(1, device=items.labels.device)), 0, prefix)
    return 4 * one.numel() * len(items)


def _evaluate(
    start: Start, train: Items, tested: Items, seed: int, clock: Clock
) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], tuple[str, ...]]:
    """Which test items are predicted right: the one place where the test split is read, once, at the end."""
    notes: tuple[str, ...] = ()
    features = start.readout is not None and start.readout_of == "features"
    if start.readout is None:
        predicted = predict(start.network, tested).argmax(1).cpu().numpy()
    else:
        with clock.running():
            seen = predict(start.network, train, features=features).cpu().numpy()
            predictor = start.readout(seen, train.labels.cpu().numpy(), seed)
        notes = predictor.notes
        predicted = predictor(predict(start.network, tested, features=features).cpu().numpy())
    return np.asarray(predicted == tested.labels.cpu().numpy()), notes


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


def _timing(clock: Clock, fitted: Fitted | None, weights: Weights | None) -> dict[str, Any]:
    return {
        "seconds": clock.seconds,
        "curve_seconds": list(fitted.curve.seconds) if fitted else None,
        "source_seconds": weights.seconds if weights else None,
    }


def _run_scoring(scoring: Scoring, workspace: Workspace) -> tuple[dict[str, Any], dict[str, Any]]:
    arm, seed = scoring.arm, scoring.seed
    pool = workspace.split(arm.target.dataset, "train")
    draw, form = arm.draw(workspace, seed)
    weights = scoring.source.load(arm.setup, workspace, seed, arm.root_seed)
    own = None
    if weights.dataset is not None:
        split = workspace.split(weights.dataset, "train")
        chosen = np.sort(generator(*arm.stream("own", seed)).permutation(len(split))[:OWN_ITEMS])
        own = Examples(split, chosen, arm.setup.form.fitted(split, chosen), workspace.device)
    clock = Clock(workspace.device)
    network = weights.network.to(workspace.device)
    with clock.running():
        seen = view(network, Examples(pool, draw.train, form, workspace.device), own, has_head=bool(weights.classes))
    scores, seconds = {}, {"features": clock.seconds}
    for similarity in scoring.similarities:
        one = Clock(torch.device("cpu"))
        with one.running():
            value = similarity.score(seen)
        scores[similarity.label] = value if value is None or np.isfinite(value) else None
        seconds[similarity.label] = one.seconds
    closer = {similarity.label: similarity.higher_is_closer for similarity in scoring.similarities}
    return {"failure": None, "scores": scores, "higher_is_closer": closer}, {"seconds": seconds}
