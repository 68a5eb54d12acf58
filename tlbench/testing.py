"""The contract tests: what every leaf must hold, of this package or of another one.

A package with leaves of its own runs them in its tests:

    import pytest
    from tlbench.testing import check, leaves_of

    @pytest.mark.parametrize("leaf", leaves_of("my_package"), ids=repr)
    def test_leaf(leaf):
        check(leaf)

A leaf that needs an argument is given one by hand: `check(datasets.make("mine:PATH"))`.
"""

import dataclasses
import importlib.metadata
import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlbench.dataset import Dataset, Split
from tlbench.form import Form, default_form, forms
from tlbench.method import Materials, Method
from tlbench.metric import Metric
from tlbench.network import HEAD, Architecture, Setup, networks
from tlbench.shelf import Leaf, Shelf
from tlbench.similarity import Similarity, View
from tlbench.source import Source, Weights
from tlbench.streams import seeded
from tlbench.suite import SHELVES
from tlbench.workspace import Storage, Workspace

CPU = torch.device("cpu")


def leaves_of(package: str) -> list[Leaf]:
    """The leaves that a package offers as entry points and that need no argument, one of each.

    Raises:
        LookupError: it offers none; is it installed, and its entry points named `tlbench.<shelf>`?
    """
    made: list[Leaf] = []
    for shelf in SHELVES.values():
        points = importlib.metadata.entry_points(group=shelf.package)
        names = [point.name for point in points if point.module.partition(".")[0] == package]
        made += [shelf.make(name) for name in names if not needs_argument(shelf[name])]
    if not made:
        raise LookupError(f"package '{package}' offers no leaf of tlbench as an entry point")
    return made


def needs_argument(leaf: type[Leaf]) -> bool:
    """Whether a leaf cannot be made from its name alone."""
    return any(option.default is dataclasses.MISSING and not option.kw_only for option in leaf.options())


def check(leaf: Leaf, workspace: Workspace | None = None) -> None:
    """Holds a leaf to the contract of its shelf.

    workspace: where data and kept weights may lie, a temporary folder without one.

    Raises:
        AssertionError: it does not hold.
    """
    shelf = next(shelf for shelf in SHELVES.values() if isinstance(leaf, shelf.contract))
    _check_leaf(leaf, shelf)
    with tempfile.TemporaryDirectory() as folder:
        place = workspace or Workspace(Storage(Path(folder, "data"), Path(folder, "cache")), CPU)
        CHECKS[shelf.contract](leaf, place)


def _check_leaf(leaf: Leaf, shelf: Shelf[Any]) -> None:
    kind = type(leaf)
    assert dataclasses.is_dataclass(kind), f"{kind.__name__} is no dataclass"
    assert kind.__doc__, f"{kind.__name__} has no docstring"
    assert inspect.getdoc(inspect.getmodule(kind)), f"the module of {kind.__name__} has no docstring"
    assert leaf.name in shelf, f"'{leaf.name}' is not on its shelf"
    again = shelf.make(leaf.recipe())
    assert again == leaf, "its recipe makes another leaf"
    assert hash(again) == hash(leaf), "equal leaves differ in their hash"


def _check_dataset(dataset: Dataset, workspace: Workspace) -> None:
    train, test = dataset.open("train", workspace.storage), dataset.open("test", workspace.storage)
    assert train.shape == test.shape, "items of the two splits differ in shape"
    assert train.classes == test.classes, "the two splits have other classes"
    for split in (train, test):
        assert set(split.labels) == set(range(len(split.classes))), "labels are not 0..C-1, each there"
    assert default_form(train, [train, test], 0).shape, "no form takes its items"
    again = dataset.open("test", workspace.storage)
    assert np.array_equal(test.whole(), again.whole()), "the test split is not the same whoever asks"
    assert np.array_equal(test.take(np.array([1, 0])), test.whole()[[1, 0]]), "items come in another order than asked"


def _check_form(form: Form, _: Workspace) -> None:
    split = _items_for(form)
    made = type(form).default(split, [split], 0).fitted(split, np.arange(len(split)))
    inputs = made.tensor(split.whole(), CPU)
    assert inputs.shape == (len(split), *made.shape), "inputs are not of the form's shape"
    batch = made.random_batch(3, CPU)
    assert batch.shape == (3, *made.shape), "a random batch is not of the form's shape"
    assert batch.dtype == inputs.dtype, "a random batch is of another kind than inputs"
    assert made.fitted(split, np.arange(1)) == made, "a fitted form is fitted anew"
    assert torch.isfinite(inputs.double()).all(), "inputs are not finite"
    assert made.inner_values > 0, "an input takes no room"
    assert forms.make(made.recipe()) == made, "the recipe of a fitted form makes another"
    permuted, again = (made.permuted(split.whole(), np.random.default_rng(0)) for _ in "ab")
    assert np.array_equal(permuted, again), "the same stream permutes in another way"
    assert made.tensor(permuted, CPU).shape == inputs.shape, "permuted items are no items any more"
    nothing = type(form).augmentation(())
    assert nothing.idle, "nothing was asked for, and it would change inputs"
    assert torch.equal(nothing(inputs, torch.Generator(), made.blank()), inputs), (
        "nothing was asked for, yet inputs change"
    )
    assert made.label == type(form).default(split, [split], 0).label, "fitting changes the label, which stands in paths"


def _items_for(form: Form) -> Split:
    """Items of a kind that the form takes, two classes of them."""
    labels = np.arange(12) % 2
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (12, 3, 9, 9)).astype(np.uint8)
    texts = np.array([" ".join(random.choice(["one", "two", "three"], 5)) for _ in labels], dtype=object)
    splits = [Split(items, labels, ("a", "b")) for items in (pictures, texts)]
    found = next((split for split in splits if form.reads([split])), None)
    assert found is not None, "the form takes neither images nor texts"
    return found


def _check_network(architecture: Architecture, _: Workspace) -> None:
    shape = (architecture.channels or 1, 32, 32)
    with seeded(0, "testing"):
        network = architecture.build(shape, 5).eval()
        inputs = torch.randn(3, *shape)
    with torch.no_grad():
        logits = network(inputs)
        assert logits.shape == (3, 5), "logits are not (B, C)"
        assert network.features(inputs).shape == (3, network.head.in_features), "features do not fit the head"
        assert torch.equal(network(network.run(inputs, 0, 1), 1), logits), "going on from a boundary gives other logits"
    assert HEAD not in network.names, "a block is called like the head"


def _setup() -> Setup:
    form = forms.make({"name": "images", "size": 8, "channels": 1})
    return Setup(networks.make({"name": "resnet", "width": 4}), form)


def _check_method(method: Method, _: Workspace) -> None:
    setup = _setup()
    with seeded(0, "testing"):
        fresh, source = setup.build(2), Weights(setup.build(3).eval(), ("a", "b", "c"))
        another = Weights(setup.build(3).eval(), ("a", "b", "c"))
    head = fresh.checksum([HEAD])
    given = source if method.needs_source else None
    start = method.start(Materials(fresh, given, ("a", "b")))
    assert start.phases or start.readouts, "nothing is trained and nothing is read out"
    if start.phases:
        assert abs(sum(phase.share for phase in start.phases) - 1) < 1e-9, "the phases' shares do not make a whole"
        assert any(HEAD in phase.moving for phase in start.phases) or start.readouts, "the head never learns"
    start.check()
    for phase in start.phases:
        assert set(phase.factors) <= set(phase.moving), "a factor is of something that does not move"
    if start.network is fresh:
        assert start.network.checksum([HEAD]) == head, "the head is not the seed's own, the same for every arm"
    if method.needs_source:
        with seeded(0, "testing"):
            other = method.start(Materials(setup.build(2), another, ("a", "b"))).network
        assert start.network.checksum(start.network.names) != other.checksum(other.names), "the source plays no part"
    assert start.unfrozen is None or 0 <= start.unfrozen <= len(start.network.names), "more learns than there is"


def _check_source(source: Source, workspace: Workspace) -> None:
    setup = _setup()
    first, second, other = (source.load(setup, workspace, seed, 0) for seed in (0, 0, 1))
    assert first.digest() == second.digest(), "the same seed gives other weights"
    assert (first.digest() != other.digest()) == source.varies, "`varies` does not say whether each seed has its own"
    assert (first.classes is not None) == source.has_head, "`has_head` does not say whether there is a head"
    assert not first.network.training, "the network is in training mode"


def _check_metric(metric: Metric, _: Workspace) -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    true = torch.nn.functional.one_hot(labels, 3).double() * 4 + torch.rand(60, 3, generator=random)
    shuffled = true[torch.randperm(60, generator=random)]
    assert metric.margin > 0, "its margin is nothing"
    assert metric.value(true, labels) > metric.value(shuffled, labels), (
        "good predictions are not better, in its direction"
    )
    assert not metric.measure(true, labels.numpy()).at_chance, "good predictions are at chance"
    assert metric.measure(torch.zeros(60, 3), labels.numpy()).at_chance, "the same scores for all are not at chance"
    some = labels[:50] * labels[10:] // 2  # classes 0 and 2 in most places, not equally often
    for scores, truth in ((true, labels), (shuffled, labels), (shuffled[:50], some)):
        _check_contributions(metric, scores, truth)
        _check_chance(metric, truth)
    _check_nasty_scores(metric, true, labels)


def _check_contributions(metric: Metric, scores: torch.Tensor, labels: torch.Tensor) -> None:
    items, measured = metric.contributions(scores, labels), metric.measure(scores, labels.numpy())
    assert items.shape == labels.shape, "there is not one contribution an item"
    assert abs(measured.score - float(items.double().mean())) < 1e-9, "the score is not the mean of contributions"
    assert abs(measured.value - metric.value(scores, labels)) < 1e-5, "value and measure disagree"
    renamed = metric.contributions(scores[:, [2, 0, 1]], (labels + 1) % 3)
    assert torch.allclose(renamed.double(), items.double()), "renaming classes changes something"
    better, before = scores.clone(), measured.value - 1e-5
    for place in range(0, len(labels), 7):
        better[place, labels[place]] += 3
        after = metric.value(better, labels)
        assert after >= before, "a better prediction makes the score worse"
        before = after - 1e-5


def _check_chance(metric: Metric, labels: torch.Tensor) -> None:
    limit, chance = metric.chance_limit(labels.numpy()), metric.chance(labels.numpy())
    assert (limit >= chance) == metric.higher_is_better or limit == chance, "luck makes a guess worse"
    renamed = ((labels + 1) % 3).numpy()
    assert abs(metric.chance(renamed) - chance) < 1e-9, "renaming classes changes chance"
    assert abs(metric.chance_limit(renamed) - limit) < 1e-9, "renaming classes changes what luck reaches"


def _check_nasty_scores(metric: Metric, scores: torch.Tensor, labels: torch.Tensor) -> None:
    for bad in (float("nan"), -float("inf"), float("inf")):
        spoilt, diverged = scores.clone(), torch.full_like(scores, bad)
        spoilt[3], spoilt[4, 0] = bad, bad
        for nasty in (spoilt, diverged, diverged.float()):
            assert torch.isfinite(metric.contributions(nasty, labels).double()).all(), (
                f"scores of {bad} are not dealt with"
            )


def _view(*, shuffled: bool = False, renamed: bool = False) -> View:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 4
    features = torch.randn(4, 16, generator=generator, dtype=torch.float64)[labels] * 2
    features = features + torch.randn(120, 16, generator=generator, dtype=torch.float64)
    probabilities = torch.softmax(features[:, :6], 1)
    own = torch.randn(200, 16, generator=generator, dtype=torch.float64)
    seen = labels[torch.randperm(120, generator=generator)] if shuffled else labels
    return View(features, (seen + 1) % 4 if renamed else seen, probabilities, own)


def _check_similarity(similarity: Similarity, _: Workspace) -> None:
    assert similarity.reference, "it names no paper"
    score, renamed, shuffled = (similarity.score(v) for v in (_view(), _view(renamed=True), _view(shuffled=True)))
    assert score is not None, "it does not apply where everything is at hand"
    assert renamed is not None, "it depends on the names of classes"
    assert abs(score - renamed) <= 1e-6 * max(1.0, abs(score)), "renaming classes changes it"
    assert shuffled is not None, "it does not apply to shuffled labels"
    if abs(shuffled - score) > 1e-6 * max(1.0, abs(score)):  # it looks at labels
        assert (score > shuffled) == similarity.higher_is_closer, "shuffled labels are closer than true ones"


CHECKS: dict[type[Leaf], Callable[[Any, Workspace], None]] = {
    Dataset: _check_dataset,
    Form: _check_form,
    Architecture: _check_network,
    Source: _check_source,
    Method: _check_method,
    Metric: _check_metric,
    Similarity: _check_similarity,
}
