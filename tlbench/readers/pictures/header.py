"""What an image file's header says: its size, its channels, its depth. No pixel is decoded for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

UNREADABLE = (  # what decoding a file that is no sound image raises
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, RuntimeError, TypeError, LookupError),
    *(OverflowError, Image.DecompressionBombError),
)
GREY_MODES = ("1", "L", "LA", "La", "I", "F")
ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
GREY_DEPTHS = {"I;16": "16-bit grey", "I": "32-bit grey", "F": "float grey"}
DEEP_COLOUR = "16-bit colour"


@dataclass(frozen=True)
class Header:
    """An image's size in pixels, whether it has colour and alpha, and the name of its depth where that is over 8 bits.

    cut: whether its deeper bits are lost in reading; pages: whether it has more pages than the first, which is read.
    """

    size: tuple[int, int]
    colour: bool
    alpha: bool
    depth: str = ""
    cut: bool = False
    pages: bool = False


def read_header(path: Path) -> Header:
    """The header of a file.

    Raises:
        OSError: and others of `UNREADABLE`, where it is no image.
    """
    with Image.open(path) as image:
        return header_of(image)


def header_of(image: Image.Image) -> Header:
    """The header of an image that is open."""
    mode = image.mode
    grey_depth = GREY_DEPTHS.get("I;16" if mode.startswith("I;16") else mode, "")
    raw = _raw_mode(image)
    sixteen = not grey_depth and ";16" in raw  # Pillow keeps the high byte of these alone
    alpha = not grey_depth and (mode in ALPHA_MODES or "transparency" in image.info)
    colour = not (mode in GREY_MODES or grey_depth or raw.startswith("LA"))
    png = sixteen and image.format == "PNG"
    pages = image.format == "TIFF" and getattr(image, "n_frames", 1) > 1
    return Header(image.size, colour, alpha, DEEP_COLOUR if png else grey_depth, sixteen and not png, pages)


def _raw_mode(image: Image.Image) -> str:
    """How the file stores its pixels, by Pillow's name for it."""
    tiles: list[Any] = getattr(image, "tile", [])
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)
