"""Arrays in one .npz file, in MedMNIST's layout: train_images, train_labels and, where there are, test_images, ..."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.dataset import Dataset, Labels, Split, SplitName, cut, file_digest
from tlbench.errors import TlbenchError
from tlbench.readers import channels_first
from tlbench.workspace import Storage

DAMAGED = (OSError, ValueError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Npz(Dataset):
    """Images (N, H, W) or (N, H, W, 3) uint8 and labels (N,) or (N, 1) from 0; nothing is ever unpickled."""

    path: Path
    split_seed: int = 0

    def identity(self, storage: Storage) -> str:  # noqa: ARG002
        """A digest of the file."""
        return file_digest(self.path)

    def read(self, split_name: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """The split; one stratified fifth is cut off where the file has no test_images."""
        if not self.path.is_file():
            raise TlbenchError(f"no file at {self.path}; give npz:PATH of an existing .npz file")
        try:
            with self.path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                images, labels = self._pair(file, "train")
                test = self._pair(file, "test") if {"test_images", "test_labels"} & set(file) else None
        except DAMAGED as error:
            raise TlbenchError(f"{self.path} is no sound .npz file of plain arrays ({type(error).__name__})") from None
        names = tuple(str(i) for i in range(int(labels.max()) + 1))
        if test is None:
            keep = cut(labels, split_name, self.split_seed)
            note = f"{self.path}: no test_images; one stratified fifth was cut off as the test split"
            return Split(images[keep], labels[keep], names, (note,))
        if test[1].max() >= len(names):
            raise TlbenchError(f"{self.path}: test_labels reach {test[1].max()}, train_labels only {len(names) - 1}")
        return Split(*(test if split_name == "test" else (images, labels)), names)

    def _pair(self, file: Any, name: SplitName) -> tuple[Any, Labels]:
        if missing := sorted({f"{name}_images", f"{name}_labels"} - set(file)):
            raise TlbenchError(f"{self.path} has no array '{missing[0]}'; train_images and train_labels are needed")
        images, labels = file[f"{name}_images"], file[f"{name}_labels"]
        labels = labels[:, 0] if labels.shape[1:] == (1,) else labels
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
            raise TlbenchError(f"{self.path}: {name}_images is {images.dtype} {images.shape}, not uint8 (N, H, W[, 3])")
        if labels.ndim != 1 or len(labels) != len(images) or not np.issubdtype(labels.dtype, np.integer):
            raise TlbenchError(f"{self.path}: {name}_labels must be {len(images)} whole numbers, one an image")
        if not len(labels) or labels.min() < 0 or labels.max() >= len(labels):
            raise TlbenchError(f"{self.path}: {name}_labels are out of range; classes are numbered from 0 without gaps")
        return channels_first(images), labels.astype(np.int64)
