"""Images with an alpha channel: what they are put on, so that what they show stays visible."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tlbench.readers.pictures.header import ALPHA_MODES, UNREADABLE

LOOKED_AT = 200  # images, evenly spread over the set
GROUNDS = {"white": 255, "black": 0, "grey": 128}
ONLY, IGNORED = "only", "ignored"


@dataclass(frozen=True)
class _Seen:
    """What one image would become: its one stored colour, if it has one, and the grounds on which it goes flat."""

    colour: tuple[int, ...] | None
    flat: frozenset[str]
    opacity_varies: bool
    opacity: int  # the highest


def alpha_treatment(paths: Sequence[Path], *, whole: bool) -> tuple[str, list[str]]:
    """What images with alpha are put on, "only" where they show nothing else, "ignored" where it hides all; and why.

    whole: whether every image of the set has alpha.
    """
    seen = [found for path in _spread(paths) if (found := _look(path)) is not None]
    if not seen:
        return "white", []
    count = f"{len(paths)} images have transparency"
    if whole and len({found.colour for found in seen}) == 1 and seen[0].colour and _any(seen):
        return ONLY, [f"{count} and one colour everywhere: the alpha channel itself is read, as grey"]
    if all(found.opacity == 0 for found in seen):
        return IGNORED, [f"{count} and nothing in them is opaque: their colours are read as if all were"]
    lost = {ground: sum(found.flat == {ground} for found in seen) for ground in ("white", "black")}
    if lost["white"] and lost["black"]:
        return "grey", [f"{count}; some are white drawings and some black ones: all are put on grey"]
    if lost["white"]:
        return "black", [f"{count}; some are white drawings that white would hide: all are put on black"]
    return "white", [f"{count}: they are put on white"] if any(found.opacity_varies for found in seen) else []


def _any(seen: Sequence[_Seen]) -> bool:
    return any(found.opacity_varies for found in seen)


def _spread(paths: Sequence[Path]) -> list[Path]:
    places = np.linspace(0, len(paths) - 1, min(LOOKED_AT, len(paths))).astype(int)
    return [paths[place] for place in places]


def _look(path: Path) -> _Seen | None:
    try:
        with Image.open(path) as image:
            layers = np.asarray(with_alpha(image))
    except UNREADABLE:
        return None
    pixels = layers.reshape(-1, 4)
    stored = tuple(int(value) for value in pixels[0, :3]) if (pixels[:, :3] == pixels[0, :3]).all() else None
    flat = frozenset(ground for ground in ("white", "black") if _is_flat(pixels, GROUNDS[ground]))
    return _Seen(stored, flat, bool(pixels[:, 3].min() != pixels[:, 3].max()), int(pixels[:, 3].max()))


def _is_flat(pixels: npt.NDArray[np.uint8], ground: int) -> bool:
    """Whether (P, 4) pixels put on a ground are all of one value."""
    opacity = pixels[:, 3:].astype(np.int64)
    mixed = (pixels[:, :3] * opacity + ground * (255 - opacity) + 127) // 255
    return bool((mixed == mixed[0]).all())


def has_alpha(image: Image.Image) -> bool:
    """Whether an open image has transparency in any form."""
    return image.mode in ALPHA_MODES or "transparency" in image.info


def with_alpha(image: Image.Image) -> Image.Image:
    """An image as RGBA, whatever way its transparency is stored."""
    straight = image.convert("LA") if image.mode == "La" else image
    return straight.convert("RGBA")


def flattened(image: Image.Image, treatment: str) -> Image.Image:
    """An image with transparency without it: put on the ground, or its alpha channel alone."""
    layers = with_alpha(image)
    if treatment == ONLY:
        return layers.getchannel("A")
    if treatment == IGNORED:
        return layers.convert("RGB")
    level = GROUNDS[treatment]
    ground = Image.new("RGBA", layers.size, (level, level, level, 255))
    return Image.alpha_composite(ground, layers)
