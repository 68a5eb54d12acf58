"""A file of arrays: which are read, what is cut off, and what belongs together."""

from pathlib import Path

import numpy as np
import pytest

from tests.saved import LABELS, TEST, TEST_LABELS, TRAIN, Arrays, both, four, npz, said
from tlbench.dataset import datasets
from tlbench.errors import TlbenchError
from tlbench.workspace import Storage

FOUND = "train_images uint8 (60, 8, 8), train_labels int64 0..2; test_images uint8 (12, 8, 8), test_labels int64 0..2"
CUT = "no test arrays; one stratified fifth was cut off as the test split"


@pytest.mark.parametrize(
    "keys",
    [
        "train_images train_labels test_images test_labels",
        "x_train y_train x_test y_test",
        "X_train Y_train X_test Y_test",
        "train_x train_y test_x test_y",
        "Xtrain ytrain Xtest ytest",
        "trX trY teX teY",
        "train/images train/labels test/images test/labels",
        "data_train target_train data_test target_test",
    ],
)
def test_train_and_test_arrays_are_known_by_their_names(file: Path, keys: str) -> None:
    arrays = dict(zip(keys.split(), four().values(), strict=True))
    train, test = both(npz(file, arrays), file.parent)
    assert np.array_equal(train.whole(), TRAIN[:, None])
    assert np.array_equal(test.whole(), TEST[:, None])
    assert train.labels.tolist() == LABELS.tolist()
    assert test.labels.tolist() == TEST_LABELS.tolist()
    assert (train.classes, train.named, train.origin) == (("0", "1", "2"), False, "as published")


def test_what_was_found_is_said_in_one_line(file: Path) -> None:
    train, test = both(npz(file, four()), file.parent)
    assert said(train, file) == said(test, file) == [FOUND]


@pytest.mark.parametrize(
    "keys",
    [
        *("images labels", "Images Label", "x y", "X y", "data labels", "data target", "data targets"),
        *("arr_0 arr_1", "arr_1 arr_0", "train_images train_labels", "x_train y_train"),
    ],
)
def test_one_pair_is_cut_once(file: Path, keys: str) -> None:
    arrays = dict(zip(keys.split(), (TRAIN, LABELS), strict=True))
    train, test = both(npz(file, arrays), file.parent)
    again = npz(file, arrays).open("test", Storage(file, file))
    assert np.bincount(train.labels).tolist() == [16, 16, 16]
    assert np.bincount(test.labels).tolist() == [4, 4, 4]
    assert np.array_equal(test.whole(), again.whole())
    place = {image.tobytes(): i for i, image in enumerate(TRAIN)}
    kept, cut = ([place[item.tobytes()] for item in split.whole()] for split in (train, test))
    assert sorted(kept + cut) == list(range(60))
    assert [i % 3 for i in kept] == train.labels.tolist()
    assert train.origin == test.origin == "one stratified fifth cut off by split_seed 0"
    assert said(test, file)[1] == CUT


def test_the_cut_goes_by_the_split_seed(file: Path, storage: Storage) -> None:
    first, other = (npz(file, {"x": TRAIN, "y": LABELS}, split_seed=s).open("test", storage) for s in (0, 1))
    assert not np.array_equal(first.whole(), other.whole())
    assert other.origin == "one stratified fifth cut off by split_seed 1"


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_validation_arrays_are_the_test_split_where_there_is_no_other(file: Path, name: str) -> None:
    arrays = {key.replace("test", name): value for key, value in four().items()}
    train, test = both(npz(file, arrays), file.parent)
    assert (len(train), len(test)) == (60, 12)
    assert np.array_equal(test.whole(), TEST[:, None])
    assert test.origin == "the file's val arrays as the test split"


def test_validation_arrays_beside_test_arrays_are_not_used(file: Path) -> None:
    train, test = both(npz(file, four(val_images=TEST[:6], val_labels=TEST_LABELS[:6])), file.parent)
    assert (len(train), len(test)) == (60, 12)
    assert said(train, file) == [f"{FOUND}; not used: val_images uint8 (6, 8, 8), val_labels int64 (6,)"]


PARTS: dict[str, tuple[Arrays, str]] = {
    "two families": ({"x": TRAIN, "y": LABELS, **four()}, r"two families of arrays at once: x uint8 \(60, 8, 8\), y "),
    "a family twice": (four(x_train=TRAIN), "two arrays of train images at once, train_images and x_train; found"),
    "a pair twice": ({"x": TRAIN, "X": TRAIN, "y": LABELS}, "two arrays of images at once, x and X; found"),
    "other names": (
        {"foo": TRAIN, "bar": LABELS},
        r"known names; found foo uint8 \(60, 8, 8\), bar int64 \(60,\); name",
    ),
    "four unnamed": (
        {f"arr_{i}": v for i, v in enumerate((TRAIN, TEST, LABELS))},
        "no images and labels by known names",
    ),
    "unnamed tables": ({"arr_0": TRAIN.reshape(60, 64), "arr_1": np.eye(3)[LABELS]}, r"arr_1 float64 \(60, 3\)"),
    "only test": ({"test_images": TEST, "test_labels": TEST_LABELS}, "no arrays to train on, only test; found test_im"),
    "no train_images": ({"train_labels": LABELS}, "train_labels has no train_images beside it"),
    "two kinds of labels": (
        {"train_images": TRAIN, "fine_labels": LABELS, "coarse_labels": LABELS},
        "train_images has no train_labels beside it; found .*fine_labels.*coarse_labels",
    ),
    "no test labels": ({"x_train": TRAIN, "y_train": LABELS, "x_test": TEST}, "x_test has no test_labels beside it"),
    "no test images": ({"x_train": TRAIN, "y_train": LABELS, "y_test": LABELS}, "y_test has no test_images beside it"),
    "no items": ({"x": TRAIN[:0], "y": LABELS[:0]}, r"y int64 \(0,\) has no items"),
}


@pytest.mark.parametrize("case", PARTS)
def test_what_is_missing_or_there_twice_is_named(file: Path, case: str, storage: Storage) -> None:
    arrays, message = PARTS[case]
    with pytest.raises(TlbenchError, match=message):
        npz(file, arrays).open("train", storage)


def test_an_item_alone_in_its_class_cannot_be_cut(file: Path, storage: Storage) -> None:
    with pytest.raises(TlbenchError, match="y: one item in class 7; a test split cannot be cut off"):
        npz(file, {"x": TRAIN, "y": np.r_[7, LABELS[1:]]}).open("train", storage)


def test_groups_stay_on_one_side(file: Path) -> None:
    arrays = {"images": TRAIN, "labels": LABELS, "patient": np.arange(60) // 6}
    dataset = npz(file, arrays, group={"column": "patient"})
    train, test = both(dataset, file.parent)
    assert datasets.make(dataset.recipe()) == dataset != npz(file, arrays)
    assert train.groups is not None
    assert test.groups is not None
    assert len(train.groups) == len(train) == 48
    assert sorted({*train.groups, *test.groups}) == sorted(map(str, range(10)))
    assert not {*train.groups} & {*test.groups}
    assert said(train, file)[0] == "images uint8 (60, 8, 8), labels int64 0..2"


GROUPS: dict[str, tuple[Arrays, Arrays, str]] = {
    "shared": (
        {"train_p": LABELS, "test_p": TEST_LABELS},
        {"column": "p"},
        "group: 0, 1, 2 stand in train and in test",
    ),
    "absent": ({"train_p": LABELS}, {"column": "p"}, "group: no array test_p; found train_images"),
    "too few": (
        {"train_p": LABELS[1:], "test_p": TEST_LABELS},
        {"column": "p"},
        "does not hold one value for each of 60",
    ),
    "objects": ({"train_p": LABELS.astype(object)}, {"column": "p"}, "train_p .60,. holds Python objects"),
    "missing": ({"train_p": LABELS * np.nan}, {"column": "p"}, "train_p float64 .60,. holds values that are missing"),
    "no column": ({}, {"level": 1}, "arrays have no paths, so 'level-1' cannot be read; give the column"),
}


@pytest.mark.parametrize("case", GROUPS)
def test_groups_that_cannot_be_kept_are_refused(file: Path, case: str, storage: Storage) -> None:
    arrays, group, message = GROUPS[case]
    with pytest.raises(TlbenchError, match=message):
        npz(file, four(**arrays), group=group).open("test", storage)


def test_groups_of_both_parts_are_kept(file: Path) -> None:
    train, test = both(npz(file, four(train_p=LABELS, p_test=TEST_LABELS + 3), group={"column": "p"}), file.parent)
    assert train.groups is not None
    assert test.groups is not None
    assert (train.groups[:4].tolist(), test.groups[:4].tolist()) == (["0", "1", "2", "0"], ["3", "4", "5", "3"])
