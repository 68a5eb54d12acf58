"""Datasets that torchvision publishes: one reader for all of them, whatever attribute holds the images."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tlbench.dataset import Dataset, Split, SplitName
from tlbench.errors import TlbenchError, one_line
from tlbench.readers.flatness import flat_notes, flat_rows
from tlbench.workspace import Storage

DIGITS = tuple("0123456789")
UNREADABLE = (RuntimeError, OSError, EOFError, ValueError, AssertionError)  # what torchvision's readers raise


@dataclass(frozen=True)
class TorchvisionDataset(Dataset):
    """A dataset of `torchvision.datasets`, read from the data root and downloaded only when allowed."""

    names: ClassVar[tuple[str, ...]]

    @abstractmethod
    def fetch(self, root: str, split_name: SplitName, *, download: bool) -> Any:
        """The torchvision dataset; it raises RuntimeError where the files are absent."""

    def read(self, split_name: SplitName, storage: Storage) -> Split:
        """Images as (N, C, H, W) uint8 and labels from 0.

        Raises:
            TlbenchError: the files are absent or damaged and may not be downloaded, the download failed, or most images
                are flat.
        """
        root = str(storage.data)
        try:
            found = self.fetch(root, split_name, download=False)
        except UNREADABLE as absent:
            if not storage.download:
                raise TlbenchError(
                    f"dataset '{self.name}' cannot be read under {root} ({one_line(absent)}); name its folder as "
                    "the data root or allow the download"
                ) from None
            try:
                storage.data.mkdir(parents=True, exist_ok=True)
                found = self.fetch(root, split_name, download=True)
            except UNREADABLE as failed:
                raise TlbenchError(f"dataset '{self.name}' could not be downloaded: {one_line(failed)}") from None
        items = channels_first(np.asarray(found.data))
        return Split(
            items, _labels(found), self.names, flat_notes(flat_rows(items), len(items), f"dataset '{self.name}'")
        )


def _labels(found: Any) -> npt.NDArray[np.int64]:
    held = found.targets if hasattr(found, "targets") else found.labels
    return np.asarray(held).astype(np.int64)


def channels_first(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(N, H, W), (N, H, W, C) or (N, C, H, W) as (N, C, H, W), with C one or three."""
    if images.ndim == 3:
        return images[:, None]
    if images.shape[1] in (1, 3):
        return images
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
