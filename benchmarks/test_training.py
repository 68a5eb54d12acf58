"""What making costs: every method's training and whole trials, a prefix pass, every similarity."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from tests.tiny import tiny_conditions, tiny_trial
from tlbench.device import synchronise
from tlbench.method import Budget, methods
from tlbench.records import Outcome, Record
from tlbench.similarity import View, similarities
from tlbench.streams import seeded
from tlbench.training import Encoded, FrozenPrefix
from tlbench.trials import ArmAtSeed, Choice, conclude, tries
from tlbench.workspace import Workspace

BUDGET = Budget(steps=60, batch_size=16, learning_rates=(0.01,))
CONDITIONS = tiny_conditions(budget=BUDGET)
STEPS = BUDGET.steps
ROUNDS = 10
BATCH = 512  # images in the prefix pass
DRAW, OWN, WIDTH, CLASSES = 500, 2000, 512, 10  # what a similarity sees of a zoo's network


def _train(arm: ArmAtSeed) -> str | None:
    """Trains an arm for its budget, or fits its readouts and reads the test set; why that failed, or None."""
    tried = tries(arm, Choice())
    fitted = tried.best.fitted
    return conclude(arm, tried)[0].failure if fitted is None else fitted.failure


@pytest.mark.parametrize("name", list(methods))
def test_training(benchmark: BenchmarkFixture, workspace: Workspace, name: str) -> None:
    """Seconds of `STEPS` steps with their evaluations; of fitting and reading out, for a method that takes no step."""
    arm = tiny_trial(name, conditions=CONDITIONS).arm(workspace)

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        fresh = Workspace(workspace.storage, workspace.device)  # in which no prefix is kept
        return (replace(arm, workspace=fresh),), {}

    benchmark.extra_info["steps"] = STEPS if arm.starts(Choice())[0].phases else 0
    assert benchmark.pedantic(_train, setup=setup, rounds=ROUNDS, warmup_rounds=1) is None


@pytest.mark.parametrize("name", list(methods))
def test_trial(benchmark: BenchmarkFixture, workspace: Workspace, name: str) -> None:
    """Seconds of a whole trial of four steps: what stands around training, from the draw to the record."""
    trial = tiny_trial(name)
    record: Record[Outcome] = benchmark.pedantic(trial.run, (workspace,), rounds=ROUNDS, warmup_rounds=1)
    assert record.status == "done", record.outcome.failure


def test_prefix_pass(benchmark: BenchmarkFixture, workspace: Workspace) -> None:
    """Seconds in which a frozen ResNet-8 of width 4 brings `BATCH` images of 8 pixels to its last boundary."""
    with seeded(0, "benchmark"):
        network = CONDITIONS.setup.build(CLASSES).to(workspace.device)
    labels = torch.zeros(BATCH, dtype=torch.long, device=workspace.device)
    images = Encoded(torch.rand(BATCH, *CONDITIONS.setup.form.shape, device=workspace.device), labels)

    def prefix_pass() -> int:
        fresh = Workspace(workspace.storage, workspace.device)
        found = FrozenPrefix(network, len(network.names), fresh).apply(images, "images")
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
