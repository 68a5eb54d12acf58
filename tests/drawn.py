"""Small images on disk, as a user's own folder holds them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def write_image(path: Path, level: int, size: tuple[int, int] = (8, 8), mode: str = "L") -> Path:
    """An image of one level but for a pixel near its middle, so that it is known again after decoding, and not flat."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = (level, 255 - level, 0) if mode == "RGB" else level
    image = Image.new(mode, size, colour)
    image.putpixel(((size[0] - 1) // 2, (size[1] - 1) // 2), (level ^ 128, 0, 0) if mode == "RGB" else level ^ 128)
    image.save(path)
    return path


def write_classes(
    folder: Path, counts: Mapping[str, int], size: tuple[int, int] = (8, 8), mode: str = "L"
) -> list[Path]:
    """So many images a class under `folder/<class>/`; image number i, over all classes, has the level i % 251."""
    names = [f"{name}/{i:04}.png" for name in counts for i in range(counts[name])]
    return [write_image(folder / name, i % 251, size, mode) for i, name in enumerate(names)]


def level_of(item: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> int:
    """The level by which an image that was written so is known again."""
    return int(item[0, -1, -1])


def write_noise(folder: Path, counts: Mapping[str, int], seed: int = 0) -> list[Path]:
    """So many images of grey noise a class under `folder/<class>/`, each other than all others."""
    random = np.random.default_rng(seed)
    paths = [folder / name / f"{i:03}.png" for name in counts for i in range(counts[name])]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    return paths


def noise(*shape: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Random bytes."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
