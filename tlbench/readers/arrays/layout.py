"""How the images lie in an array: which axis is which, read where it can be one thing only."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tlbench.errors import TlbenchError
from tlbench.readers.arrays.archive import Header, refuse_unreadable

LAST, FIRST = (1, 3, 4), (1, 3)  # channels that may be the last axis, or the first after the items
LEAST_SIDE = 4  # pixels; less is no image
LEAST_FLAT_SIDE = 8  # of flattened images: rows of 4, 9, 16, 25, 36, 49 numbers are more often a table
MEND = "images are (N, H, W), (N, H, W, 1 or 3 or 4) or (N, 1 or 3, H, W)"


@dataclass(frozen=True)
class Layout:
    """size: (C, H, W); inner: the axes of one item; note: what is not obvious."""

    size: tuple[int, int, int]
    inner: tuple[int, ...]
    note: str = ""
    channels_last: bool = False
    items_last: bool = False

    def apply(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The images as (N, C, H, W), not copied where that can be."""
        items = np.moveaxis(array, -1, 0) if self.items_last else array
        shaped = items.reshape(len(items), *self.inner)
        return np.moveaxis(shaped, -1, 1) if self.channels_last else shaped


def find_layout(images: Header, labels: Header, n_labels: int) -> Layout:
    """The layout of an array that goes with so many labels.

    Raises:
        TlbenchError: no images, no items, another number of them, or axes that can be two things.
    """
    shape = images.shape
    refuse_unreadable(images)
    if images.dtype.kind not in "buif":
        raise TlbenchError(f"{images} are no pixels; give numbers, {MEND}")
    if 0 in shape or len(shape) < 2:
        raise TlbenchError(f"{images} holds no {'items' if 0 in shape else 'images'}; {MEND}")
    if shape[0] == n_labels:
        return _of_items(images, shape[1:])
    if shape[-1] == n_labels:
        return _items_last(images, n_labels)
    raise TlbenchError(f"{images.key} are {shape[0]} images, {labels.key} {n_labels} labels; one an image is needed")


def _items_last(images: Header, n_labels: int) -> Layout:
    """Height, width, colour, items, as in MATLAB's files; without colour, height and width could be either."""
    *inner, _ = images.shape
    if len(inner) == 3 and inner[2] in LAST:
        size = (inner[2], inner[0], inner[1])
        note = f"read as height, width, channels, items: the last axis is as long as the {n_labels} labels"
        return Layout(_proper(images, size), tuple(inner), note, channels_last=True, items_last=True)
    mend = f"if the items stand on the last axis, save np.moveaxis({images.key}, -1, 0)"
    raise TlbenchError(f"{images} with {n_labels} labels: one label an image is needed; {mend}")


def _of_items(images: Header, inner: tuple[int, ...]) -> Layout:
    if len(inner) == 1 or (len(inner) == 2 and 1 in inner):
        return _flat(images, math.prod(inner))
    if len(inner) == 2:
        return Layout(_proper(images, (1, *inner)), (1, *inner))
    if len(inner) != 3:
        raise TlbenchError(f"{images} are no plane images (volumes or films?); {MEND}")
    last, first = inner[2] in LAST, inner[0] in FIRST
    if last and first and not (inner[2] == inner[0] == 1):
        raise TlbenchError(f"{images}: axis 1 and axis 3 could both be the channels; save them as (N, H, W, channels)")
    if last and not first:
        size = (inner[2], inner[0], inner[1])
        return Layout(_proper(images, size), inner, channels_last=True)
    if first and not last:
        return Layout(_proper(images, inner), inner, f"axis 1 is read as the channels ({inner[0]})")
    raise TlbenchError(f"{images}: neither axis 1 nor axis 3 can be the channels; {MEND}")


def _flat(images: Header, n_values: int) -> Layout:
    side = math.isqrt(n_values)
    if side * side == n_values and side >= LEAST_FLAT_SIDE:
        return Layout(
            (1, side, side), (1, side, side), f"rows of {n_values} values are read as grey {side}x{side} images"
        )
    colour = math.isqrt(n_values // 3)
    if 3 * colour * colour == n_values and colour >= LEAST_FLAT_SIDE:
        why = f"rows of {n_values} values could be 3x{colour}x{colour} or {colour}x{colour}x3"
        raise TlbenchError(f"{images}: {why}; reshape them to the one that they are")
    why = f"rows of {n_values} values are no square images of at least {LEAST_FLAT_SIDE}x{LEAST_FLAT_SIDE}"
    raise TlbenchError(f"{images}: {why}; reshape them to (N, H, W), or (N, H, W, 3)")


def _proper(images: Header, size: tuple[int, ...]) -> tuple[int, int, int]:
    channels, height, width = size
    if min(height, width) < LEAST_SIDE:
        raise TlbenchError(f"{images}: {height}x{width} pixels are no image; {MEND}")
    return channels, height, width


def refuse_other_sizes(train: tuple[Header, Layout], test: tuple[Header, Layout]) -> None:
    """Raises where the parts differ in channels or size."""
    if train[1].size != test[1].size:
        both = " and ".join(f"{header.key} {header.shape} ({_words(layout.size)})" for header, layout in (train, test))
        raise TlbenchError(f"train and test images differ: {both}; bring them to the same channels and size")


def _words(size: tuple[int, int, int]) -> str:
    channels, height, width = size
    return f"{height}x{width}, {channels} channel{'s' if channels > 1 else ''}"
