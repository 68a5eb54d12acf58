"""What making needs at hand: storage, the device, and what was opened so far."""

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

T = TypeVar("T")
ROOM = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // (os.cpu_count() or 1)  # bytes


def room(device: torch.device) -> int:
    """Bytes that what is kept may take there: a core's share of a quarter of the memory, a quarter of a GPU's free."""
    return torch.cuda.mem_get_info(device)[0] // 4 if device.type == "cuda" else ROOM


@dataclass(frozen=True)
class Storage:
    """Where data and kept weights lie, and whether anything may be downloaded."""

    data: Path
    cache: Path
    download: bool = False


def storage(data_root: str | Path | None = None, *, download: bool = False) -> Storage:
    """Where data and kept weights lie: data_root or TLBENCH_DATA; TLBENCH_CACHE or ~/.cache/tlbench."""
    cache = Path(os.environ.get("TLBENCH_CACHE", Path.home() / ".cache" / "tlbench"))
    data = Path(data_root) if data_root else Path(os.environ.get("TLBENCH_DATA", cache / "data"))
    return Storage(data, cache, download)


@dataclass
class Workspace:
    """Storage and device of one process; each split is opened, and each user's file digested, once."""

    storage: Storage
    device: torch.device
    _known: dict[Hashable, Any] = field(default_factory=dict)
    _recent: dict[Hashable, tuple[Any, int]] = field(default_factory=dict)

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gave the first time it was asked for under this key."""
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found

    def cached_while_room(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The same for what is large: kept while there is room, the one not asked for longest goes first.

        size: bytes of what was made; all together take the `room` there is.
        """
        value, n_bytes = self._recent.pop(key, (None, 0))
        if value is None:
            value = make()
            n_bytes = size(value)
        self._recent[key] = (value, n_bytes)
        limit = room(self.device)
        while len(self._recent) > 1 and sum(taken for _, taken in self._recent.values()) > limit:
            del self._recent[next(iter(self._recent))]
        found: T = value
        return found

    def if_cached(self, key: Hashable) -> Any:
        """What `cached_while_room` still has under this key, or None."""
        return self._recent.get(key, (None, 0))[0]
