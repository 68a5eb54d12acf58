"""Which items of one split are in another: exactly, or so nearly that they are one item, encoded anew."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from tlbench.dataset import Indices, Split
from tlbench.form import Form
from tlbench.leakage.marks import Marks, chunks

EVEN, FINE = 0.08, 0.45  # distances of fine sketches at which two items are one: beyond doubt, and if they stand out
STAND_OUT = 0.3  # of the distance to the eighth nearest: what a nearest item must not exceed to stand out
NEIGHBOURS = 8
ROWS = 2048  # items that are compared at a time


@dataclass(frozen=True, eq=False)
class Overlap:
    """kind: (n,) of each item 0 where it is not in the other split, 1 nearly, 2 exactly; match: (n,) where there."""

    kind: npt.NDArray[np.int8]
    match: Indices

    @property
    def seen(self) -> Indices:
        """The items that are in the other split."""
        return np.flatnonzero(self.kind)

    @property
    def exact(self) -> int:
        """How many are there exactly."""
        return int((self.kind == 2).sum())

    @property
    def share(self) -> float:
        """Of all items those that are in the other split."""
        return len(self.seen) / max(1, len(self.kind))


def overlap(split: Split, marks: Marks, other: Split, others: Marks, form: type[Form]) -> Overlap:
    """The items of a split that are in another one too.

    Near is an item whose fine sketch all but equals another's, or comes close and is far nearer than its eighth nearest
    item: where many items resemble each other (strokes of a one), resemblance tells nothing.
    """
    places = {digest: place for place, digest in reversed(list(enumerate(others.digests.tolist())))}
    match = np.array([places.get(digest, -1) for digest in marks.digests.tolist()], dtype=np.int64)
    kind = np.where(match >= 0, 2, 0).astype(np.int8)
    rest = np.flatnonzero(match < 0)
    if len(rest) and len(others) and marks.sketches.shape[1]:
        place, nearest, eighth = _nearest(marks.sketches[rest], others.sketches)
        stands_out = nearest <= STAND_OUT * eighth
        likely = stands_out | (nearest <= EVEN)
        rows, found = rest[likely], place[likely]
        apart = _fine(split, rows, other, found, form)
        near = (apart <= EVEN) | (stands_out[likely] & (apart <= FINE))
        kind[rows[near]], match[rows[near]] = 1, found[near]
    return Overlap(kind, match)


def _nearest(
    sketches: npt.NDArray[np.float32], others: npt.NDArray[np.float32]
) -> tuple[Indices, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """For each sketch the place of the nearest other one, its distance, and that of the eighth nearest."""
    reference, count = torch.from_numpy(others).T, min(NEIGHBOURS, len(others))
    pieces = torch.from_numpy(sketches).split(ROWS)
    found = [(piece @ reference).topk(count, dim=1) for piece in pieces]
    place = np.concatenate([part.indices[:, 0].numpy() for part in found])
    distance = _distance(np.concatenate([part.values.numpy() for part in found]))
    return place, distance[:, 0], distance[:, -1]


def _fine(split: Split, rows: Indices, other: Split, found: Indices, form: type[Form]) -> npt.NDArray[np.float32]:
    """Distances of pairs of items by their fine sketches."""
    apart = [np.zeros(0, dtype=np.float32)]
    for part in chunks(split, np.arange(len(rows))):
        first, second = (form.sketch(s.take(r[part]), fine=True) for s, r in ((split, rows), (other, found)))
        apart.append(_distance((first * second).sum(1)))
    return np.concatenate(apart)


def _distance(likeness: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Of unit vectors, from their product."""
    return np.asarray(np.sqrt(np.clip(2 - 2 * likeness, 0, None)), dtype=np.float32)
