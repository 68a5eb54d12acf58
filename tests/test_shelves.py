"""The contracts over every leaf of every shelf: a new leaf is tested unasked."""

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tlbench.cli.catalogue import SHELVES
from tlbench.dataset import datasets
from tlbench.errors import TlbenchError
from tlbench.form import InputForm
from tlbench.method import Materials, methods
from tlbench.network import HEAD, Setup, networks
from tlbench.readers.published import Published
from tlbench.shelf import Leaf
from tlbench.similarity import View, similarities
from tlbench.source import Weights, sources
from tlbench.suite import builtin, read_suite
from tlbench.workspace import Workspace

LEAF_LINES = 60
FORM = InputForm(8, 1)
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


@pytest.mark.parametrize("shelf", ["datasets", "sources", "methods", "similarities"])
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
def test_every_method_gives_a_start_that_can_be_trained_or_read(name: str) -> None:
    setup = Setup(networks.make({"name": "resnet", "width": 4}), FORM)
    source = Weights(setup.build(3).eval(), ("a", "b", "c"))
    method = methods.make(name)
    fresh = setup.build(2)
    head = fresh.checksum([HEAD])
    start = method.start(Materials(fresh, source if method.needs_source else None, ("a", "b")))
    assert bool(start.phases) != bool(start.readouts)
    assert sum(phase.share for phase in start.phases) == pytest.approx(float(bool(start.phases)))
    for phase in start.phases:
        assert HEAD in phase.moving
        assert set(phase.moving) <= {*start.network.names, HEAD}
    if method.needs_source:
        other = method.start(Materials(setup.build(2), Weights(setup.build(3).eval(), ("a", "b", "c")), ("a", "b")))
        assert start.network.checksum(start.network.names) != other.network.checksum(start.network.names)
    if start.network is fresh:
        assert start.network.checksum([HEAD]) == head, "the head is the seed's own, the same for every arm"
    n_blocks = len(start.network.names)
    k = method.unfrozen(n_blocks)
    assert k is None or 0 <= k <= n_blocks


@pytest.mark.parametrize("name", [n for n in sources if n not in ("file", "torchvision")])
def test_every_source_loads_the_same_weights_twice(name: str, workspace: Workspace) -> None:
    spec: dict[str, object] = {"name": name}
    if name == "matched":
        spec["source"] = {"name": "trained", "dataset": "patterns", "steps": 10}
    elif name in ARGUMENTS:
        spec |= {"dataset": "patterns", "steps": 10}
    source = sources.make(spec)
    setup = Setup(networks.make({"name": "resnet", "width": 4}), FORM)
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


@pytest.mark.parametrize("name", builtin())
def test_every_suite_reads(name: str) -> None:
    suite = read_suite(name)
    assert suite.name == name
    assert suite.description
