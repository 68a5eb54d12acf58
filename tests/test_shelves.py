"""The contracts over every leaf of every shelf: a new leaf is tested unasked."""

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.drawn import noise
from tests.tiny import GREY
from tlbench.cli.catalogue import SHELVES
from tlbench.dataset import Split, datasets
from tlbench.errors import TlbenchError
from tlbench.form import Form, forms
from tlbench.method import Materials, methods
from tlbench.metric import Metric, metrics
from tlbench.network import HEAD, Setup, networks
from tlbench.readers import Published
from tlbench.shelf import Leaf
from tlbench.similarity import View, similarities
from tlbench.source import Weights, sources
from tlbench.suite import builtin, read_suite
from tlbench.trials import outline
from tlbench.workspace import Workspace

LEAF_LINES = 60
ARGUMENTS = {
    "folder": "x",
    "npz": "x.npz",
    "file": "x.pt",
    "torchvision": "resnet18",
    "trained": "patterns",
    "shuffled": "patterns",
    "permuted": "patterns",
    "matched": "null",
}


def _leaves() -> Iterator[tuple[str, str]]:
    for shelf, found in SHELVES.items():
        for name in found:
            yield shelf, name


def _make(shelf: str, name: str) -> Leaf:
    leaf = SHELVES[shelf][name]
    needs = any(option.default is MISSING and not option.kw_only for option in leaf.options())
    made: Leaf = SHELVES[shelf].make(f"{name}:{ARGUMENTS[name]}" if needs else name)
    return made


@pytest.mark.parametrize(("shelf", "name"), list(_leaves()))
def test_every_leaf_is_a_frozen_documented_dataclass_of_one_file(shelf: str, name: str) -> None:
    leaf = SHELVES[shelf][name]
    assert is_dataclass(leaf)
    assert leaf.__doc__
    assert inspect.getdoc(inspect.getmodule(leaf))
    made = _make(shelf, name)
    assert made.name == name
    assert hash(made) == hash(_make(shelf, name))
    assert SHELVES[shelf].make(made.recipe()) == made


@pytest.mark.parametrize("shelf", ["datasets", "sources", "methods", "metrics", "similarities"])
def test_leaves_are_small(shelf: str) -> None:
    for path in (Path(__file__).parents[1] / "tlbench" / shelf).glob("*.py"):
        assert len(path.read_text().splitlines()) <= LEAF_LINES, path.name


@pytest.mark.parametrize("name", [n for n in datasets if n not in ("folder", "npz")])
def test_every_dataset_either_reads_or_says_what_is_missing(name: str, workspace: Workspace) -> None:
    dataset = datasets.make(name)
    if issubclass(type(dataset), Published):
        with pytest.raises(TlbenchError, match="--download"):
            dataset.open("train", workspace.storage)
        return
    train, test = dataset.open("train", workspace.storage), dataset.open("test", workspace.storage)
    assert train.items.dtype == np.uint8
    assert train.shape == test.shape
    assert train.shape[0] in (1, 3)
    assert train.classes == test.classes
    assert set(train.labels) == set(range(len(train.classes))) == set(test.labels)
    again = dataset.open("test", workspace.storage)
    assert np.array_equal(test.items, again.items)
    assert np.array_equal(test.take(np.array([3, 1])), test.items[[3, 1]])


@pytest.mark.parametrize("name", list(networks))
def test_every_network_is_blocks_and_a_head(name: str) -> None:
    architecture: Any = _make("networks", name)
    shape = (architecture.channels or 1, 32, 32)
    network = architecture.build(shape, 5).eval()
    inputs = torch.randn(3, *shape)
    assert network(inputs).shape == (3, 5)
    assert network.features(inputs).shape == (3, network.head.in_features)
    middle = network.run(inputs, 0, 1)
    assert torch.equal(network(middle, 1), network(inputs))
    assert HEAD not in network.names


@pytest.mark.parametrize("name", list(methods))
def test_every_method_gives_a_start_that_can_be_trained_or_read(name: str, workspace: Workspace) -> None:
    setup = Setup(networks.make({"name": "resnet", "width": 4}), GREY)
    source = Weights(setup.build(3).eval(), ("a", "b", "c"))
    method = methods.make(name)
    fresh = setup.build(2)
    head = fresh.checksum([HEAD])
    start = method.start(Materials(fresh, source if method.needs_source else None, ("a", "b")))
    assert start.phases or start.readouts
    assert start.readouts or HEAD in start.moving
    assert sum(phase.share for phase in start.phases) == pytest.approx(float(bool(start.phases)))
    for phase in start.phases:
        assert start.network.moving_parameters(phase.moving)
        assert set(phase.factors) <= set(phase.moving)
    if method.needs_source:
        other = method.start(Materials(setup.build(2), Weights(setup.build(3).eval(), ("a", "b", "c")), ("a", "b")))
        assert start.network.checksum(start.network.names) != other.network.checksum(start.network.names)
    if start.network is fresh:
        assert start.network.checksum([HEAD]) == head, "the head is the seed's own, the same for every arm"
    told = outline(method, setup, workspace)
    assert (told.blocks, told.unfrozen) == (len(start.network.names), start.unfrozen)
    assert told.frozen == (0 if told.unfrozen is None else told.blocks - told.unfrozen)
    assert (told.unfrozen is None) != bool(start.phases)
    assert told.unfrozen is None or 0 <= told.unfrozen <= told.blocks


@pytest.mark.parametrize("name", [n for n in sources if n not in ("file", "torchvision")])
def test_every_source_loads_the_same_weights_twice(name: str, workspace: Workspace) -> None:
    spec: dict[str, object] = {"name": name}
    if name == "matched":
        spec["source"] = {"name": "trained", "dataset": "patterns", "steps": 10}
    elif name in ARGUMENTS:
        spec |= {"dataset": "patterns", "steps": 10}
    source = sources.make(spec)
    setup = Setup(networks.make({"name": "resnet", "width": 4}), GREY)
    first, second, other = (source.load(setup, workspace, seed, 0) for seed in (0, 0, 1))
    assert first.digest() == second.digest()
    assert (first.digest() != other.digest()) == source.varies
    assert (first.classes is not None) == source.has_head
    assert not first.network.training


def _view(*, shuffled: bool = False, renamed: bool = False) -> View:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 4
    features = torch.randn(4, 16, generator=generator, dtype=torch.float64)[labels] * 2
    features = features + torch.randn(120, 16, generator=generator, dtype=torch.float64)
    seen = labels[torch.randperm(120, generator=generator)] if shuffled else labels
    probabilities = torch.softmax(features[:, :6], 1)
    own = torch.randn(200, 16, generator=generator, dtype=torch.float64)
    return View(features, (seen + 1) % 4 if renamed else seen, probabilities, own)


@pytest.mark.parametrize("name", list(similarities))
def test_every_similarity_ignores_the_names_of_classes(name: str) -> None:
    similarity = similarities.make(name)
    assert similarity.reference
    assert similarity.score(_view()) == pytest.approx(similarity.score(_view(renamed=True)))


@pytest.mark.parametrize("name", [n for n in similarities if n != "frechet"])
def test_every_similarity_of_labels_scores_shuffled_ones_below_true_ones(name: str) -> None:
    similarity = similarities.make(name)
    true, shuffled = similarity.score(_view()), similarity.score(_view(shuffled=True))
    assert true is not None
    assert shuffled is not None
    assert (true > shuffled) == similarity.higher_is_closer


GREY_ITEMS, COLOUR_ITEMS = (Split(noise(30, channels, 6, 9), np.arange(30) % 3, ("a", "b", "c")) for channels in (1, 3))


@pytest.mark.parametrize("name", list(forms))
@pytest.mark.parametrize("splits", [[GREY_ITEMS], [COLOUR_ITEMS], [GREY_ITEMS, COLOUR_ITEMS]], ids=["1", "3", "1+3"])
def test_every_form_brings_items_to_its_shape(name: str, splits: list[Split]) -> None:
    kind: type[Form] = forms[name]
    assert kind.reads(splits), "give this test items that the form reads"
    for size in (0, 5):
        default = kind.default(splits[0], splits, size)
        form = default.fitted(splits[0], np.arange(20))
        assert form.fitted(splits[0], np.arange(5, 25)) == form
        assert forms.make(form.recipe()) == form
        assert forms.make(default.recipe()) == default
        for split in splits:
            inputs = form.tensor(split.take(np.arange(4)), torch.device("cpu"))
            noisy = form.random_batch(4, torch.device("cpu"))
            assert inputs.shape == noisy.shape == (4, *form.shape)
            assert inputs.dtype == noisy.dtype == form.blank().dtype
            assert torch.isfinite(inputs).all()
            assert form.as_items(split.take(np.arange(4))).dtype == split.items.dtype
        assert torch.isfinite(form.blank()).all()
        assert form.inner_values > 0
        assert form.words()
    idle = kind.augmentation(())
    assert idle.idle
    assert torch.equal(idle(inputs, torch.Generator(), form.blank()), inputs)
    with pytest.raises(TlbenchError):
        kind.augmentation(("no such word",))


def _scores() -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (60, 4) that know something of their labels (60,), classes of unequal size."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) * 4 // 70
    return torch.eye(4)[labels] + torch.randn(60, 4, generator=generator), labels


def _better(metric: Metric, one: float, other: float) -> bool:
    return one > other if metric.higher_is_better else one < other


@pytest.mark.parametrize("name", list(metrics))
def test_every_metrics_score_is_the_mean_of_its_contributions(name: str) -> None:
    metric, (scores, labels) = metrics.make(name), _scores()
    each = metric.contributions(scores, labels)
    assert each.shape == (60,)
    mean = float(each.double().mean())
    measured = metric.measure(scores, labels.numpy())
    assert measured.score == pytest.approx(mean)
    assert metric.value(scores, labels) == pytest.approx(mean if metric.higher_is_better else -mean)
    assert measured.value == pytest.approx(metric.value(scores, labels))
    assert measured.contributions().mean() == pytest.approx(measured.value)
    assert (measured.n, measured.margin, measured.chance) == (60, metric.margin, metric.chance(labels.numpy()))
    assert metric.margin > 0


@pytest.mark.parametrize("name", list(metrics))
def test_every_metric_takes_what_is_right_for_better(name: str) -> None:
    metric, (scores, labels) = metrics.make(name), _scores()
    perfect, shuffled = 20 * torch.eye(4)[labels], scores[torch.randperm(60, generator=torch.Generator())]
    assert metric.value(perfect, labels) >= metric.value(scores, labels) >= metric.value(shuffled, labels)
    assert _better(metric, metric.measure(perfect, labels.numpy()).score, metric.chance_reach(labels.numpy()))


@pytest.mark.parametrize("name", list(metrics))
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_every_metric_is_finite_whatever_a_network_gives(name: str, bad: float) -> None:
    metric, (scores, labels) = metrics.make(name), _scores()
    scores[5], scores[7, 2] = bad, bad
    assert torch.isfinite(metric.contributions(scores, labels)).all()


@pytest.mark.parametrize("name", list(metrics))
def test_every_metrics_chance_is_within_its_reach(name: str) -> None:
    metric, labels = metrics.make(name), _scores()[1].numpy()
    assert not _better(metric, metric.chance(labels), metric.chance_reach(labels))
    assert metric.chance_value(labels) == (1 if metric.higher_is_better else -1) * metric.chance(labels)


@pytest.mark.parametrize("name", list(metrics))
def test_every_metric_ignores_the_names_of_classes(name: str) -> None:
    metric, (scores, labels) = metrics.make(name), _scores()
    renamed = torch.tensor([2, 0, 3, 1])
    others = torch.empty_like(scores)
    others[:, renamed] = scores
    assert torch.equal(metric.contributions(others, renamed[labels]), metric.contributions(scores, labels))
    assert metric.chance(renamed[labels].numpy()) == metric.chance(labels.numpy())
    assert metric.chance_reach(renamed[labels].numpy()) == metric.chance_reach(labels.numpy())


@pytest.mark.parametrize("name", builtin())
def test_every_suite_reads(name: str) -> None:
    suite = read_suite(name)
    assert suite.name == name
    assert suite.description
