"""Stripes that run across or down, drowned in noise."""

from dataclasses import dataclass

import numpy as np

from tlbench.dataset import Dataset, Split, SplitName
from tlbench.workspace import Storage


@dataclass(frozen=True)
class Stripes(Dataset):
    """Two classes of 8x8 grey images: 120 to train on and 60 to test on."""

    noise: float = 40.0

    def read(self, split_name: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """Images as (N, 1, 8, 8) uint8."""
        random = np.random.default_rng(split_name == "test")
        labels = np.arange(60 if split_name == "test" else 120, dtype=np.int64) % 2
        down = 128 + 60 * np.where(np.arange(8) % 2, 1.0, -1.0) * np.ones((8, 1))
        images = np.where(labels[:, None, None] == 1, down, down.T) + self.noise * random.standard_normal(
            (len(labels), 8, 8)
        )
        return Split(images.clip(0, 255).astype(np.uint8)[:, None], labels, ("across", "down"))
