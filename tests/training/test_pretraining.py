"""Sources trained here: once a recipe, kept, and trained anew where what is kept is damaged."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.drawn import noise
from tests.tiny import GREY
from tlbench.datasets.patterns import Patterns
from tlbench.errors import TlbenchError
from tlbench.form import forms
from tlbench.network import HEAD, Setup, networks
from tlbench.source import Weights, sources
from tlbench.sources.shuffled import Shuffled
from tlbench.training import loop as training
from tlbench.training.learners import Learner
from tlbench.training.loop import Fitted
from tlbench.workspace import Workspace

DATASET = {"name": "patterns", "n_classes": 2, "size": 8}
SPEC: dict[str, Any] = {"name": "trained", "dataset": DATASET, "steps": 6, "per_seed": False}
SETUP = Setup(networks.make({"name": "resnet", "width": 4}), GREY)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[Learner]:
    """The learners that were trained, one an actual training."""
    seen: list[Learner] = []

    def fit(learners: Sequence[Learner], *rest: Any) -> list[Fitted]:
        seen.extend(learners)
        return training.fit(learners, *rest)

    monkeypatch.setattr("tlbench.training.pretraining.fit", fit)
    return seen


def _load(workspace: Workspace, trial: int = 0, root_seed: int = 0, setup: Setup = SETUP, **changes: object) -> Weights:
    """As a process of its own would at the seed `trial`: with the same storage and nothing opened yet."""
    fresh = Workspace(workspace.storage, workspace.device)
    return sources.make(SPEC | changes).load(setup, fresh, trial, root_seed)


def _kept(workspace: Workspace) -> list[Path]:
    return sorted(path for path in workspace.storage.cache.rglob("*") if path.is_file())


def _all(weights: Weights) -> str:
    return weights.network.checksum((*weights.network.names, HEAD))


def test_a_source_is_trained_once_and_kept(workspace: Workspace, fitted: list[Learner]) -> None:
    first, again, other_seed = (_load(workspace, seed, root_seed=seed) for seed in (0, 0, 5))
    assert len(fitted) == 1
    assert _all(first) == _all(again) == _all(other_seed)
    assert (first.accuracy, first.seconds, first.classes) == (again.accuracy, again.seconds, again.classes)
    (path,) = _kept(workspace)
    assert path.name.startswith("trained-patterns-1.0-n_classes-2-size-8-steps-6-per_seed-false-")
    assert path.suffix == ".safetensors"
    assert path.parent.name == "sources"


def test_it_knows_what_it_was_trained_on(workspace: Workspace) -> None:
    source, weights = sources.make(SPEC), _load(workspace)
    assert weights.classes == ("pattern0", "pattern1")
    assert weights.dataset == Patterns(n_classes=2, size=8)
    assert source.datasets() == (weights.dataset,)
    assert weights.seconds is not None
    assert weights.seconds > 0
    assert not any(module.training for module in weights.network.modules())


def test_it_learns(workspace: Workspace) -> None:
    weights = _load(workspace, steps=60, dataset=DATASET | {"noise": 0.5})
    assert weights.accuracy is not None
    assert weights.accuracy > 0.8


def test_training_leaves_the_global_generators_alone(workspace: Workspace) -> None:
    before = torch.get_rng_state(), random.getstate()
    _load(workspace)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 12},
        {"seed": 1},
        {"name": "shuffled"},
        {"dataset": DATASET | {"variant": 1}},
        {"setup": Setup(networks.make({"name": "resnet", "width": 6}), SETUP.form)},
        {"setup": Setup(SETUP.architecture, forms.make({"name": "images", "size": 7, "channels": 1}))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_recipe_is_trained_anew(change: dict[str, Any], workspace: Workspace, fitted: list[Learner]) -> None:
    first, other = _load(workspace), _load(workspace, **change)
    assert len(fitted) == 2
    assert first.digest() != other.digest()
    assert len(_kept(workspace)) == 2


def test_the_same_recipe_gives_the_same_weights_elsewhere(workspace: Workspace, fitted: list[Learner]) -> None:
    first = _load(workspace)
    _kept(workspace)[0].unlink()
    assert _all(_load(workspace)) == _all(first)
    assert len(fitted) == 2


@pytest.mark.parametrize("fault", ["empty", "garbage", "cut", "no facts"])
def test_what_is_kept_damaged_is_trained_anew(fault: str, workspace: Workspace, fitted: list[Learner]) -> None:
    first = _load(workspace)
    (path,) = _kept(workspace)
    held = path.read_bytes()
    spoilt = {"empty": b"", "garbage": b"x" * 500, "cut": held[:-10], "no facts": held.replace(b"tlbench", b"another")}
    path.write_bytes(spoilt[fault])
    assert _all(_load(workspace)) == _all(first)
    assert len(fitted) == 2
    assert _all(_load(workspace)) == _all(first)
    assert len(fitted) == 2
    assert len(_kept(workspace)) == 1


def test_a_source_per_seed_has_weights_of_its_own(workspace: Workspace, fitted: list[Learner]) -> None:
    assert sources.make(SPEC | {"per_seed": True}).varies
    assert not sources.make(SPEC).varies
    assert sources.make({key: value for key, value in SPEC.items() if key != "per_seed"}).varies
    digests = [_load(workspace, seed, per_seed=True).digest() for seed in (0, 1, 2, 0, 1)]
    assert digests[:2] == digests[3:]
    assert len(set(digests)) == 3 == len(fitted)


@pytest.mark.parametrize("name", ["trained", "shuffled", "permuted"])
def test_seeds_that_are_trained_as_one_network_come_out_as_they_would_apart(
    name: str, tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept already is left alone."""
    calls: list[tuple[int, bool]] = []

    def counted(learners: Sequence[Learner], *rest: Any) -> list[Fitted]:
        calls.append((len(learners), rest[-1] is not None))
        return training.fit(learners, *rest)

    monkeypatch.setattr("tlbench.training.pretraining.fit", counted)
    elsewhere = Workspace(replace(workspace.storage, cache=tmp_path / "elsewhere"), workspace.device)
    apart = [_load(elsewhere, seed, name=name, per_seed=True) for seed in range(4)]
    first = _load(workspace, 1, name=name, per_seed=True)
    source = sources.make(SPEC | {"name": name, "per_seed": True})
    assert source.prepare(SETUP, workspace, range(4), 0) == ()
    assert calls == [(1, False)] * 5 + [(3, True)]
    assert len(list((workspace.storage.cache / "sources").iterdir())) == 4
    together = [_load(workspace, seed, name=name, per_seed=True) for seed in range(4)]
    assert _all(together[1]) == _all(first) == _all(apart[1])
    assert len(calls) == 6
    for one, other in zip(together, apart, strict=True):
        assert one.accuracy == pytest.approx(other.accuracy, abs=0.02)
        for key, value in one.network.state_dict().items():
            assert torch.allclose(value.float(), other.network.state_dict()[key].float(), atol=2e-3), key


def test_networks_that_cannot_be_joined_are_trained_one_by_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, fitted: list[Learner]
) -> None:
    monkeypatch.setattr("tlbench.training.pretraining.joined_over", lambda *_: "a layer cannot be joined")
    source = sources.make(SPEC | {"per_seed": True})
    source.prepare(SETUP, workspace, (0, 1), 0)
    digests = [_load(workspace, seed, per_seed=True).digest() for seed in (0, 1)]
    assert len(set(digests)) == 2 == len(fitted)


def test_training_that_diverges_is_told_and_nothing_is_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(*args: Any) -> list[Fitted]:
        return [Fitted(one.curve, one.seconds, "training loss not finite by step 3") for one in training.fit(*args)]

    monkeypatch.setattr("tlbench.training.pretraining.fit", diverging)
    with pytest.raises(TlbenchError, match=r"source 'trained-.*' could not be trained: training loss not finite"):
        _load(workspace)
    assert _kept(workspace) == []


def test_changed_content_is_trained_anew(workspace: Workspace, tmp_path: Path, fitted: list[Learner]) -> None:
    digests = []
    for seed in (0, 0, 1):
        images, labels = noise(40, 8, 8, seed=seed), np.arange(40) % 2
        np.savez(tmp_path / "own.npz", train_images=images, train_labels=labels)
        digests.append(_load(workspace, dataset=f"npz:{tmp_path / 'own.npz'}").digest())
    assert digests[0] == digests[1] != digests[2]
    assert len(fitted) == 2


def test_a_source_sees_the_whole_train_split_under_its_own_labels(workspace: Workspace, fitted: list[Learner]) -> None:
    _load(workspace)
    pool = Patterns(n_classes=2, size=8).open("train", workspace.storage)
    assert fitted[0].train.labels.tolist() == pool.labels.tolist()
    assert len(fitted[0].validation) == 200


def test_a_shuffled_source_sees_permuted_labels(workspace: Workspace, fitted: list[Learner]) -> None:
    _load(workspace, name="shuffled")
    pool = Patterns(n_classes=2, size=8).open("train", workspace.storage)
    seen = fitted[0].train.labels.numpy()
    assert np.bincount(seen).tolist() == np.bincount(pool.labels).tolist()
    assert 0.4 < (seen == pool.labels).mean() < 0.6


LABELS = np.repeat(np.arange(5), 200)


@pytest.mark.parametrize(("rate", "agreement"), [(0, 1.0), (0.25, 0.8), (0.5, 0.6), (1.0, 0.2)])
def test_labels_are_permuted_at_the_rate_asked_for(rate: float, agreement: float) -> None:
    source = Shuffled(Patterns(), rate)
    seen = source.relabel(LABELS, np.random.default_rng(0))
    assert np.bincount(seen).tolist() == [200] * 5
    assert (seen == LABELS).mean() == pytest.approx(agreement, abs=0 if rate == 0 else 0.04)
    assert np.array_equal(seen, source.relabel(LABELS, np.random.default_rng(0)))
    assert LABELS.tolist() == sorted(LABELS.tolist())


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_a_rate_beyond_a_share_is_refused(rate: float) -> None:
    with pytest.raises(TlbenchError, match=f"rate {rate} is not within 0..1"):
        sources.make({"name": "shuffled", "dataset": "patterns", "rate": rate})
