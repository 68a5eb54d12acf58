"""Images of more than 8 bits: the range of values that a set uses, and how it is brought to 0..255."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torchvision.io import ImageReadMode, decode_image

from tlbench.readers.pictures.header import DEEP_COLOUR, UNREADABLE

PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a tag of TIFF files and one of its values
DEEPEST = 65535.0  # of 16 bits
SAMPLE = 2_000_000  # values of a set that its quantiles are taken from
SPAN = (0.001, 0.999)  # what the outliers are left out of
FILLABLE = ("32-bit grey", "float grey")  # depths in which a number stands for no value: -9999, 1e20
MEASURED = 1e10
FEWEST_LEVELS = 8  # of 256 that this span must keep


@dataclass(frozen=True)
class Range:
    """The values that become 0 and 255."""

    low: float
    high: float

    def scaled(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        """Values to 0..255; what is beyond is clipped, and what is no number is the low end."""
        finite = np.where(np.isfinite(values), values, self.low)
        share = (np.clip(finite, self.low, self.high) - self.low) / max(self.high - self.low, np.finfo(float).tiny)
        return np.asarray(np.round(255 * share), dtype=np.uint8)


def grey_values(image: Image.Image) -> npt.NDArray[np.float64]:
    """An open grey image's values, upright: (H, W)."""
    values = np.asarray(ImageOps.exif_transpose(image), dtype=np.float64)
    tags = getattr(image, "tag_v2", {})
    turned = image.mode.startswith("I;16") and tags.get(PHOTOMETRIC) == WHITE_IS_ZERO  # Pillow turns 8 bits alone
    return DEEPEST - values if turned else values


def colour_values(path: Path) -> npt.NDArray[np.float64]:
    """A 16-bit colour PNG's values with all their bits: (C, H, W), C of 2 to 4, the last of 2 and 4 alpha."""
    encoded = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    return np.asarray(decode_image(encoded, ImageReadMode.UNCHANGED).to(torch.int32).numpy(), dtype=np.float64)


def _values(path: Path, depth: str) -> npt.NDArray[np.float64]:
    """The values that count for the range: colours without alpha, finite ones."""
    if depth == DEEP_COLOUR:
        held = colour_values(path)
        values = held[: 1 if len(held) < 3 else 3]
    else:
        with Image.open(path) as image:
            values = grey_values(image)
    return values[np.isfinite(values)]


def ranges(deep: Mapping[Path, str], n_images: int) -> tuple[dict[str, Range], list[str]]:
    """The range of each depth among the images given, and what is said of it."""
    found: dict[str, Range] = {}
    notes: list[str] = []
    for depth in sorted(set(deep.values())):
        paths = [path for path, own in deep.items() if own == depth]
        count = "" if len(paths) == n_images else f"{len(paths)} of {n_images} images are "
        found[depth], line = _range(paths, depth)
        notes.append(f"{count}{depth}: {line}")
    return found, notes


def _range(paths: list[Path], depth: str) -> tuple[Range, str]:
    lows, highs, sample = _statistics(paths, depth)
    if not lows:
        return Range(0, 0), "no finite value"
    whole, values = Range(min(lows), max(highs)), np.concatenate(sample)
    within = [("outliers reach", values)]
    if depth in FILLABLE:
        within.append(("a fill value reaches", values[~_is_fill(values)]))
    for what, held in within:
        span = Range(*(float(value) for value in np.quantile(held, SPAN))) if held.size else whole
        if 0 < (span.high - span.low) * 256 < FEWEST_LEVELS * (whole.high - whole.low):
            few = f"{what} {whole.low:g}..{whole.high:g}, so the values between are clipped to"
            return span, f"{few} {span.low:g}..{span.high:g} and scaled to 0..255"
    return whole, f"{whole.low:g}..{whole.high:g} scaled to 0..255"


def _is_fill(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Which values stand for none: the lowest one where it is below zero, and those too large to be measured."""
    return np.asarray((values == min(0, values.min())) & (values < 0) | (values > MEASURED))


def _statistics(paths: Iterable[Path], depth: str) -> tuple[list[float], list[float], list[npt.NDArray[np.float32]]]:
    """Lowest and highest value of each image, and a sample of the values of all."""
    generator = np.random.default_rng(0)
    held = list(paths)
    share = max(16, SAMPLE // len(held))
    lows, highs, sample = [], [], []
    for path in held:
        try:
            values = _values(path, depth).ravel()
        except UNREADABLE:
            continue  # counted and named where it is decoded
        if values.size:
            lows.append(float(values.min()))
            highs.append(float(values.max()))
            drawn = values if values.size <= share else values[generator.integers(0, values.size, share)]
            sample.append(drawn.astype(np.float32))
    return lows, highs, sample
