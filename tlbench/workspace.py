"""What making needs at hand: storage, the device, and the splits opened so far."""

from dataclasses import dataclass, field

import torch

from tlbench.dataset import Dataset, Part, Split, Storage


@dataclass
class Workspace:
    """Storage and device of one process; each split is opened once."""

    storage: Storage
    device: torch.device
    _splits: dict[tuple[Dataset, Part], Split] = field(default_factory=dict)

    def split(self, dataset: Dataset, part: Part) -> Split:
        """A dataset's split, opened on first use."""
        key = (dataset, part)
        if key not in self._splits:
            self._splits[key] = dataset.open(part, self.storage)
        return self._splits[key]
