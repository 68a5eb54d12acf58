"""Arrays in one .npz file, in MedMNIST's layout: train_images, train_labels and, where there are, test_images, ..."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tlbench.dataset import Dataset, Part, Split, Storage, cut
from tlbench.errors import TlbenchError, one_line
from tlbench.published import channels_first


@dataclass(frozen=True)
class Npz(Dataset):
    """Images (N, H, W) or (N, H, W, 3) uint8 and labels (N,) or (N, 1) from 0; nothing is ever unpickled."""

    path: Path
    split_seed: int = 0

    def identity(self, storage: Storage) -> str:  # noqa: ARG002
        """A digest of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16] if self.path.is_file() else ""

    def read(self, part: Part, storage: Storage) -> Split:  # noqa: ARG002
        """The split; one stratified fifth is cut off where the file has no test_images."""
        images, labels = self._pair("train")
        n_classes = int(labels.max()) + 1
        names = tuple(str(i) for i in range(n_classes))
        try:
            test = self._pair("test")
        except KeyError:
            keep = cut(labels, part, self.split_seed)
            note = f"{self.path}: no test_images; one stratified fifth was cut off as the test split"
            return Split(images[keep], labels[keep], names, (note,))
        if test[1].max() >= n_classes:
            raise TlbenchError(f"{self.path}: test_labels reach {test[1].max()}, train_labels only {n_classes - 1}")
        return Split(*(test if part == "test" else (images, labels)), names)

    def _pair(self, part: Part) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        images, labels = (self._array(f"{part}_{what}", needed=part == "train") for what in ("images", "labels"))
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
            shape = "x".join(str(n) for n in images.shape)
            raise TlbenchError(f"{self.path}: {part}_images is {images.dtype} {shape}; uint8 N x H x W (x 3) is needed")
        if labels.ndim != 1 or len(labels) != len(images) or not np.issubdtype(labels.dtype, np.integer):
            raise TlbenchError(f"{self.path}: {part}_labels must be {len(images)} whole numbers, one an image")
        if not len(labels) or labels.min() < 0 or labels.max() >= len(labels):
            raise TlbenchError(f"{self.path}: {part}_labels are out of range; classes are numbered from 0 without gaps")
        return channels_first(images), labels.astype(np.int64)

    def _array(self, key: str, *, needed: bool) -> npt.NDArray[Any]:
        try:
            with np.load(self.path, allow_pickle=False) as file:
                return np.asarray(file[key])
        except FileNotFoundError:
            raise TlbenchError(f"no file at {self.path}; give npz:PATH of an existing .npz file") from None
        except KeyError:
            if not needed:
                raise
            raise TlbenchError(f"{self.path} has no array '{key}'; MedMNIST's layout is needed") from None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise TlbenchError(f"{self.path}: '{key}' cannot be read without unpickling: {one_line(error)}") from None
