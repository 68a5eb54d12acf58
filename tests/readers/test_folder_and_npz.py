"""A user's own .npz file, good and bad."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.drawn import noise
from tlbench.dataset import Dataset, Split, datasets
from tlbench.errors import TlbenchError
from tlbench.workspace import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data", tmp_path / "cache")


def _both(dataset: Dataset, storage: Storage) -> tuple[Split, Split]:
    return dataset.open("train", storage), dataset.open("test", storage)


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
