"""Small images on disk, as a user's own folder holds them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def write_image(path: Path, level: int, size: tuple[int, int] = (8, 8), mode: str = "L") -> Path:
    """An image of one level, so that it is known again after decoding."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = (level, 255 - level, 0) if mode == "RGB" else level
    Image.new(mode, size, colour).save(path)
    return path


def write_classes(
    folder: Path, counts: Mapping[str, int], size: tuple[int, int] = (8, 8), mode: str = "L"
) -> list[Path]:
    """So many images a class under `folder/<class>/`; image number i, over all classes, has the level i % 251."""
    names = [f"{name}/{i:04}.png" for name in counts for i in range(counts[name])]
    return [write_image(folder / name, i % 251, size, mode) for i, name in enumerate(names)]


def noise(*shape: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Random bytes."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
