"""Arrays saved in an .npz file, as users save them, and what is read back."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.drawn import noise
from tlbench.dataset import Dataset, Split, datasets
from tlbench.workspace import Storage

Arrays = dict[str, Any]
TRAIN, TEST = noise(60, 8, 8), noise(12, 8, 8, seed=1)
LABELS, TEST_LABELS = np.arange(60) % 3, np.arange(12) % 3


def four(**changes: Any) -> Arrays:
    """Train and test images and labels in MedMNIST's names: three classes, 60 and 12 grey images."""
    return {"train_images": TRAIN, "train_labels": LABELS, "test_images": TEST, "test_labels": TEST_LABELS} | changes


def npz(path: Path, arrays: Arrays, **options: object) -> Dataset:
    """A file of these arrays, as a dataset."""
    np.savez_compressed(path, **arrays)
    return datasets.make({"name": "npz", "path": str(path), **options})


def both(dataset: Dataset, folder: Path) -> tuple[Split, Split]:
    """Its train and its test split."""
    storage = Storage(folder / "data", folder / "cache")
    return dataset.open("train", storage), dataset.open("test", storage)


def said(split: Split, path: Path) -> list[str]:
    """A split's notes without the file's name."""
    return [note.removeprefix(f"{path}: ") for note in split.notes]
