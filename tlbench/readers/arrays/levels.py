"""Values of any type to 8 bits: one scale, found on the images trained on and used for both parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tlbench.errors import TlbenchError

CHUNK = 1 << 22  # values that are converted at a time
SAMPLED = 1 << 22  # values that the share of outliers is taken from
FEWEST = 8  # levels of 256 that the bulk of the values must keep
BULK = (0.1, 99.9)  # percent
DEEP = 65535  # the end of 16 bits
FAR = 50.0  # times that two spans may differ before they are two units
OVERSHOOT = 0.5  # share of the scale that test values may lie beyond it, as resizing leaves them


@dataclass(frozen=True)
class Levels:
    """low becomes 0 and high 255; bulk: where nearly all values lie, if their range decided that."""

    low: float
    high: float
    note: str = ""
    bulk: tuple[float, float] | None = None

    def apply(self, images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """(N, ...) of any type as uint8."""
        if images.dtype == np.uint8 and (self.low, self.high) == (0, 255):
            return np.ascontiguousarray(images)
        found = np.empty(images.shape, dtype=np.uint8)
        for piece in _pieces(images):
            scaled = (images[piece].astype(np.float64) - self.low) * (255 / (self.high - self.low))
            found[piece] = scaled.clip(0, 255).round()
        return found


def fit_levels(key: str, images: npt.NDArray[Any]) -> Levels:
    """The scale of the images trained on; the upper half of 0..1 or 0..255 must be used for these to be taken for it.

    Raises:
        TlbenchError: values that are not finite, or all the same.
    """
    low, high = _ends(key, images)
    held = f"{key}: {images.dtype.name} {low:.6g}..{high:.6g}"
    if low == high:
        raise TlbenchError(f"{key}: every value is {low:.6g}; there is nothing to see")
    if low == 0 and high == 1:
        return Levels(0, 1, f"{held}, times 255")
    if images.dtype == np.uint8:
        return Levels(0, 255, f"{held}, as they are, in the lower half of 0..255" if high < 128 else "")
    if low >= 0 and 0.5 <= high <= 1:
        return Levels(0, 1, f"{held}, times 255")
    if low >= 0 and 128 <= high <= 255:
        return Levels(0, 255, f"{held}, rounded to 8 bits")
    if images.dtype == np.int8 and low < 0:
        why = "could be bytes that wrapped below zero above 127, or signed values"
        raise TlbenchError(f"{held} {why}; save them as uint8 (x.view(np.uint8) or x + 128)")
    return _by_range(held, images, low, high)


def _by_range(held: str, images: npt.NDArray[Any], low: float, high: float) -> Levels:
    begin, end = bulk = _bulk(images)
    if begin < end and (end - begin) / (high - low) * 255 < FEWEST:
        span = f"{BULK[0]}..{BULK[1]} % of them, {begin:.6g}..{end:.6g}"
        return Levels(begin, end, f"{held} with outliers; {span}, scaled to 0..255, the rest clipped", bulk)
    return Levels(low, high, f"{held}, this range scaled to 0..255", bulk)


def refuse_other_units(levels: Levels, train: str, test: str, images: npt.NDArray[Any]) -> str:
    """What is said of the test images, which are scaled as the training images are.

    Raises:
        TlbenchError: they are on another scale.
    """
    low, high = _ends(test, images)
    if levels.bulk:
        other = _apart(levels.bulk, _bulk(images))
    elif levels.high == 1:
        other = low < -OVERSHOOT or high > 1 + OVERSHOOT
    else:
        other = low < -OVERSHOOT * 255 or high > (1 + OVERSHOOT) * 255 or high <= 1
    ends = f"{levels.low:.6g}..{levels.high:.6g}"
    if other:
        scales = f"{train} {ends}, {test} {low:.6g}..{high:.6g}"
        raise TlbenchError(f"train and test images are on two scales: {scales}; bring them to one")
    clipped = low < levels.low or high > levels.high
    return f"{test}: {low:.6g}..{high:.6g} is clipped to {ends} of {train}" if clipped else ""


def refuse_other_channels(key: str, levels: Levels) -> None:
    """Raises where the fourth of four channels cannot be alpha, which fills the scale of its type."""
    if levels.bulk and (levels.low, levels.high) != (0, DEEP):
        what = f"four channels of {levels.low:.6g}..{levels.high:.6g} are no colours with alpha"
        raise TlbenchError(f"{key}: {what}; keep one or three of them")


def _apart(train: tuple[float, float], test: tuple[float, float]) -> bool:
    """Whether two spans are too unlike for one unit: one many times the other, or nothing in common."""
    shorter, longer = sorted((train[1] - train[0], test[1] - test[0]))
    return bool(0 < shorter * FAR < longer) or train[1] < test[0] or test[1] < train[0]


def _bulk(images: npt.NDArray[Any]) -> tuple[float, float]:
    """The span of nearly all values, from images that are spread evenly."""
    step = -(-images.size // SAMPLED)
    begin, end = np.percentile(images[::step].astype(np.float64), BULK).tolist()
    return begin, end


def _ends(key: str, images: npt.NDArray[Any]) -> tuple[float, float]:
    """The smallest and the largest value."""
    ends, bad = [], 0
    for piece in _pieces(images):
        values = images[piece]
        bad += int((~np.isfinite(values)).sum()) if values.dtype.kind == "f" else 0
        ends += [float(values.min()), float(values.max())]
    if bad:
        raise TlbenchError(f"{key}: {bad} values are not finite (NaN or infinite); mend or remove these images")
    return min(ends), max(ends)


def _pieces(images: npt.NDArray[Any]) -> Iterator[slice]:
    step = max(1, CHUNK // max(1, images[0].size))
    yield from (slice(begin, begin + step) for begin in range(0, len(images), step))
