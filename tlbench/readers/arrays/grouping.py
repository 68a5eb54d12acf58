"""What belongs together, from an array beside the images."""

import numpy as np

from tlbench.dataset import Groups
from tlbench.errors import TlbenchError
from tlbench.partition import Group
from tlbench.readers.arrays.archive import Archive, Header, listed
from tlbench.readers.arrays.labels import few
from tlbench.readers.arrays.parts import Pair, part_of, plain


def find_groups(archive: Archive, group: Group | None, pair: Pair, n_items: int) -> Groups | None:
    """The group of each item of a part.

    Raises:
        TlbenchError: no array of that name for the part, or one that does not hold a value an item.
    """
    if group is None:
        return None
    if not group.column:
        raise TlbenchError(f"group: arrays have no paths, so '{group}' cannot be read; give the column of an array")
    found = [header for header in archive.headers if part_of(header.key, plain(group.column)) == pair.part]
    if len(found) != 1:
        wanted = f"{pair.part}_{group.column}".removeprefix("_")
        raise TlbenchError(f"group: no array {wanted}; found {listed(list(archive.headers))}")
    return _values(archive, found[0], n_items)


def is_of_groups(header: Header, group: Group | None) -> bool:
    """Whether an array says what belongs together in some part."""
    return group is not None and part_of(header.key, plain(group.column)) is not None


def _values(archive: Archive, header: Header, n_items: int) -> Groups:
    array = archive.load(header)
    if array.size != n_items or max(array.shape, default=0) != n_items or array.dtype.kind not in "USbiuf":
        raise TlbenchError(f"group: {header} does not hold one value for each of {n_items} items")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise TlbenchError(f"group: {header} holds values that are missing; remove these items")
    return array.ravel().astype(np.str_)


def refuse_shared_groups(train: Groups | None, test: Groups | None) -> None:
    """Raises where a group is on both sides of the file's own split."""
    if train is not None and test is not None and (both := np.intersect1d(train, test)).size:
        raise TlbenchError(f"group: {few(both.tolist())} stand in train and in test; keep each on one side")
