"""Files that are no sound archives of arrays, and what is never done with them."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.drawn import noise
from tests.saved import LABELS, TRAIN, both, four, npz, said
from tlbench.dataset import Dataset, datasets
from tlbench.errors import TlbenchError
from tlbench.workspace import Storage


class Malice:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


@pytest.mark.parametrize("key", ["train_images", "test_labels", "meta"])
def test_objects_are_never_unpickled(file: Path, key: str, tmp_path: Path, storage: Storage) -> None:
    trap = tmp_path / "trap"
    n_items = 12 if key == "test_labels" else 60
    arrays = four() | {key: np.array([Malice(trap)] * n_items, dtype=object)}
    if key == "meta":
        assert said(npz(file, arrays).open("train", storage), file)[0].endswith("; not used: meta objects (60,)")
    else:
        with pytest.raises(
            TlbenchError, match=rf"{key} .{n_items},. holds Python objects.*save np.array\({key}.tolist\(\)\)"
        ):
            npz(file, arrays).open("train", storage)
    assert not trap.exists()
    with np.load(file, allow_pickle=True) as loaded:
        assert loaded[key].dtype == object
    assert trap.exists(), "the trap works"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty; copy or save it again"),
        (b"\0" * 300, "is empty; copy or save it again"),
        (b"no archive", r"is no .npz file \(it begins with b'no archi'\)"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a git-lfs pointer, not the file; .*git lfs pull"),
        (b"\n<!DOCTYPE HTML>\n<html>", "is a web page, not the file behind it; download the file itself"),
        (b'{"message": "Not Found"}', "is a message of a server, not the file"),
        (b"MATLAB 5.0 MAT-file, Platform", "is a MATLAB file; read it with scipy.io.loadmat"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file; read it with h5py"),
        (b"\x80\x04\x95", "is a pickle, which is never unpickled"),
        (b"\x1f\x8b\x08", "is compressed by gzip; unpack it first"),
        (b"\x00\x00\x08\x03", "is an IDX file of MNIST's kind"),
        (b"PK\x05\x06" + b"\0" * 18, "is an archive without arrays"),
        (b"PK\x03\x04" + b"no archive" * 20, "is cut short or damaged: the list of contents at its end is missing"),
    ],
)
def test_another_file_is_told_by_its_first_bytes(file: Path, content: bytes, what: str, storage: Storage) -> None:
    file.write_bytes(content)
    with pytest.raises(TlbenchError, match=f"{file} {what}"):
        datasets.make(f"npz:{file}").open("train", storage)


def test_a_single_array_is_refused(tmp_path: Path, storage: Storage) -> None:
    np.save(tmp_path / "own.npy", noise(3, 8, 8))
    with pytest.raises(TlbenchError, match=r"own\.npy is a single array \(\.npy\); save images and labels in one file"):
        datasets.make(f"npz:{tmp_path / 'own.npy'}").open("train", storage)


def _npy(array: np.ndarray[Any, Any], shape: tuple[int, ...] = ()) -> bytes:
    """An array as np.save writes it; with a shape, under a header that promises that."""
    stream = io.BytesIO()
    np.save(stream, array)
    if not shape:
        return stream.getvalue()
    begin = io.BytesIO()
    np.lib.format.write_array_header_1_0(begin, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return begin.getvalue() + array.tobytes()


def _zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Dataset:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return datasets.make(f"npz:{path}")


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        ((60, 10**6, 10**6), "its header promises .60, 1000000, 1000000. of uint8, more than the file holds"),
        ((60, -8, 8), "its header promises .60, -8, 8. of uint8, more than the file holds"),
        ((61, 8, 8), "its header promises .61, 8, 8. of uint8, more than the file holds"),
        ((60, 8, 7), "x is damaged: more is there than its header says"),
    ],
)
def test_a_header_that_lies_is_refused(file: Path, shape: tuple[int, ...], what: str, storage: Storage) -> None:
    n_labels = shape[0]
    dataset = _zip(file, {"x.npy": _npy(TRAIN, shape), "y.npy": _npy(np.arange(n_labels) % 2)})
    with pytest.raises(TlbenchError, match=what):
        dataset.open("train", storage)


def test_a_zip_bomb_is_refused_unread(file: Path, storage: Storage) -> None:
    """Its list of contents says that 4 GB come out of some kilobytes."""
    dataset = _zip(file, {"x.npy": _npy(TRAIN, (60, 2**13, 2**13)), "y.npy": _npy(LABELS)})
    held = bytearray(file.read_bytes())
    entry = held.index(b"PK\x01\x02")
    held[entry + 24 : entry + 28] = b"\xfe\xff\xff\xff"
    file.write_bytes(bytes(held))
    with pytest.raises(TlbenchError, match="more than the file holds"):
        dataset.open("train", storage)


def test_a_packed_folder_of_arrays_is_read(file: Path) -> None:
    """What macOS adds when it packs a folder is passed over."""
    arrays = {"x": _npy(TRAIN), "y": _npy(LABELS)}
    junk = {f"__MACOSX/own/._{name}.npy": b"\0" for name in arrays}
    train, _ = both(_zip(file, {f"own/{name}.npy": held for name, held in arrays.items()} | junk), file.parent)
    assert said(train, file)[:1] == ["x uint8 (60, 8, 8), y int64 0..2"]


def test_windows_packers_are_read(file: Path) -> None:
    train, _ = both(_zip(file, {"own\\x.npy": _npy(TRAIN), "own\\y.npy": _npy(LABELS)}), file.parent)
    assert said(train, file)[0] == "x uint8 (60, 8, 8), y int64 0..2"


def test_an_unknown_way_of_packing_is_named(file: Path, storage: Storage) -> None:
    """Windows packs large files by method 9."""
    dataset = _zip(file, {"x.npy": _npy(TRAIN), "y.npy": _npy(LABELS)})
    held = bytearray(file.read_bytes())
    held[held.index(b"PK\x01\x02") + 10] = 9
    file.write_bytes(bytes(held))
    with pytest.raises(TlbenchError, match="x cannot be read: packed by method 9, unknown here; save it with"):
        dataset.open("train", storage)


@pytest.mark.parametrize(
    ("flag", "what"), [(1, "is encrypted; save it without a password"), (0, r"without arrays \(it holds a.png\)")]
)
def test_archives_of_other_things_are_refused(file: Path, flag: int, what: str, storage: Storage) -> None:
    dataset = _zip(file, {"a.png": b"picture"})
    held = bytearray(file.read_bytes())
    held[held.index(b"PK\x01\x02") + 8] |= flag
    file.write_bytes(bytes(held))
    with pytest.raises(TlbenchError, match=what):
        dataset.open("train", storage)


@pytest.mark.parametrize(
    ("fault", "what"), [("cut", "is cut short or damaged"), ("overwritten", "train_images.*damaged")]
)
def test_a_damaged_archive_is_refused(file: Path, fault: str, what: str, storage: Storage) -> None:
    dataset = npz(file, four())
    held = file.read_bytes()
    file.write_bytes(held[: len(held) // 2] if fault == "cut" else held[:300] + b"\xff" * 200 + held[500:])
    with pytest.raises(TlbenchError, match=f"{file}:? {what}"):
        dataset.open("train", storage)


@pytest.mark.parametrize("spec", ["npz:gone.npz", "npz:."])
def test_a_missing_file_is_named(spec: str, tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = datasets.make(spec)
    assert dataset.identity(storage) == ""
    with pytest.raises(TlbenchError, match=f"no file at {spec.partition(':')[2]}; give npz:PATH"):
        dataset.open("train", storage)


def test_an_npz_has_the_identity_of_its_bytes(file: Path, storage: Storage) -> None:
    dataset = npz(file, four())
    before = dataset.identity(storage)
    os.utime(file, ns=(1, 1))
    assert dataset.identity(storage) == before != ""
    assert npz(file, four(train_images=noise(60, 8, 8, seed=2))).identity(storage) != before
