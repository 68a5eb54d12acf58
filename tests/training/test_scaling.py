"""Standardised features: one scaling for every way of training, none where features are read for themselves."""

import copy

import pytest
import torch
from torch import Tensor

from tests.tiny import tiny_conditions
from tlbench.dataset import Target, datasets
from tlbench.errors import TlbenchError
from tlbench.method import Budget, Materials, Phase, Start, methods
from tlbench.network import HEAD, Network
from tlbench.records import Outcome
from tlbench.source import Weights, sources
from tlbench.training import predict
from tlbench.training.items import Encoded
from tlbench.training.joined import join
from tlbench.training.scaling import scaled
from tlbench.trials import PLAIN, Choice, Conditions, Trial, run_together
from tlbench.workspace import Workspace

SETUP = tiny_conditions().setup
LABELS = torch.arange(40) % 2


def _networks(n: int) -> list[Network]:
    torch.manual_seed(0)
    return [SETUP.build(2).eval() for _ in range(n)]


def _items(seed: int = 0) -> Encoded:
    return Encoded(torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(seed)), LABELS)


def _features(network: Network) -> Tensor:
    return predict(network, _items(), features=True).clone()


def test_features_have_no_mean_and_one_spread_and_constant_ones_stay() -> None:
    (network,) = _networks(1)
    with torch.no_grad():
        for weights in network.blocks.parameters():
            if weights.dim() > 1:
                weights[0] = 0  # the first feature may well be the same for all items
    plain = _features(network)
    network.scaling = scaled(network, _items(), 0).layer
    found, constant = _features(network), plain.std(0) < 1e-6
    assert torch.allclose(found.mean(0), torch.zeros(16), atol=1e-5)
    assert torch.allclose(found.std(0, unbiased=False)[~constant], torch.ones(16)[~constant], atol=1e-4)
    assert torch.allclose(found[:, constant], torch.zeros(40, int(constant.sum())), atol=1e-5)


def test_a_feature_that_never_changes_keeps_its_scale() -> None:
    (network,) = _networks(1)
    values = torch.randn(40, 16)
    values[:, 3] = 7.0
    layer = scaled(network, Encoded(values, LABELS), len(network.names) + 1).layer
    assert layer.scale[3] == 1
    assert layer(torch.full((1, 16), 9.0))[0, 3] == 2
    assert (layer.scale[:3] != 1).all()


def test_networks_that_are_joined_keep_a_scaling_each() -> None:
    networks = _networks(3)
    for seed, network in enumerate(networks):
        network.scaling = scaled(network, _items(seed), 0).layer
    inputs = torch.randn(6, 1, 8, 8)
    joined = join(networks, inputs)
    assert isinstance(joined, Network)
    with torch.no_grad():
        apart = torch.cat([network(inputs) for network in networks], 1)
        assert torch.allclose(joined.eval()(torch.cat([inputs] * 3, 1)), apart, atol=1e-4)


def test_the_source_and_what_is_kept_of_blocks_know_nothing_of_it() -> None:
    (network,) = _networks(1)
    plain = copy.deepcopy(network)
    network.scaling = scaled(network, _items(), 0).layer
    assert network.leading_digests() == plain.leading_digests()
    assert network.checksum([*network.names, HEAD]) == plain.checksum([*plain.names, HEAD])
    end = len(network.names) + 1
    assert torch.equal(network.run(torch.ones(2, 1, 8, 8), 0, end), plain.run(torch.ones(2, 1, 8, 8), 0, end))  # type: ignore[arg-type]


def test_a_scaling_that_moved_is_seen() -> None:
    (network,) = _networks(1)
    network.scaling = layer = scaled(network, _items(), 0).layer
    assert {"scaling.mean", "scaling.scale"} <= set(network.frozen_tensors([HEAD]))
    assert not list(layer.parameters())


def test_only_a_head_may_be_trained_on_standardised_features() -> None:
    (network,) = _networks(1)
    Start(network, (Phase((HEAD,)),), standardised=True).check()
    with pytest.raises(TlbenchError, match="standardised features moves its head and nothing else"):
        Start(network, (Phase((network.names[-1], HEAD)),), standardised=True).check()


def test_a_probe_asks_for_it_and_what_reads_features_does_not() -> None:
    fresh, source = _networks(2)
    starts = {
        name: methods.make(name).start(Materials(copy.deepcopy(fresh), Weights(source, ("a", "b")), ("a", "b")))
        for name in ("linear_probe", "features", "last_k:1", "finetune")
    }
    assert {name for name, start in starts.items() if start.standardised} == {"linear_probe"}
    assert {name for name, start in starts.items() if start.head_only} == {"linear_probe"}


def test_a_head_alone_has_rates_of_its_own_of_which_there_are_as_many() -> None:
    budget = Budget(learning_rates=(0.001, 0.01, 0.003))
    assert budget.grid(head_only=False) == (0.001, 0.01, 0.003)
    assert budget.grid(head_only=True) == (0.01, 0.1, 0.03)
    assert Budget(learning_rates=(1.0,)).grid(head_only=True) == (0.03,)
    assert Budget(learning_rates=(1.0,), head_rates=(0.2,)).grid(head_only=True) == (0.2,)


def _digits(n_train: int, rates: tuple[float, ...], steps: int = 60) -> Conditions:
    plain = tiny_conditions(n_train, Budget(steps, batch_size=16, learning_rates=rates))
    return Conditions(
        Target(datasets.make("digits"), n_train, 300), plain.setup, plain.budget, plain.metric, plain.augment
    )


def _run(method: str, conditions: Conditions, workspace: Workspace, choice: Choice | None = None) -> Outcome:
    outcome = Trial(sources.make("null"), methods.make(method), conditions, 0).run(workspace, choice).outcome
    assert outcome.failure is None
    return outcome


def test_a_probe_of_random_features_reaches_what_the_convex_head_does(workspace: Workspace) -> None:
    """With the rates of whole networks, on features as they are, it stays far below."""
    conditions = _digits(100, (0.003, 0.01, 0.03))
    probe, convex = (_run(method, conditions, workspace).judged.score for method in ("linear_probe", "features"))
    assert convex > 0.5
    assert abs(probe - convex) < 0.06


@pytest.mark.parametrize("augment", [(), ("crop:1",)])
def test_without_shortcuts_a_probe_is_the_same(augment: tuple[str, ...], workspace: Workspace) -> None:
    conditions = _digits(48, (0.01,), steps=12)
    varied = Conditions(
        conditions.target, SETUP, conditions.budget, conditions.metric, type(SETUP.form).augmentation(augment)
    )
    fast, plain = (_run("linear_probe", varied, workspace, choice) for choice in (Choice(), PLAIN))
    assert fast.learning_rate == plain.learning_rate == 0.03
    assert fast.judged.score == pytest.approx(plain.judged.score, abs=0.01)
    assert fast.curve is not None
    assert plain.curve is not None
    assert fast.curve.train_loss[1:] == pytest.approx(plain.curve.train_loss[1:], abs=1e-3)


def test_probes_of_several_seeds_trained_together_are_the_same(workspace: Workspace) -> None:
    conditions = _digits(48, (0.003, 0.01), steps=12)
    trials = [Trial(sources.make("null"), methods.make("linear_probe"), conditions, seed) for seed in range(3)]
    together = run_together(trials, workspace, Choice(together=True))
    apart = [trial.run(workspace) for trial in trials]
    assert {record.environment["engine"]["n_together"] for record in together} == {3}
    for one, other in zip(together, apart, strict=True):
        assert one.outcome.learning_rate == other.outcome.learning_rate
        assert one.outcome.judged.score == pytest.approx(other.outcome.judged.score, abs=0.01)
