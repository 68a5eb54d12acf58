"""What making needs at hand: storage, the device, and what was opened so far."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from tlbench.dataset import Dataset, Part, Split, Storage

T = TypeVar("T")


@dataclass
class Workspace:
    """Storage and device of one process; each split is opened, and each user's file digested, once."""

    storage: Storage
    device: torch.device
    _known: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gave the first time it was asked for under this key."""
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found

    def split(self, dataset: Dataset, part: Part) -> Split:
        """A dataset's split, opened on first use."""
        return self.once((dataset, part), lambda: dataset.open(part, self.storage))

    def identity(self, dataset: Dataset) -> str:
        """A dataset's digest of content, taken on first use."""
        return self.once((dataset, "identity"), lambda: dataset.identity(self.storage))
