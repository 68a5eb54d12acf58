"""One split from a file of arrays, from its first bytes to images and labels."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tlbench.dataset import Groups, Indices, Split, SplitName, cut
from tlbench.errors import TlbenchError, one_line
from tlbench.partition import CUT, Group
from tlbench.readers.arrays.archive import Archive, listed, open_archive
from tlbench.readers.arrays.colours import ALPHA, seen
from tlbench.readers.arrays.grouping import find_groups, is_of_groups, refuse_shared_groups
from tlbench.readers.arrays.labels import Classes, count, few, read_labels
from tlbench.readers.arrays.layout import Layout, find_layout, refuse_other_sizes
from tlbench.readers.arrays.levels import fit_levels, refuse_other_channels, refuse_other_units
from tlbench.readers.arrays.naming import is_list_of_names, refuse_measurements, refuse_other_classes, with_names
from tlbench.readers.arrays.parts import Pair, find_parts
from tlbench.readers.flatness import flat_notes, flat_rows

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Side:
    """A pair whose labels are read and whose images are understood; rows: which of its items, all where None."""

    pair: Pair
    layout: Layout
    classes: Classes
    groups: Groups | None
    rows: Indices | None = None
    cut_as: str = ""

    @property
    def key(self) -> str:
        """The images' name in messages."""
        return self.pair.images.key + (f" ({self.cut_as} part)" if self.cut_as else "")

    def kept(self, values: npt.NDArray[T]) -> npt.NDArray[T]:
        """What this side has of values for each item of its pair."""
        return values if self.rows is None else values[self.rows]

    def __str__(self) -> str:
        images, labels = self.pair.images, self.pair.labels
        how = f" {self.classes.how}" if self.classes.how else ""
        return f"{images}, {labels.key} {labels.kind}{how} {self.classes.span()}"


def read_arrays(path: Path, split_name: SplitName, split_seed: int, group: Group | None) -> Split:
    """A split of an .npz file: (N, C, H, W) uint8 images; where it has no test part, one fifth is cut off.

    Raises:
        TlbenchError: what is there can be read in two ways or in none.
    """
    archive = open_archive(path)
    try:
        split = _read(archive, split_name, split_seed, group)
    except TlbenchError as error:
        raise TlbenchError(f"{path}: {one_line(error)}") from None
    return split


def _read(archive: Archive, split_name: SplitName, split_seed: int, group: Group | None) -> Split:
    parts = find_parts(archive.headers)
    train = _side(archive, parts.train, group)
    refuse_measurements(train.pair.labels, train.classes)
    if parts.test is None:
        train, test, origin = *_cut(train, split_seed), f"{CUT} {split_seed}"
        notes = [
            f"{train}{_unused(archive, group, train)}",
            "no test arrays; one stratified fifth was cut off as the test split",
        ]
    else:
        test, origin = _side(archive, parts.test, group), parts.origin
        _refuse_other(train, test)
        notes = [f"{train}; {test}{_unused(archive, group, train, test)}"]
    asked = test if split_name == "test" else train
    images, said = _pixels(archive, train, asked)
    classes, naming = with_names(archive, train.classes)
    notes += [*said, train.classes.note(train.pair.labels.key), naming]
    return Split(
        images,
        asked.kept(asked.classes.labels),
        classes.names,
        tuple(f"{archive.path}: {' '.join(note.split())}" for note in notes if note),
        origin=origin,
        named=not classes.numbered,
        groups=None if asked.groups is None else asked.kept(asked.groups),
    )


def _side(archive: Archive, pair: Pair, group: Group | None) -> Side:
    n_items = count(pair.labels)
    layout = find_layout(pair.images, pair.labels, n_items)
    classes = read_labels(pair.labels, archive.load(pair.labels))
    return Side(pair, layout, classes, find_groups(archive, group, pair, n_items))


def _refuse_other(train: Side, test: Side) -> None:
    """Raises where the two sides do not belong to one task."""
    refuse_other_sizes((train.pair.images, train.layout), (test.pair.images, test.layout))
    refuse_other_classes((train.pair.labels, train.classes), (test.pair.labels, test.classes))
    refuse_shared_groups(train.groups, test.groups)


def _cut(whole: Side, split_seed: int) -> tuple[Side, Side]:
    """A file's only pair as two sides."""
    labels, names = whole.classes.labels, whole.classes.names
    if single := [name for name, n_items in zip(names, np.bincount(labels), strict=True) if n_items == 1]:
        mend = "a test split cannot be cut off: add items, or test_images and test_labels"
        raise TlbenchError(f"{whole.pair.labels.key}: one item in class {few(single)}; {mend}")
    train, test = (cut(labels, name, split_seed, whole.groups) for name in ("train", "test"))
    return replace(whole, rows=train, cut_as="train"), replace(whole, rows=test, cut_as="test")


def _unused(archive: Archive, group: Group | None, *sides: Side) -> str:
    """The arrays that nothing is read from."""
    used = {header for side in sides for header in (side.pair.images, side.pair.labels)}
    beside = [header for header in archive.headers if header not in used]
    unused = [header for header in beside if not (is_list_of_names(header) or is_of_groups(header, group))]
    return f"; not used: {listed(unused)}" if unused else ""


def _pixels(archive: Archive, train: Side, asked: Side) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """The images that are asked for, on the scale of those trained on, and what was done to them."""
    shown = _images(archive, train)
    levels = fit_levels(train.key, shown)
    images, clipped = shown, ""
    if asked is not train:
        images = _images(archive, asked)
        clipped = refuse_other_units(levels, train.key, asked.key, images)
    if shown.shape[1] == ALPHA:
        refuse_other_channels(train.key, levels)
    pixels = levels.apply(images)
    sample = pixels if asked is train or pixels.shape[1] != ALPHA else levels.apply(shown)
    pixels, alpha = seen(asked.key, pixels, sample)
    layout = f"{asked.pair.images.key}: {asked.layout.note}" if asked.layout.note else ""
    flat = flat_notes(flat_rows(pixels), len(pixels), asked.key)
    return pixels, [layout, levels.note, clipped, alpha, *flat]


def _images(archive: Archive, side: Side) -> npt.NDArray[np.generic]:
    """(N, C, H, W) of the file's type."""
    return side.kept(side.layout.apply(archive.load(side.pair.images)))
