"""How a set's images are rendered: what its training part decides for both parts, and what is said of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.readers.pictures.alpha import alpha_treatment
from tlbench.readers.pictures.depth import Range, ranges
from tlbench.readers.pictures.header import UNREADABLE, Header, read_header

LARGEST_SIDE = 224  # pixels; images of many sizes are brought to their median shorter side, at most this


@dataclass(frozen=True)
class Rendering:
    """Square side in pixels; colour or grey; what alpha is put on (or is, alone); the range of each depth."""

    size: int
    colour: bool
    alpha: str = "white"
    ranges: dict[str, Range] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def sized(self, size: int | None) -> "Rendering":
        """The same at another size, if one is asked for."""
        return self if size is None else replace(self, size=size)

    def recipe(self) -> dict[str, Any]:
        """What fixes the pixels, as plain data."""
        return {key: value for key, value in asdict(self).items() if key != "notes"}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Rendering":
        """From what `asdict` gives after JSON."""
        found = {name: Range(**held) for name, held in plain["ranges"].items()}
        return cls(plain["size"], plain["colour"], plain["alpha"], found, tuple(plain["notes"]))


def survey(paths: Sequence[Path], where: Path) -> Rendering:
    """What the training part decides, from all its headers, its deep images' values and some of its alpha images."""
    held = {path: header for path in paths if (header := _header(path)) is not None}
    if not held:
        return Rendering(LARGEST_SIDE, colour=False)
    shorter = int(np.median([min(header.size) for header in held.values()]))
    with_alpha = [path for path, header in held.items() if header.alpha and not header.depth]
    alpha, alpha_notes = alpha_treatment(with_alpha, whole=len(with_alpha) == len(held))
    deep = {path: header.depth for path, header in held.items() if header.depth}
    found, deep_notes = ranges(deep, len(held))
    coloured = sum(header.colour for header in held.values())
    colour = coloured > 0 and alpha != "only"
    said = [*_colour_note(coloured, len(held), colour=colour), *alpha_notes, *deep_notes, *_lost_notes(held)]
    notes = tuple(f"{where}: {line}" for line in said)
    return Rendering(min(shorter, LARGEST_SIDE), colour, alpha, found, notes)


def _header(path: Path) -> Header | None:
    try:
        return read_header(path)
    except UNREADABLE:
        return None  # counted and named where it is decoded


def _colour_note(coloured: int, n_images: int, *, colour: bool) -> list[str]:
    if not colour or coloured == n_images:
        return []
    are = "is" if coloured == 1 else "are"
    return [f"{coloured} of {n_images} images {are} in colour, the others grey: all are read in colour"]


def _lost_notes(held: dict[Path, Header]) -> list[str]:
    """What is said of images that hold more than is read of them."""
    cut, pages = (sum(getattr(header, what) for header in held.values()) for what in ("cut", "pages"))
    counted = {
        "have 16-bit channels, of which the high byte alone is read": cut,
        "have several pages, of which the first alone is read": pages,
    }
    return [f"{count} of {len(held)} images {what}" for what, count in counted.items() if count]
