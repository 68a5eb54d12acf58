"""What making costs: every method's training and whole trials, a prefix pass, every similarity."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from tests.tiny import SOURCE, tiny_arm, tiny_trial
from tlbench.device import synchronise
from tlbench.method import Budget, Materials, Start, methods
from tlbench.records import Outcome, Record
from tlbench.similarity import View, similarities
from tlbench.source import Weights, sources
from tlbench.streams import seeded
from tlbench.training import Clock, Encoded, Examples, run_prefix
from tlbench.trials import Choice, Data, Prepared, attempt, evaluate, prepare
from tlbench.workspace import Workspace

BUDGET = Budget(epochs=30, batch_size=16, learning_rates=(0.01,))
ARM = tiny_arm(budget=BUDGET)
STEPS = BUDGET.steps(ARM.target.n_train)
ROUNDS = 10
BATCH = 512  # images in the prefix pass
DRAW, OWN, WIDTH, CLASSES = 500, 2000, 512, 10  # what a similarity sees of a zoo's network


@dataclass(frozen=True)
class Bench:
    """What every method starts from: a target's data, and a source whose head means something."""

    data: Data
    weights: Weights
    classes: tuple[str, ...]

    def start(self, name: str) -> Start:
        """A method's start, from the same random network every time."""
        method = methods.make(name)
        with seeded(0, "benchmark"):
            fresh = ARM.setup.build(len(self.classes))
            start = method.start(Materials(fresh, self.weights if method.needs_source else None, self.classes))
        start.network.to(self.data.train.labels.device)
        return start


@pytest.fixture(scope="module")
def bench(workspace: Workspace) -> Bench:
    """The tiny arm's data at seed 0, and the tiny suite's source."""
    pool, test = (ARM.target.dataset.split(part, workspace) for part in ("train", "test"))
    draw, form = ARM.draw(workspace, 0)
    parts = [(pool, draw.train), (pool, draw.validation), (test, np.arange(len(test)))]
    data = Data(*(Examples(split, chosen, form, workspace.device) for split, chosen in parts))
    return Bench(data, sources.make(SOURCE).load(ARM.setup, workspace, 0, 0), pool.classes)


def _arm(start: Start, data: Data, workspace: Workspace) -> str | None:
    """Trains a start for its budget, or fits its readouts, from images; why that failed, or None."""
    if start.phases:
        fresh = Workspace(workspace.storage, workspace.device)  # in which no prefix is kept
        items = prepare(start, data, "data", Choice(), fresh)
        order = torch.Generator().manual_seed(0)
        fitted = attempt([start], [items], [order], BUDGET, BUDGET.learning_rates[0])[0].fitted
        return fitted.failure if fitted else "nothing was trained"
    whole = Prepared(data.train, data.validation)
    evaluate(start, whole, data.tested, 0, Clock(data.train.labels.device), len(BUDGET.learning_rates))
    return None


@pytest.mark.parametrize("name", list(methods))
def test_training(benchmark: BenchmarkFixture, bench: Bench, workspace: Workspace, name: str) -> None:
    """Seconds of `STEPS` steps with their evaluations; of fitting and reading out, for a method that takes no step."""

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (bench.start(name), bench.data, workspace), {}

    benchmark.extra_info["steps"] = STEPS if bench.start(name).phases else 0
    assert benchmark.pedantic(_arm, setup=setup, rounds=ROUNDS, warmup_rounds=1) is None


@pytest.mark.parametrize("name", list(methods))
def test_trial(benchmark: BenchmarkFixture, workspace: Workspace, name: str) -> None:
    """Seconds of a whole trial of four steps: what stands around training, from the draw to the record."""
    trial = tiny_trial(name)
    record: Record[Outcome] = benchmark.pedantic(trial.run, (workspace,), rounds=ROUNDS, warmup_rounds=1)
    assert record.status == "done", record.outcome.failure


def test_prefix_pass(benchmark: BenchmarkFixture, bench: Bench, workspace: Workspace) -> None:
    """Seconds in which a frozen ResNet-8 of width 4 brings `BATCH` images of 8 pixels to its last boundary."""
    network = bench.start("scratch").network
    labels = torch.zeros(BATCH, dtype=torch.long, device=workspace.device)
    images = Encoded(torch.rand(BATCH, *ARM.setup.form.shape, device=workspace.device), labels)

    def prefix_pass() -> int:
        fresh = Workspace(workspace.storage, workspace.device)
        found = run_prefix(network, images, "images", len(network.names), fresh)
        synchronise(workspace.device)
        return len(found.items) if found else 0

    assert benchmark.pedantic(prefix_pass, rounds=5 * ROUNDS, warmup_rounds=1) == BATCH


@pytest.fixture(scope="module")
def view() -> View:
    """Random features as wide as a ResNet-18's, of a draw and of the source's own data."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(DRAW) % CLASSES
    centres = torch.randn(CLASSES, WIDTH, generator=generator, dtype=torch.float64)
    features = centres[labels] + torch.randn(DRAW, WIDTH, generator=generator, dtype=torch.float64)
    own = torch.randn(OWN, WIDTH, generator=generator, dtype=torch.float64)
    return View(features, labels, torch.softmax(features[:, :CLASSES], 1), own)


@pytest.mark.parametrize("name", list(similarities))
def test_similarity(benchmark: BenchmarkFixture, view: View, name: str) -> None:
    """Seconds of one score from features at hand."""
    similarity = similarities.make(name)
    assert benchmark.pedantic(similarity.score, (view,), rounds=ROUNDS, warmup_rounds=1) is not None
