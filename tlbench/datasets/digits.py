"""The handwritten digits that come with scikit-learn: 8x8 grey, 1,797 images (Alpaydin and Kaynak 1998)."""

from dataclasses import KW_ONLY, dataclass

import numpy as np
from sklearn.datasets import load_digits

from tlbench.dataset import Dataset, Split, SplitName, cut
from tlbench.partition import CUT
from tlbench.workspace import Storage


@dataclass(frozen=True)
class Digits(Dataset):
    """Real handwritten digits, 8x8 grey; the test split is one stratified fifth, cut by `split_seed`."""

    _: KW_ONLY
    split_seed: int = 0

    def read(self, split_name: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """Images as (N, 1, 8, 8) uint8; the 17 grey levels are spread over 0..255."""
        found = load_digits()
        labels = found.target.astype(np.int64)
        images = np.round(found.images[:, None] * (255 / 16)).astype(np.uint8)
        keep = cut(labels, split_name, self.split_seed)
        return Split(images[keep], labels[keep], tuple("0123456789"), origin=f"{CUT} {self.split_seed}")
