"""A user's own folder of images and own .npz file, good and bad."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.drawn import noise, write_classes, write_image
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


Arrays = dict[str, Any]


def _arrays(colour: bool = False) -> Arrays:
    """A file in MedMNIST's layout: three classes, 60 + 12 images."""
    shape = (8, 8, 3) if colour else (8, 8)
    return {
        "train_images": noise(60, *shape),
        "train_labels": (np.arange(60) % 3).astype(np.uint8)[:, None],
        "val_images": noise(6, *shape),
        "val_labels": np.zeros((6, 1), dtype=np.uint8),
        "test_images": noise(12, *shape, seed=1),
        "test_labels": (np.arange(12) % 3).astype(np.uint8)[:, None],
    }


def _npz(path: Path, arrays: Arrays, **options: object) -> Dataset:
    np.savez_compressed(path, **arrays)
    return datasets.make({"name": "npz", "path": str(path), **options})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.npz"


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("flat", [False, True])
def test_the_layout_of_medmnist_is_read(file: Path, colour: bool, flat: bool, storage: Storage) -> None:
    arrays = _arrays(colour)
    held = {key: value.ravel() if flat and key.endswith("labels") else value for key, value in arrays.items()}
    for part, split in zip(("train", "test"), _both(_npz(file, held), storage), strict=True):
        images = arrays[f"{part}_images"]
        assert np.array_equal(split.whole(), images.transpose(0, 3, 1, 2) if colour else images[:, None])
        assert np.array_equal(split.labels, arrays[f"{part}_labels"].ravel())
        assert split.labels.dtype == np.int64
        assert split.classes == ("0", "1", "2")
        assert split.notes == ()


def test_a_file_without_a_test_split_is_cut_once(file: Path, storage: Storage) -> None:
    arrays = {key: value for key, value in _arrays().items() if key.startswith("train")}
    dataset = _npz(file, arrays)
    (train, test), again = _both(dataset, storage), dataset.open("test", storage)
    assert (len(train), len(test)) == (48, 12)
    assert np.bincount(test.labels).tolist() == [4, 4, 4]
    assert np.array_equal(test.whole(), again.whole())
    assert not {item.tobytes() for item in train.whole()} & {item.tobytes() for item in test.whole()}
    assert test.notes == (f"{file}: no test_images; one stratified fifth was cut off as the test split",)
    other = _npz(file, arrays, split_seed=1).open("test", storage)
    assert not np.array_equal(other.whole(), test.whole())


@pytest.mark.parametrize("key", ["train_images", "train_labels", "test_images", "test_labels"])
def test_a_missing_array_is_named(file: Path, key: str, storage: Storage) -> None:
    arrays = _arrays()
    del arrays[key]
    with pytest.raises(TlbenchError, match=f"{file} has no array '{key}'; train_images and train_labels are needed"):
        _npz(file, arrays).open("train", storage)


BAD: dict[str, tuple[str, Callable[[Arrays], Any], str]] = {
    "floats": ("train_images", lambda a: a["train_images"] / 255, "train_images is float64"),
    "flat images": ("train_images", lambda a: a["train_images"].reshape(60, 64), "train_images is uint8 .60, 64."),
    "four channels": ("train_images", lambda _: noise(60, 8, 8, 4), "train_images is uint8 .60, 8, 8, 4."),
    "bad test images": ("test_images", lambda a: a["test_images"].astype(np.int16), "test_images is int16"),
    "too few labels": ("train_labels", lambda a: a["train_labels"][:-1], "train_labels must be 60 whole numbers"),
    "many labels": ("train_labels", lambda _: np.zeros((60, 14), int), "train_labels must be 60 whole numbers"),
    "soft labels": ("train_labels", lambda a: a["train_labels"] * 0.5, "train_labels must be 60 whole numbers"),
    "one label": ("train_labels", lambda _: np.array(1), "train_labels must be 60 whole numbers"),
    "below zero": ("train_labels", lambda a: a["train_labels"].astype(int) - 1, "train_labels are out of range"),
    "far above": ("train_labels", lambda a: a["train_labels"].astype(int) * 1000, "train_labels are out of range"),
    "from one": ("train_labels", lambda a: a["train_labels"] + 1, "no train items in class 0"),
    "a gap": ("train_labels", lambda a: a["train_labels"] * 2, "no train items in class 1, 3"),
    "one class": ("train_labels", lambda a: a["train_labels"] * 0, "test_labels reach 2, train_labels only 0"),
    "unseen class": ("test_labels", lambda a: a["test_labels"] + 1, "test_labels reach 3, train_labels only 2"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_arrays_are_refused_by_name(file: Path, fault: str, storage: Storage) -> None:
    key, spoil, message = BAD[fault]
    arrays = _arrays()
    with pytest.raises(TlbenchError, match=message):
        _npz(file, arrays | {key: spoil(arrays)}).open("train", storage)


def test_an_empty_file_is_refused(file: Path, storage: Storage) -> None:
    arrays = {key: value[:0] for key, value in _arrays().items()}
    with pytest.raises(TlbenchError, match="train_labels are out of range"):
        _npz(file, arrays).open("train", storage)


class Malice:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


@pytest.mark.parametrize("key", ["train_images", "test_labels"])
def test_objects_are_refused_and_never_unpickled(file: Path, key: str, tmp_path: Path, storage: Storage) -> None:
    trap = tmp_path / "trap"
    objects = np.array([Malice(trap)] * 60, dtype=object)
    with pytest.raises(TlbenchError, match=f"{file} is no sound .npz file of plain arrays"):
        _npz(file, _arrays() | {key: objects}).open("train", storage)
    assert not trap.exists()
    with np.load(file, allow_pickle=True) as loaded:
        assert loaded[key].dtype == object
    assert trap.exists(), "the trap works"


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + b"no archive" * 20])
def test_a_file_that_is_no_archive_is_refused(file: Path, content: bytes, storage: Storage) -> None:
    file.write_bytes(content)
    with pytest.raises(TlbenchError, match=f"{file} is no sound .npz file of plain arrays"):
        datasets.make(f"npz:{file}").open("train", storage)


def test_a_single_array_is_refused(tmp_path: Path, storage: Storage) -> None:
    np.save(tmp_path / "own.npy", noise(3, 8, 8))
    with pytest.raises(TlbenchError, match=r"own\.npy is no sound .npz file of plain arrays"):
        datasets.make(f"npz:{tmp_path / 'own.npy'}").open("train", storage)


@pytest.mark.parametrize("fault", ["cut", "overwritten"])
def test_a_damaged_archive_is_refused(file: Path, fault: str, storage: Storage) -> None:
    dataset = _npz(file, _arrays())
    held = file.read_bytes()
    file.write_bytes(held[: len(held) // 2] if fault == "cut" else held[:100] + b"\xff" * 200 + held[300:])
    with pytest.raises(TlbenchError, match=f"{file} is no sound .npz file of plain arrays"):
        dataset.open("train", storage)


@pytest.mark.parametrize("spec", ["npz:gone.npz", "npz:."])
def test_a_missing_file_is_named(spec: str, tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = datasets.make(spec)
    assert dataset.identity(storage) == ""
    with pytest.raises(TlbenchError, match=f"no file at {spec.partition(':')[2]}; give npz:PATH"):
        dataset.open("train", storage)


def test_an_npz_has_the_identity_of_its_bytes(file: Path, storage: Storage) -> None:
    dataset = _npz(file, _arrays())
    before = dataset.identity(storage)
    os.utime(file, ns=(1, 1))
    assert dataset.identity(storage) == before != ""
    assert _npz(file, _arrays(colour=True)).identity(storage) != before
