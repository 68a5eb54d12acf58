"""What a method may ask for beyond one phase: candidates, penalties, parts of blocks, readouts of what was trained."""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from tests.tiny import BUDGET, SOURCE, tiny_conditions, tiny_suite, tiny_trial
from tlbench.errors import TlbenchError
from tlbench.method import Batch, Materials, Method, Penalty, Phase, Readout, Start, last_blocks, methods
from tlbench.network import HEAD, Activations, Architecture, Masked, Network, Setup, values_of
from tlbench.records import Outcome, Record
from tlbench.source import sources
from tlbench.training import predict
from tlbench.trials import FAILED_TOGETHER, PLAIN, Choice, Conditions, Trial, outline, resolve, run_together
from tlbench.workspace import Workspace

LONGER = replace(BUDGET, steps=12, learning_rates=(0.003, 0.03))
TOGETHER = Choice(together=True)
Made = Callable[[Materials], Start]


@dataclass(frozen=True)
class Custom(Method):
    """A method whose start a test says."""

    made: Made = field(default=lambda materials: Start(materials.fresh), compare=False)

    def start(self, materials: Materials) -> Start:
        """As the test has it."""
        return self.made(materials)

    def recipe(self, *, places: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """A function is no plain data."""
        return {"name": "custom"}


def _trial(made: Made, seed: int = 0, conditions: Conditions | None = None) -> Trial:
    return Trial(sources.make(SOURCE), Custom(made=made), conditions or tiny_conditions(), seed)


def _everything(materials: Materials, penalty: Penalty | None = None) -> Start:
    network = materials.transferred()
    return Start(network, (Phase(last_blocks(network, len(network.names)), penalty=penalty),))


def _dead(materials: Materials) -> Start:
    """All weights zero: nothing but the head's bias can learn."""
    start = _everything(materials)
    dead = copy.deepcopy(start.network)
    with torch.no_grad():
        for parameter in dead.parameters():
            parameter.zero_()
    return replace(start, network=dead)


def _apart(records: list[Record[Outcome]]) -> set[str | None]:
    assert all(record.status == "done" for record in records), [record.outcome.failure for record in records]
    assert all(record.environment["engine"]["together"] is False for record in records)
    assert all(record.environment["engine"]["n_together"] == 1 for record in records)
    return {record.environment["engine"]["apart"] for record in records}


def _outcomes(records: list[Record[Outcome]]) -> list[str]:
    return [record.outcome_digest for record in records]


@pytest.mark.parametrize("good_first", [True, False])
def test_the_better_of_two_candidates_on_validation_is_the_arm(good_first: bool, workspace: Workspace) -> None:
    def both(materials: Materials) -> Start:
        good, dead = _everything(materials), _dead(materials)
        return replace(good, alternatives=(dead,)) if good_first else replace(dead, alternatives=(good,))

    conditions = tiny_conditions(budget=LONGER)
    alone, found, dead = (_trial(made, conditions=conditions).run(workspace) for made in (_everything, both, _dead))
    assert found.outcome.failure is None
    assert found.outcome.judged == alone.outcome.judged
    assert found.outcome.learning_rate == alone.outcome.learning_rate
    assert found.outcome.judged.score > dead.outcome.judged.score
    assert found.timing.grid_seconds > found.timing.seconds


def test_candidates_may_freeze_different_blocks(workspace: Workspace) -> None:
    def several(materials: Materials) -> Start:
        network = materials.transferred()
        starts = [
            Start(copy.deepcopy(network), (Phase(last_blocks(network, k)),), standardised=k == 0) for k in (0, 2, 4)
        ]
        return replace(starts[0], alternatives=tuple(starts[1:]))

    conditions = tiny_conditions(budget=LONGER)
    record = _trial(several, conditions=conditions).run(workspace)
    single = [tiny_trial(m, conditions=conditions).run(workspace) for m in ("linear_probe", "last_k:2", "finetune")]
    best = max(single, key=lambda one: one.outcome.curve.validation_score[-1] if one.outcome.curve else -1)
    assert record.outcome.failure is None
    assert record.outcome.judged == best.outcome.judged
    assert record.outcome.frozen == best.outcome.frozen


@dataclass(frozen=True)
class Apart:
    """Trials that are not joined, and why."""

    made: Made
    why: str


def _with_penalty(materials: Materials) -> Start:
    return _everything(materials, Penalty(lambda batch: 0.01 * batch.features.square().mean()))


def _two(materials: Materials) -> Start:
    return replace(_everything(materials), alternatives=(_dead(materials),))


def _features(materials: Materials) -> Start:
    return methods.make("features").start(materials)


@pytest.mark.parametrize(
    "case",
    [
        Apart(_two, "several candidates are tried"),
        Apart(_with_penalty, "a penalty is a function of one network"),
        Apart(_features, "nothing is trained"),
    ],
    ids=lambda case: case.why,
)
def test_what_is_not_joined_says_why(case: Apart, workspace: Workspace) -> None:
    trials = [_trial(case.made, seed) for seed in range(2)]
    records = run_together(trials, workspace, TOGETHER)
    assert _apart(records) == {case.why}
    assert _outcomes(records) == _outcomes([trial.run(workspace) for trial in trials])


def test_what_is_joined_says_nothing(workspace: Workspace) -> None:
    records = run_together([_trial(_everything, seed) for seed in range(2)], workspace, TOGETHER)
    assert {record.environment["engine"]["apart"] for record in records} == {None}
    assert {record.environment["engine"]["n_together"] for record in records} == {2}


def test_a_bug_in_joining_costs_nothing_but_time_and_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("x")

    trials = [_trial(_everything, seed) for seed in range(2)]
    expected = _outcomes([trial.run(workspace) for trial in trials])
    monkeypatch.setattr("tlbench.trials.joining.joined_over", broken)
    records = run_together(trials, workspace, TOGETHER)
    assert _apart(records) == {f"{FAILED_TOGETHER}: KeyError: 'x'"}
    assert _outcomes(records) == expected


def test_a_frozen_weight_that_moved_fails_the_trial_though_its_part_moves(workspace: Workspace) -> None:
    def tampering(batch: Batch) -> Tensor:
        batch.network.get_parameter("blocks.layer3.0.bn1.weight").data.add_(0.1)  # behind autograd's back
        return torch.zeros(())

    def made(materials: Materials, penalty: Penalty | None = None) -> Start:
        return Start(materials.transferred(), (Phase(("layer3/*.bias", HEAD), penalty=penalty),))

    assert _trial(made).run(workspace).status == "done"
    record = _trial(lambda materials: made(materials, Penalty(tampering))).run(workspace)
    assert record.status == "failed"
    assert "frozen parts moved (stem, layer1, layer2)" in str(record.outcome.failure)


@pytest.mark.parametrize(
    ("moving", "frozen", "unfrozen"),
    [
        (("layer3/*.bias", HEAD), ("stem", "layer1", "layer2"), 1),
        (("stem/bn1.*", HEAD), ("layer1", "layer2", "layer3"), 4),
        ((HEAD,), ("stem", "layer1", "layer2", "layer3"), 0),
    ],
)
def test_what_learns_is_read_from_the_phases(
    moving: tuple[str, ...], frozen: tuple[str, ...], unfrozen: int, workspace: Workspace
) -> None:
    trial = _trial(lambda materials: Start(materials.transferred(), (Phase(moving),)))
    assert trial.run(workspace).outcome.frozen == frozen
    told = outline(trial.method, trial.conditions.setup, workspace)
    assert (told.blocks, told.frozen, told.unfrozen) == (4, 4 - unfrozen, unfrozen)


def _moving_nothing(materials: Materials) -> Start:
    return Start(materials.transferred(), (Phase((HEAD, "layer3/*.alpha")),))


def _watching_nothing(materials: Materials) -> Start:
    penalty = Penalty(lambda batch: batch.features.mean(), ("layer9",))
    return Start(materials.transferred(), (Phase((HEAD,), penalty=penalty),))


def _factor_for_nothing(materials: Materials) -> Start:
    return Start(materials.transferred(), (Phase((HEAD,), factors={"layer3": 0.1}),))


def _half_a_budget(materials: Materials) -> Start:
    return Start(materials.transferred(), (Phase((HEAD,), share=0.5),))


def _untrained_candidate(materials: Materials) -> Start:
    return replace(_everything(materials), alternatives=(_features(materials),))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (_moving_nothing, r"nothing in part 'layer3' fits '\*\.alpha'"),
        (_watching_nothing, "unknown block of the network 'layer9': did you mean 'layer"),
        (_factor_for_nothing, "unknown entry of a phase's moving 'layer3': known: head"),
        (_half_a_budget, r"phases take 0\.5 of the budget, not all of it"),
        (_untrained_candidate, "a start with alternatives needs phases, and so does each of them"),
    ],
)
def test_a_start_that_asks_for_what_is_not_there_is_told_before_training(
    made: Made, said: str, workspace: Workspace
) -> None:
    record = _trial(made).run(workspace)
    assert re.search(said, str(record.outcome.failure))
    with pytest.raises(TlbenchError, match=said):
        resolve(tiny_suite(cross=[{"sources": [SOURCE], "methods": [Custom(made=made)]}]), workspace)


def test_a_penalty_with_a_source_is_given_the_inputs(workspace: Workspace) -> None:
    """The source's first blocks are not the learner's: from the frozen boundary on it would see what is not its own."""
    seen: list[tuple[int, torch.Size]] = []

    def near(batch: Batch) -> Tensor:
        assert batch.source is not None
        assert not batch.source.training
        seen.append((batch.start, values_of(batch.inputs).shape[1:]))
        return (batch.features - batch.source.features(batch.inputs, batch.start).detach()).square().mean()

    def made(materials: Materials) -> Start:
        assert materials.weights is not None
        penalty = Penalty(near, source=materials.weights.network)
        return Start(materials.transferred(), (Phase(last_blocks(materials.fresh, 1), penalty=penalty),))

    fast, plain = (_trial(made).run(workspace, choice).outcome for choice in (Choice(), PLAIN))
    assert set(seen) == {(0, torch.Size([1, 8, 8]))}
    assert fast == plain


def test_a_penalty_sees_blocks_that_are_frozen(workspace: Workspace) -> None:
    """The prefix that is run beforehand ends where it looks."""
    seen: list[tuple[int, list[str]]] = []

    def looking(batch: Batch) -> Tensor:
        seen.append((batch.start, list(batch.activations)))
        assert batch.source is None
        return values_of(batch.activations["layer2"]).square().mean()

    def made(materials: Materials) -> Start:
        network = materials.transferred()
        penalty = Penalty(looking, ("layer2",))
        return Start(network, (Phase((HEAD,), penalty=penalty),), standardised=True)

    start = made(_trial(made).arm(workspace).materials)
    assert (start.boundary, start.unfrozen) == (2, 0)
    record = _trial(made).run(workspace)
    assert record.outcome.failure is None
    assert set(map(str, seen)) == {str((2, ["layer2"]))}
    assert record.timing.prefix["boundary"] == 2
    plain = tiny_trial("linear_probe").run(workspace)
    assert record.outcome.judged.score == pytest.approx(plain.outcome.judged.score, abs=0.02)


class Probe:
    """The readout of `features`, which keeps what it was fitted to."""

    def __init__(self, own: Readout, seen: list[npt.NDArray[np.float32]]) -> None:
        self.own, self.seen = own, seen

    def __call__(self, outputs: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], seed: int, /) -> Any:
        self.seen.append(outputs)
        return self.own(outputs, labels, seed)


@pytest.mark.parametrize("k", [4, 1])
def test_what_was_fine_tuned_can_be_read_out(k: int, workspace: Workspace) -> None:
    seen: list[npt.NDArray[np.float32]] = []
    trained: list[Network] = []

    def made(materials: Materials) -> Start:
        readouts = methods.make("features").start(materials).readouts
        network = materials.transferred()
        trained.append(network)
        return Start(network, (Phase(last_blocks(network, k)),), tuple(Probe(one, seen) for one in readouts))

    trial = _trial(made, conditions=tiny_conditions(budget=replace(BUDGET, steps=12)))
    record = trial.run(workspace)
    outcome = record.outcome
    assert outcome.failure is None
    assert outcome.notes == ("classifier at strength 1",)
    assert outcome.learning_rate == 0.01
    assert outcome.curve is not None
    assert outcome.steps == outcome.curve.steps[-1] == 12
    arm = trial.arm(workspace)
    arm.starts(Choice())
    data = arm.data
    features = predict(trained[0], data.train, features=True).numpy()
    assert np.allclose(seen[0], features, atol=1e-5)
    untrained = predict(trained[1], data.train, features=True).numpy()
    assert not np.allclose(seen[0], untrained, atol=1e-2)
    plain = trial.run(workspace, PLAIN)
    assert plain.outcome.judged.score == pytest.approx(outcome.judged.score, abs=0.02)
    head = tiny_trial("finetune" if k == 4 else "last_k:1", conditions=trial.conditions).run(workspace)
    assert head.outcome.curve is not None
    assert head.outcome.curve.train_loss == outcome.curve.train_loss
    assert head.outcome.judged.items != outcome.judged.items


class Rows(nn.Module):
    """Rows as positions; those with a mean above the image's count."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 6)

    def forward(self, inputs: Tensor) -> Masked:
        rows = inputs.flatten(1, 2)
        return Masked(self.linear(rows), rows.mean(2) >= rows.mean((1, 2)).unsqueeze(1))


class Positions(nn.Module):
    """A layer over each position, the mask handed on."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, inputs: Masked) -> Masked:
        return Masked(self.linear(inputs.values).relu(), inputs.mask)


class MaskedMean(nn.Module):
    """The mean over the positions that count."""

    def forward(self, inputs: Masked) -> Tensor:
        weights = inputs.mask.float().unsqueeze(2)
        return (inputs.values * weights).sum(1) / weights.sum(1)


@dataclass(frozen=True)
class Masks(Architecture):
    """A network whose activations carry a mask."""

    def build(self, shape: tuple[int, ...], n_classes: int) -> Network:  # noqa: ARG002
        """The two blocks."""
        return Network({"rows": Rows(), "positions": Positions()}, MaskedMean(), nn.Linear(6, n_classes))


@pytest.mark.parametrize(
    ("method", "boundary"), [("finetune", 0), ("last_k:1", 1), ("linear_probe", 3), ("features", 3)]
)
def test_masked_activations_go_through_a_whole_trial(method: str, boundary: int, workspace: Workspace) -> None:
    conditions = replace(tiny_conditions(), setup=Setup(Masks(), tiny_conditions().setup.form))
    trials = [tiny_trial(method, "null", seed, conditions) for seed in range(2)]
    fast, plain = trials[0].run(workspace), trials[0].run(workspace, PLAIN)
    assert fast.outcome.failure is None
    assert fast.timing.prefix["boundary"] == boundary
    assert fast.outcome.judged.score == pytest.approx(plain.outcome.judged.score, abs=0.02)
    why = {0: "MaskedMean cannot be joined", 1: "activations carry a mask"}.get(boundary)
    if why:
        assert _apart(run_together(trials, workspace, TOGETHER)) == {why}


def test_activations_are_tensors_or_masked() -> None:
    seen: Activations = Rows()(torch.randn(2, 1, 8, 8))
    assert isinstance(seen, Masked)
    assert values_of(seen).shape == (2, 8, 6)
    assert torch.equal(values_of(seen.values), seen.values)
