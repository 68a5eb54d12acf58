"""Datasets and targets: draws, cuts, narrowing, and the data that comes with tlbench."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tlbench.dataset import Dataset, Draw, Split, SplitName, Target, cut, datasets
from tlbench.datasets.glyphs import ALPHABETS, STYLES
from tlbench.datasets.patterns import Patterns
from tlbench.errors import TlbenchError
from tlbench.runfile import DrawMode
from tlbench.streams import seeded
from tlbench.workspace import Storage

COUNTS = (50, 30, 20)
EMBEDDED = ("digits", "patterns", "glyphs")


@dataclass(frozen=True)
class Held(Dataset):
    """So many items a class; each item is its own number."""

    counts: tuple[int, ...] = COUNTS

    def read(self, part: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """The split, the same for both parts."""
        labels = np.repeat(np.arange(len(self.counts)), self.counts)
        items = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1)
        return Split(items, labels, tuple(f"class{i}" for i in range(len(self.counts))))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data", tmp_path / "cache")


@pytest.fixture
def pool(storage: Storage) -> Split:
    return Held().open("train", storage)


def _draw(pool: Split, n_train: int, n_val: int = 0, seed: int = 0) -> Draw:
    return Target(Held(), n_train, n_val).drawn(pool, np.random.default_rng(seed))


def _counts(pool: Split, indices: npt.NDArray[np.int64]) -> list[int]:
    return [int(n) for n in np.bincount(pool.labels[indices], minlength=len(pool.classes))]


def test_draws_are_nested_across_n_train(pool: Split) -> None:
    small, middle, large = (_draw(pool, n).train for n in (3, 20, 80))
    assert (len(small), len(middle), len(large)) == (3, 20, 80)
    assert np.array_equal(large[:20], middle)
    assert np.array_equal(middle[:3], small)


@pytest.mark.parametrize(("n_train", "n_val"), [(3, 0), (40, 0), (80, 0), (94, 0), (50, 50), (99, 1)])
def test_training_and_validation_draws_are_disjoint(pool: Split, n_train: int, n_val: int) -> None:
    draw = _draw(pool, n_train, n_val)
    assert len(set(draw.train)) == n_train
    assert not set(draw.train) & set(draw.validation)


@pytest.mark.parametrize(("n_train", "n_val", "expected"), [(3, 0, 97), (40, 0, 60), (94, 0, 6), (40, 7, 7)])
def test_the_validation_draw_has_its_size(pool: Split, n_train: int, n_val: int, expected: int) -> None:
    assert len(set(_draw(pool, n_train, n_val).validation)) == expected


@pytest.mark.parametrize(
    ("counts", "n_train", "expected"),
    [((1000, 1000), 100, 500), ((130, 120), 100, 150), ((20, 20), 35, 5), ((10,) * 300, 300, 600)],
)
def test_as_many_are_validated_on_as_the_pool_allows_up_to_a_limit(
    counts: tuple[int, ...], n_train: int, expected: int, storage: Storage
) -> None:
    """Of more than 250 classes, two of each are more than the limit."""
    pool = Held(counts=counts).open("train", storage)
    draw = _draw(pool, n_train)
    assert len(draw.validation) == expected
    assert len(set(pool.labels[draw.validation])) == len(counts)


@pytest.mark.parametrize(("n_train", "asked", "mode"), [(49, None, "seed"), (50, None, "all"), (50, "seed", "seed")])
def test_one_draw_serves_all_seeds_where_it_is_half_of_the_pool(
    n_train: int, asked: DrawMode | None, mode: DrawMode, pool: Split
) -> None:
    assert Target(Held(), n_train, draw=asked).mode(pool) == mode


def test_the_smallest_validation_draw_holds_two_of_every_class(pool: Split) -> None:
    assert _counts(pool, _draw(pool, 94).validation) == [2, 2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_draw_holds_every_class(pool: Split, seed: int) -> None:
    draw = _draw(pool, 3, seed=seed)
    assert _counts(pool, draw.train) == [1, 1, 1]
    assert _counts(pool, _draw(pool, 3, 6, seed).validation) == [2, 2, 2]


@pytest.mark.parametrize("n_train", [10, 20, 50, 80])
def test_a_draw_is_stratified(pool: Split, n_train: int) -> None:
    expected = np.array(COUNTS) * n_train / 100
    assert np.abs(np.array(_counts(pool, _draw(pool, n_train).train)) - expected).max() <= 2


def test_another_generator_draws_other_items(pool: Split) -> None:
    assert np.array_equal(_draw(pool, 20, seed=1).train, _draw(pool, 20, seed=1).train)
    assert set(_draw(pool, 20, seed=1).train) != set(_draw(pool, 20, seed=2).train)


@pytest.mark.parametrize(("counts", "n_val"), [(COUNTS, 0), (COUNTS, 30), ((6,) * 10, 0)])
def test_a_draw_larger_than_the_pool_is_refused_with_a_number_that_fits(
    counts: tuple[int, ...], n_val: int, storage: Storage
) -> None:
    pool = Held(counts=counts).open("train", storage)
    with pytest.raises(TlbenchError, match=f"n_train 1000 and .* the pool of {len(pool)};") as caught:
        _draw(pool, 1000, n_val)
    most = int(re.findall(r"n_train <= (\d+)", str(caught.value))[0])
    assert len(_draw(pool, most, n_val).train) == most
    with pytest.raises(TlbenchError, match="exceed"):
        _draw(pool, most + 1, n_val)


def test_a_draw_smaller_than_the_classes_is_refused(pool: Split) -> None:
    with pytest.raises(TlbenchError, match="n_train 2 is less than its 3 classes"):
        _draw(pool, 2)


def test_a_target_is_named_and_fixed_by_its_recipe(pool: Split) -> None:
    target = Target(datasets.make("digits"), 40)
    assert target.label == "digits-n40"
    shared = {"dataset": datasets.make("digits").recipe(), "n_train": 40, "n_val": 60, "draw": "seed"}
    assert target.recipe(pool) == shared | {"content": ""}
    assert Target(datasets.make("digits"), 40, draw="all").recipe(pool) == shared | {"draw": "all", "content": ""}
    assert target == Target(datasets.make("digits"), 40, label="mine")


def test_data_whose_content_is_known_may_lie_anywhere(pool: Split) -> None:
    here, there = (Target(datasets.make(f"npz:{place}/a.npz"), 40) for place in ("one", "two"))
    assert here.recipe(pool, "c0ffee") == there.recipe(pool, "c0ffee")
    assert here.recipe(pool) != there.recipe(pool)
    assert here.dataset.stream(0, "draw", 1) == there.dataset.stream(0, "draw", 1)


LABELS = np.repeat(np.arange(4), (100, 40, 20, 1))


@pytest.mark.parametrize("seed", range(3))
def test_a_cut_is_stratified_and_disjoint(seed: int) -> None:
    train, test = cut(LABELS, "train", seed), cut(LABELS, "test", seed)
    assert sorted([*train, *test]) == list(range(161))
    assert list(train) == sorted(train)
    assert list(test) == sorted(test)
    assert np.abs(np.bincount(LABELS[test]) - (20, 8, 4, 1)).max() <= 1


def test_a_cut_is_fixed_by_its_seed() -> None:
    assert np.array_equal(cut(LABELS, "test", 0), cut(LABELS, "test", 0))
    assert not np.array_equal(cut(LABELS, "test", 0), cut(LABELS, "test", 1))


def test_a_test_split_does_not_depend_on_the_trial_that_asks(storage: Storage) -> None:
    read = []
    for seed in (0, 1):
        with seeded(seed, "trial"):
            read.append(datasets.make("digits").open("test", storage))
    assert np.array_equal(read[0].whole(), read[1].whole())
    assert np.array_equal(read[0].labels, read[1].labels)


def test_the_digits_are_cut_in_two_by_their_own_seed(storage: Storage) -> None:
    train, test = (datasets.make("digits").open(part, storage) for part in ("train", "test"))
    other = datasets.make({"name": "digits", "split_seed": 1}).open("test", storage)
    assert (len(train), len(test)) == (1438, 359)
    assert not np.array_equal(test.whole(), other.whole())


def test_classes_narrow_a_dataset_in_the_order_given(storage: Storage) -> None:
    whole = datasets.make("digits").open("train", storage)
    narrow = datasets.make({"name": "digits", "classes": ["7", "1"]}).open("train", storage)
    assert narrow.classes == ("7", "1")
    for label, digit in enumerate((7, 1)):
        assert np.array_equal(narrow.whole()[narrow.labels == label], whole.whole()[whole.labels == digit])
    assert len(narrow) == np.isin(whole.labels, (1, 7)).sum()


def test_an_unknown_class_suggests_the_nearest(storage: Storage) -> None:
    dataset = datasets.make({"name": "patterns", "classes": ["pattern1", "patern2"]})
    with pytest.raises(TlbenchError, match=r"unknown class of dataset 'patterns-.*' 'patern2': did you mean 'pattern"):
        dataset.open("train", storage)


def test_one_class_is_too_few(storage: Storage) -> None:
    with pytest.raises(TlbenchError, match=r"has one class \(7\); two are needed"):
        datasets.make({"name": "digits", "classes": ["7"]}).open("train", storage)


def test_a_class_without_items_is_named(storage: Storage) -> None:
    with pytest.raises(TlbenchError, match="no test items in class class1; add some or remove the class"):
        Held(counts=(3, 0, 3)).open("test", storage)


def test_items_are_taken_in_the_order_asked_for_as_a_copy(pool: Split) -> None:
    taken = pool.take(np.array([5, 2]))
    assert list(taken.ravel()) == [5, 2]
    taken[:] = 0
    assert pool.items[5] == 5


def test_a_part_of_what_is_on_the_disk_stays_there(tmp_path: Path) -> None:
    path = tmp_path / "items.npy"
    np.save(path, np.arange(40, dtype=np.uint8).reshape(10, 1, 2, 2))
    items = np.load(path, mmap_mode="r")
    part = Split(items, np.arange(10) % 2, ("a", "b")).only(np.array([8, 2, 4])).only(np.array([2, 0]))
    assert isinstance(part.items, np.memmap)
    assert len(part) == 2
    assert np.array_equal(part.whole(), items[[4, 8]])
    assert np.array_equal(part.take(np.array([1])), items[[8]])


def _bytes(split: Split) -> set[bytes]:
    return {item.tobytes() for item in split.whole()}


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_data_is_the_same_each_time_and_its_parts_differ(name: str, storage: Storage) -> None:
    (train, again), (test, anew) = (
        [datasets.make(name).open(part, storage) for _ in range(2)] for part in ("train", "test")
    )
    assert train.whole().tobytes() == again.whole().tobytes()
    assert test.whole().tobytes() == anew.items.tobytes()
    assert np.array_equal(train.labels, again.labels)
    assert not _bytes(train) & _bytes(test)
    assert datasets.make(name).identity(storage) == ""


def _correlations(one: Patterns, other: Patterns) -> list[float]:
    pairs = zip(one._prototypes(), other._prototypes(), strict=True)
    return [float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in pairs]


@pytest.mark.parametrize("variant", [0, 3])
@pytest.mark.parametrize("similarity", [1.0, 0.9, 0.5, 0.0, -0.4, -1.0])
def test_the_dial_is_the_correlation_of_every_prototype(similarity: float, variant: int) -> None:
    found = _correlations(Patterns(similarity, variant), Patterns(1))
    assert found == pytest.approx([similarity] * 8, abs=1e-9)


def test_variants_share_no_more_than_the_dial_says() -> None:
    assert abs(np.mean(_correlations(Patterns(0, 1, 60), Patterns(0, 2, 60)))) < 0.15


def _means(storage: Storage, similarity: float) -> npt.NDArray[np.float64]:
    split = Patterns(similarity, n_classes=30, noise=0.2).open("train", storage)
    means = np.stack([split.whole()[split.labels == label].mean(0).ravel() for label in range(30)])
    return np.asarray(means - means.mean(1, keepdims=True))


def test_the_images_follow_the_dial(storage: Storage) -> None:
    reference = _means(storage, 1)
    found = [
        np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(_means(storage, dial), reference, strict=True)])
        for dial in (-1, -0.5, 0, 0.5, 1)
    ]
    assert found == pytest.approx([-1, -0.5, 0, 0.5, 1], abs=0.2)


def test_patterns_are_shifted_independently_in_both_parts(storage: Storage) -> None:
    train, test = (Patterns(n_classes=2, noise=0.1).open(part, storage) for part in ("train", "test"))
    pairs = zip(train.whole()[:100], test.whole()[:100], strict=True)
    same = [np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.95 for a, b in pairs]
    assert 0 < np.mean(same) < 0.3  # one in nine by chance


@pytest.mark.parametrize("options", [{"similarity": 1.5}, {"n_classes": 1}, {"size": 2}, {"variant": -1}])
def test_patterns_refuse_what_they_cannot_draw(options: dict[str, float]) -> None:
    with pytest.raises(TlbenchError, match="'patterns'"):
        datasets.make({"name": "patterns", **options})


def test_patterns_have_the_shape_asked_for(storage: Storage) -> None:
    split = Patterns(n_classes=3, size=9).open("test", storage)
    assert split.whole().shape == (300, 1, 9, 9)
    assert split.classes == ("pattern0", "pattern1", "pattern2")


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_every_alphabet_is_drawn_in_legible_characters(alphabet: str, storage: Storage) -> None:
    train, test = (datasets.make(f"glyphs:{alphabet}").open(part, storage) for part in ("train", "test"))
    n_classes = len(ALPHABETS[alphabet])
    assert train.classes == tuple(ALPHABETS[alphabet])
    assert (len(train), len(test)) == (100 * n_classes, 40 * n_classes)
    means = np.stack([train.whole()[train.labels == label].mean(0) for label in range(n_classes)])
    distances = ((test.whole()[:, None] - means[None]) ** 2).sum((2, 3, 4))
    assert (distances.argmin(1) == test.labels).mean() > 0.4


def _style(storage: Storage, style: str, **options: object) -> Sequence[bytes]:
    split = datasets.make({"name": "glyphs", "style": style, **options}).open("test", storage)
    return [item.tobytes() for item in split.whole()]


def test_styles_and_sizes_differ(storage: Storage) -> None:
    drawn = {style: _style(storage, style) for style in ("all", *STYLES)}
    for style in STYLES:
        assert not set(drawn[style]) & set().union(*(drawn[other] for other in STYLES if other != style))
    assert drawn["all"] not in [drawn[style] for style in STYLES]
    assert len(_style(storage, "mono", size=16)[0]) == 16 * 16
