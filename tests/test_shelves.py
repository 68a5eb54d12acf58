"""The contracts over every leaf of every shelf: a new leaf is tested unasked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.drawn import noise
from tlbench.dataset import Split
from tlbench.errors import TlbenchError
from tlbench.form import Form, forms
from tlbench.metric import Metric, metrics
from tlbench.readers import TorchvisionDataset
from tlbench.shelf import Leaf
from tlbench.suite import SHELVES, builtin, read_suite
from tlbench.testing import check, needs_argument
from tlbench.workspace import Workspace

LEAF_LINES = 60
SHORT: dict[str, Any] = {"dataset": "patterns", "steps": 10}
TRAINED: dict[str, Any] = {"name": "trained", **SHORT}
OPTIONS: dict[str, dict[str, Any]] = {  # of leaves that cannot be made from their name alone, or would take long
    "trained": SHORT,
    "shuffled": SHORT,
    "permuted": SHORT,
    "matched": {"source": TRAINED},
    "networks/torchvision": {"model": "resnet18"},
}
OF_FILES = {"folder": "x", "npz": "x.npz", "file": "x.pt", "sources/torchvision": "resnet18"}  # tested where files are


def _leaves() -> Iterator[tuple[str, str]]:
    for shelf, names in SHELVES.items():
        for name in names:
            yield shelf, name


@pytest.mark.parametrize(("shelf", "name"), list(_leaves()))
def test_every_leaf_holds_its_contract(shelf: str, name: str, workspace: Workspace) -> None:
    argument = OF_FILES.get(f"{shelf}/{name}", OF_FILES.get(name) if shelf in ("datasets", "sources") else None)
    own = OPTIONS.get(name) if shelf == "sources" else None
    options = OPTIONS.get(f"{shelf}/{name}", own or {})
    if argument:
        of_files: Leaf = SHELVES[shelf].make(f"{name}:{argument}")
        assert SHELVES[shelf].make(of_files.recipe()) == of_files
        return
    leaf: Leaf = SHELVES[shelf].make({"name": name} | options)
    if isinstance(leaf, TorchvisionDataset):
        with pytest.raises(TlbenchError, match="allow the download"):
            leaf.open("train", workspace.storage)
        return
    assert not needs_argument(type(leaf)) or options
    check(leaf, workspace)


@pytest.mark.parametrize("shelf", ["datasets", "sources", "methods", "metrics", "similarities"])
def test_leaves_are_small(shelf: str) -> None:
    for path in (Path(__file__).parents[1] / "tlbench" / shelf).glob("*.py"):
        assert len(path.read_text().splitlines()) <= LEAF_LINES, path.name


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
    assert _better(metric, metric.measure(perfect, labels.numpy()).score, metric.chance_limit(labels.numpy()))


@pytest.mark.parametrize("name", list(metrics))
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_every_metric_is_finite_whatever_a_network_gives(name: str, bad: float) -> None:
    metric, (scores, labels) = metrics.make(name), _scores()
    scores[5], scores[7, 2] = bad, bad
    assert torch.isfinite(metric.contributions(scores, labels)).all()


@pytest.mark.parametrize("name", list(metrics))
def test_every_metrics_chance_is_within_its_limit(name: str) -> None:
    metric, labels = metrics.make(name), _scores()[1].numpy()
    assert not _better(metric, metric.chance(labels), metric.chance_limit(labels))
    assert metric.chance_value(labels) == (1 if metric.higher_is_better else -1) * metric.chance(labels)


@pytest.mark.parametrize("name", list(metrics))
def test_every_metric_ignores_the_names_of_classes(name: str) -> None:
    metric, (scores, labels) = metrics.make(name), _scores()
    renamed = torch.tensor([2, 0, 3, 1])
    others = torch.empty_like(scores)
    others[:, renamed] = scores
    assert torch.equal(metric.contributions(others, renamed[labels]), metric.contributions(scores, labels))
    assert metric.chance(renamed[labels].numpy()) == metric.chance(labels.numpy())
    assert metric.chance_limit(renamed[labels].numpy()) == metric.chance_limit(labels.numpy())


@pytest.mark.parametrize("name", builtin())
def test_every_suite_reads(name: str) -> None:
    suite = read_suite(name)
    assert suite.name == name
    assert suite.description
