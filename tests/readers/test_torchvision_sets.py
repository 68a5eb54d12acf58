"""Datasets of torchvision, read from small files in the exact formats in which they are published."""

import bz2
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import numpy.typing as npt
import pytest
from scipy.io import savemat

from tests.drawn import noise
from tlbench.dataset import SplitName, datasets
from tlbench.errors import TlbenchError
from tlbench.readers.torchvision_sets import channels_first
from tlbench.workspace import Storage

Bytes = npt.NDArray[np.uint8]
Writer = Callable[[Path, SplitName, Bytes, npt.NDArray[np.int64]], None]
PARTS: tuple[SplitName, SplitName] = ("train", "test")
REAL = Path(__file__).parents[3] / "shared" / "data" / "torchvision"


def _write_idx(path: Path, array: Bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def _idx(folder: str) -> Writer:
    def write(root: Path, part: SplitName, images: Bytes, labels: npt.NDArray[np.int64]) -> None:
        stem = root / folder / "raw" / ("train" if part == "train" else "t10k")
        _write_idx(stem.with_name(f"{stem.name}-images-idx3-ubyte"), images[:, 0])
        _write_idx(stem.with_name(f"{stem.name}-labels-idx1-ubyte"), labels.astype(np.uint8))

    return write


def _emnist(root: Path, part: SplitName, images: Bytes, labels: npt.NDArray[np.int64]) -> None:
    stem = root / "EMNIST" / "raw"
    _write_idx(stem / f"emnist-letters-{part}-images-idx3-ubyte", images[:, 0].transpose(0, 2, 1))
    _write_idx(stem / f"emnist-letters-{part}-labels-idx1-ubyte", (labels + 1).astype(np.uint8))


def _usps(root: Path, part: SplitName, images: Bytes, labels: npt.NDArray[np.int64]) -> None:
    levels = (images.reshape(len(images), -1) + 0.5) / 127.5 - 1
    lines = [
        " ".join([str(label + 1), *(f"{i}:{level:.6f}" for i, level in enumerate(row, 1))])
        for label, row in zip(labels, levels, strict=True)
    ]
    name = "usps.bz2" if part == "train" else "usps.t.bz2"
    (root / name).write_bytes(bz2.compress("\n".join(lines).encode()))


def _svhn(root: Path, part: SplitName, images: Bytes, labels: npt.NDArray[np.int64]) -> None:
    held = {"X": images.transpose(2, 3, 1, 0), "y": np.where(labels == 0, 10, labels)[:, None].astype(np.uint8)}
    savemat(root / f"{part}_32x32.mat", held)


def _pickle(path: Path, held: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(held, protocol=2))


def _cifar10(root: Path, part: SplitName, images: Bytes, labels: npt.NDArray[np.int64]) -> None:
    folder = root / "cifar-10-batches-py"
    names = [f"data_batch_{i}" for i in range(1, 6)] if part == "train" else ["test_batch"]
    rows, targets = np.array_split(images.reshape(len(images), -1), len(names)), np.array_split(labels, len(names))
    for name, row, target in zip(names, rows, targets, strict=True):
        _pickle(folder / name, {"data": row, "labels": target.tolist()})
    _pickle(folder / "batches.meta", {"label_names": [f"thing{i}" for i in range(10)]})


def _cifar100(root: Path, part: SplitName, images: Bytes, labels: npt.NDArray[np.int64]) -> None:
    folder = root / "cifar-100-python"
    _pickle(folder / part, {"data": images.reshape(len(images), -1), "fine_labels": labels.tolist()})
    _pickle(folder / "meta", {"fine_label_names": [f"thing{i}" for i in range(100)]})


FORMATS: dict[str, tuple[Writer, tuple[int, int, int], int]] = {
    "mnist": (_idx("MNIST"), (1, 28, 28), 10),
    "fashion_mnist": (_idx("FashionMNIST"), (1, 28, 28), 10),
    "kmnist": (_idx("KMNIST"), (1, 28, 28), 10),
    "emnist_letters": (_emnist, (1, 28, 28), 26),
    "usps": (_usps, (1, 16, 16), 10),
    "svhn": (_svhn, (3, 32, 32), 10),
    "cifar10": (_cifar10, (3, 32, 32), 10),
    "cifar100": (_cifar100, (3, 32, 32), 100),
}
ENDS = {
    "mnist": ("0", "9"),
    "fashion_mnist": ("t-shirt", "ankle boot"),
    "kmnist": ("o", "wo"),
    "emnist_letters": ("a", "z"),
    "usps": ("0", "9"),
    "svhn": ("0", "9"),
    "cifar10": ("airplane", "truck"),
    "cifar100": ("thing0", "thing99"),
}


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """A data root in which torchvision takes any file for the published one."""
    for module in ("cifar", "svhn"):
        monkeypatch.setattr(f"torchvision.datasets.{module}.check_integrity", lambda path, _=None: Path(path).is_file())
    (tmp_path / "data").mkdir()
    return Storage(tmp_path / "data", tmp_path / "cache")


def _write(name: str, root: Path) -> dict[SplitName, tuple[Bytes, npt.NDArray[np.int64]]]:
    writer, shape, n_classes = FORMATS[name]
    written: dict[SplitName, tuple[Bytes, npt.NDArray[np.int64]]] = {}
    for seed, part in enumerate(PARTS):
        labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(n_classes), 2 - seed))
        written[part] = noise(len(labels), *shape, seed=seed), labels
        writer(root, part, *written[part])
    return written


@pytest.mark.parametrize("name", FORMATS)
def test_the_published_format_is_read(name: str, storage: Storage) -> None:
    written = _write(name, storage.data)
    for part, (images, labels) in written.items():
        split = datasets.make(name).open(part, storage)
        assert split.items.dtype == np.uint8
        assert np.array_equal(split.items, images)
        assert np.array_equal(split.labels, labels)
        assert split.labels.dtype == np.int64
        assert len(split.classes) == FORMATS[name][2]
        assert (split.classes[0], split.classes[-1]) == ENDS[name]


@pytest.mark.parametrize("name", FORMATS)
def test_absent_data_says_where_it_was_looked_for_and_what_to_do(name: str, tmp_path: Path) -> None:
    root = tmp_path / "nowhere"
    with pytest.raises(TlbenchError, match=rf"dataset '{name}' .* under {root} .*the data root .*allow the download"):
        datasets.make(name).open("train", Storage(root, tmp_path))
    assert not root.exists()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte"),
        ("mnist", "MNIST/raw/train-labels-idx1-ubyte"),
        ("usps", "usps.bz2"),
    ],
)
@pytest.mark.parametrize("length", [0, 3, 20])
def test_damaged_files_are_told_in_one_line(name: str, file: str, length: int, storage: Storage) -> None:
    _write(name, storage.data)
    path = storage.data / file
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(TlbenchError, match=rf"dataset '{name}' cannot be read under .*the data root"):
        datasets.make(name).open("train", storage)


def test_files_that_are_not_the_published_ones_are_refused(tmp_path: Path) -> None:
    _write("cifar10", tmp_path)
    with pytest.raises(TlbenchError, match="not found or corrupted"):
        datasets.make("cifar10").open("train", Storage(tmp_path, tmp_path))


def test_data_is_downloaded_where_that_is_allowed(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(_: str, root: Path, filename: str, **__: object) -> None:
        asked.append(filename)
        _write("usps", Path(root))

    monkeypatch.setattr("torchvision.datasets.usps.download_url", download)
    allowed = Storage(storage.data / "new", storage.cache, download=True)
    assert len(datasets.make("usps").open("train", allowed)) == 20
    assert len(datasets.make("usps").open("train", allowed)) == 20
    assert asked == ["usps.bz2"]


def test_a_download_that_fails_is_told_in_one_line(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.datasets.usps.download_url", unreachable)
    with pytest.raises(TlbenchError, match=r"'usps' could not be downloaded: URLError: .*no route to host"):
        datasets.make("usps").open("train", Storage(storage.data, storage.cache, download=True))


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 3), (5, 8, 8, 1), (5, 3, 8, 8)])
def test_channels_come_first(shape: tuple[int, ...]) -> None:
    images = noise(*shape)
    found = channels_first(images)
    assert found.shape == (5, 3 if 3 in shape else 1, 8, 8)
    assert int(found[2, -1, 6, 1]) == int(
        images[2, -1, 6, 1] if shape[1] == 3 else images.reshape(5, 8, 8, -1)[2, 6, 1, -1]
    )


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real data is not at {REAL}")
@pytest.mark.parametrize(("name", "mean", "std"), [("mnist", 0.1307, 0.3081), ("fashion_mnist", 0.2860, 0.3530)])
def test_the_real_data_is_read(name: str, mean: float, std: float, tmp_path: Path) -> None:
    storage = Storage(REAL, tmp_path)
    train, test = (datasets.make(name).open(part, storage) for part in ("train", "test"))
    assert (train.items.shape, test.items.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert train.items.mean() / 255 == pytest.approx(mean, abs=1e-4)
    assert train.items.std() / 255 == pytest.approx(std, abs=1e-4)
    assert np.bincount(test.labels).min() > 800


def test_a_published_set_of_flat_images_is_refused(storage: Storage) -> None:
    labels = (np.arange(20) % 10).astype(np.int64)
    for part in PARTS:
        _cifar10(storage.data, part, np.full((20, 3, 32, 32), 7, dtype=np.uint8), labels)
    with pytest.raises(TlbenchError, match="dataset 'cifar10': 20 of 20 images are of one flat value, first: number 0"):
        datasets.make("cifar10").open("train", storage)
