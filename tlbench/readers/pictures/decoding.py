"""One image file to pixels, as the set's rendering says."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from tlbench.readers.pictures.alpha import ONLY, flattened, has_alpha
from tlbench.readers.pictures.depth import DEEPEST, Range, colour_values, grey_values
from tlbench.readers.pictures.header import DEEP_COLOUR, Header, header_of
from tlbench.readers.pictures.rendering import Rendering

POINTER, LONGEST_POINTER = b"version https://git-lfs", 200  # bytes


def decode(path: Path, rendering: Rendering) -> tuple[npt.NDArray[Any], Header]:
    """A file's pixels (C, S, S) uint8, and its header.

    Raises:
        OSError: and others of `UNREADABLE`, where it is no sound image or not of the set's kind.
    """
    _refuse_stand_in(path)
    with Image.open(path) as image:
        header = header_of(image)
        plain = _plain(path, image, header, rendering)
    whole = plain.convert("RGB" if rendering.colour else "L")
    side = rendering.size
    fitted = whole if whole.size == (side, side) else ImageOps.fit(whole, (side, side), Image.Resampling.BILINEAR)
    pixels = np.asarray(fitted, dtype=np.uint8)
    return pixels.transpose(2, 0, 1) if rendering.colour else pixels[None], header


def _refuse_stand_in(path: Path) -> None:
    """Raises where a file only stands for an image that was not fetched."""
    if (n_bytes := path.stat().st_size) > LONGEST_POINTER:
        return
    if not n_bytes:
        raise ValueError("an empty file")
    if path.read_bytes().startswith(POINTER):
        raise ValueError("a Git LFS pointer: fetch the files with git lfs pull")


def _plain(path: Path, image: Image.Image, header: Header, rendering: Rendering) -> Image.Image:
    """The image upright, of 8 bits and without alpha."""
    if header.depth:
        if (limits := rendering.ranges.get(header.depth)) is None:
            raise ValueError(f"{header.depth}, of which the images to train on have none")
        if header.depth != DEEP_COLOUR:
            return Image.fromarray(limits.scaled(grey_values(image)))
        plain = ImageOps.exif_transpose(_deep_colour(path, image, limits))
    else:
        plain = ImageOps.exif_transpose(image)
    if has_alpha(plain):
        return flattened(plain, rendering.alpha)
    if rendering.alpha == ONLY:
        raise ValueError("no alpha channel, while the images to train on are nothing else")
    return plain


def _deep_colour(path: Path, image: Image.Image, limits: Range) -> Image.Image:
    """A 16-bit PNG's channels scaled like the set's, its alpha by its own full range; with the file's orientation."""
    held = colour_values(path)
    opaque = len(held) % 2
    channels = [limits.scaled(held[: len(held) - 1 + opaque])]
    if not opaque:
        channels.append(Range(0, DEEPEST).scaled(held[-1:]))
    stacked = np.concatenate(channels)
    made = Image.fromarray(stacked[0] if len(stacked) == 1 else np.ascontiguousarray(stacked.transpose(1, 2, 0)))
    made.getexif().update(image.getexif())
    return made
