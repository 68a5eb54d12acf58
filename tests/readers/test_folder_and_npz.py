"""A user's own folder of images, good and bad."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.drawn import write_classes, write_image
from tlbench.dataset import Dataset, Split, datasets
from tlbench.errors import TlbenchError
from tlbench.streams import seeded
from tlbench.workspace import Storage

REAL = Path(__file__).parents[3] / "shared" / "data" / "cifar10-12k"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data", tmp_path / "cache")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own"


def _folder(path: Path, **options: object) -> Dataset:
    return datasets.make({"name": "folder", "path": str(path), **options})


def _both(dataset: Dataset, storage: Storage) -> tuple[Split, Split]:
    return dataset.open("train", storage), dataset.open("test", storage)


def _levels(split: Split) -> list[int]:
    return [int(item.max()) for item in split.whole()]


@pytest.mark.parametrize("held_out", ["test", "val", "valid"])
def test_a_folder_with_a_test_folder_is_read_as_it_is(own: Path, held_out: str, storage: Storage) -> None:
    write_classes(own / "train", {"cat": 3, "dog": 4})
    write_classes(own / held_out, {"cat": 2, "dog": 1})
    train, test = _both(_folder(own), storage)
    assert train.classes == test.classes == ("cat", "dog")
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert test.labels.tolist() == [0, 0, 1]
    assert (train.shape, train.notes, test.notes) == ((1, 8, 8), (), ())


@pytest.mark.parametrize("inner", ["", "train"])
def test_a_folder_without_one_is_cut_into_disjoint_stratified_parts(own: Path, inner: str, storage: Storage) -> None:
    write_classes(own / inner, {"cat": 50, "dog": 30})
    train, test = _both(_folder(own), storage)
    assert sorted(_levels(train) + _levels(test)) == list(range(80))
    assert np.bincount(test.labels).tolist() == [10, 6]
    assert all((level >= 50) == label for level, label in zip(_levels(test), test.labels, strict=True))
    assert test.notes == (f"{own}: no test folder; one stratified fifth was cut off as the test split",)


def test_the_cut_is_the_same_for_every_caller(own: Path, storage: Storage, tmp_path: Path) -> None:
    write_classes(own, {"cat": 20, "dog": 20})
    with seeded(1, "one trial"):
        first = _folder(own).open("test", storage)
    with seeded(2, "another trial"):
        second = _folder(own).open("test", Storage(storage.data, tmp_path / "another cache"))
    assert _levels(first) == _levels(second)
    assert _levels(_folder(own, split_seed=1).open("test", storage)) != _levels(first)


def test_a_colour_folder_has_three_channels(own: Path, storage: Storage) -> None:
    write_classes(own, {"cat": 5, "dog": 5}, mode="RGB")
    assert _folder(own).open("train", storage).shape == (3, 8, 8)


def test_test_images_are_brought_to_the_size_of_the_training_images(own: Path, storage: Storage) -> None:
    write_classes(own / "train", {"cat": 2, "dog": 2}, size=(10, 10))
    write_classes(own / "test", {"cat": 2, "dog": 2}, size=(20, 30))
    train, test = _both(_folder(own), storage)
    assert train.shape == test.shape == (1, 10, 10)
    assert train.notes == ()
    assert "images of another size cut to the centre square and scaled to 10x10" in test.notes[0]
    assert _folder(own, image_size=6).open("test", storage).shape == (1, 6, 6)


def test_mixed_sizes_are_noted(own: Path, storage: Storage) -> None:
    write_classes(own, {"cat": 9, "dog": 9})
    write_image(own / "cat" / "big.png", 7, (40, 50))
    split = _folder(own).open("train", storage)
    assert split.shape == (1, 8, 8)
    assert any("images of 2 sizes" in note for note in split.notes)


def test_a_missing_path_is_named(own: Path, storage: Storage) -> None:
    with pytest.raises(TlbenchError, match=f"no folder at {own}; give folder:PATH"):
        _folder(own).open("train", storage)


def test_one_class_is_too_few(own: Path, storage: Storage) -> None:
    write_classes(own, {"cat": 10})
    with pytest.raises(TlbenchError, match=r"dataset 'folder-own' has one class \(cat\)"):
        _folder(own).open("train", storage)


def test_an_empty_class_is_named(own: Path, storage: Storage) -> None:
    write_classes(own, {"cat": 10})
    (own / "dog").mkdir()
    with pytest.raises(TlbenchError, match="class 'dog' in"):
        _folder(own).open("train", storage)


@pytest.mark.parametrize(("train", "test", "odd"), [("cat dog", "cat", "dog"), ("cat dog", "cat dog eel", "eel")])
def test_parts_with_other_classes_are_refused(own: Path, train: str, test: str, odd: str, storage: Storage) -> None:
    write_classes(own / "train", dict.fromkeys(train.split(), 2))
    write_classes(own / "test", dict.fromkeys(test.split(), 2))
    with pytest.raises(TlbenchError, match=f"{own / 'train'} and test do not hold the same classes: {odd}$"):
        _folder(own).open("train", storage)


def test_a_bad_file_among_many_is_noted(own: Path, storage: Storage) -> None:
    bad = write_classes(own, {"cat": 60, "dog": 60})[7]
    bad.write_text("no picture")
    train, test = _both(_folder(own), storage)
    assert len(train) + len(test) == 119
    assert f"1 of 120 files are not readable images, skipped: {bad}" in train.notes[0]


def test_many_bad_files_are_refused(own: Path, storage: Storage) -> None:
    for path in write_classes(own, {"cat": 60, "dog": 60})[:2]:
        path.write_text("no picture")
    with pytest.raises(TlbenchError, match=r"2 of 120 files under .* are not readable images"):
        _folder(own).open("train", storage)


def test_a_class_whose_only_file_is_bad_is_named(own: Path, storage: Storage) -> None:
    write_classes(own / "train", {"cat": 60, "dog": 60, "eel": 1})[-1].write_text("no picture")
    write_classes(own / "test", {"cat": 2, "dog": 2, "eel": 2})
    with pytest.raises(TlbenchError, match="no train items in class eel"):
        _folder(own).open("train", storage)


def test_a_folder_has_the_identity_of_its_files(own: Path, storage: Storage) -> None:
    paths = write_classes(own, {"cat": 2, "dog": 2})
    before = _folder(own).identity(storage)
    assert _folder(own).identity(storage) == before != ""
    os.utime(paths[0], ns=(1, 1))
    assert _folder(own).identity(storage) != before


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real data is not at {REAL}")
def test_a_real_folder_is_read(storage: Storage) -> None:
    split = _folder(REAL, image_size=32).open("test", storage)
    assert split.whole().shape == (2000, 3, 32, 32)
    assert split.classes[0] == "airplane"
    assert np.bincount(split.labels).tolist() == [200] * 10
    assert split.notes == ()
