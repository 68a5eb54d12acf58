"""Marks of a split's items, by which they are known again: a digest of each, and a sketch that survives re-encoding."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tlbench.dataset import Indices, Split
from tlbench.form import Form

CHUNK = 1 << 24  # values that are held at a time


@dataclass(frozen=True, eq=False)
class Marks:
    """digests: (n,) numbers of 64 bits, equal where items are; sketches: (n, d) unit vectors, see `Form.sketch`."""

    digests: npt.NDArray[np.uint64]
    sketches: npt.NDArray[np.float32]

    @cached_property
    def name(self) -> str:
        """A digest of all of them in their order."""
        return hashlib.blake2b(self.digests.tobytes(), digest_size=12).hexdigest()

    def __len__(self) -> int:
        return len(self.digests)


def marks_of(split: Split, form: type[Form]) -> Marks:
    """The marks of all of a split's items."""
    digests, sketches = list[bytes](), list[npt.NDArray[np.float32]]()
    for rows in chunks(split, np.arange(len(split))):
        items = split.take(rows)
        digests += [hashlib.blake2b(form.same(item), digest_size=8).digest() for item in items]
        sketches.append(form.sketch(items))
    return Marks(np.frombuffer(b"".join(digests), dtype="<u8"), np.concatenate(sketches))


def chunks(split: Split, rows: Indices) -> Iterator[Indices]:
    """So many of the rows at a time that their items fit into memory with ease."""
    size = max(1, CHUNK // max(1, int(np.prod(split.shape))))
    return (rows[start : start + size] for start in range(0, len(rows), size))
