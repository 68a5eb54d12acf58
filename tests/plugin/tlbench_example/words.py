"""Words that end in a vowel or not."""

from dataclasses import dataclass

import numpy as np

from tlbench.dataset import Dataset, Split, SplitName
from tlbench.workspace import Storage


@dataclass(frozen=True)
class Words(Dataset):
    """Random words of four letters."""

    variant: int = 0

    def read(self, split_name: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """Strings."""
        random = np.random.default_rng([self.variant, split_name == "test"])
        letters = random.choice(list("abcdefghijklmnopqrstuvwxyz"), (600, 4))
        labels = np.isin(letters[:, 3 if self.variant == 0 else 2], list("aeiouxyz")).astype(np.int64)
        return Split(np.array(["".join(row) for row in letters], dtype=object), labels, ("no", "yes"))
