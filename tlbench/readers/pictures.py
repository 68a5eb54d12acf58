"""A folder of image files, decoded once into an array on disk that is memory-mapped from then on."""

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap
from PIL import Image, ImageOps, UnidentifiedImageError

from tlbench.errors import TlbenchError, one_line

LARGEST_SIDE = 224  # pixels; images of many sizes are brought to their median shorter side, at most this
TOLERATED = 0.01  # share of files that may be unreadable before reading is refused
GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "F")
UNREADABLE = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    RuntimeError,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class Pictures:
    """Decoded images: (N, C, S, S) uint8, their class indices, and what was done to them."""

    items: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    notes: tuple[str, ...]


def class_folders(folder: Path) -> dict[str, list[Path]]:
    """Class name -> its files, both sorted; hidden files are passed over.

    Raises:
        TlbenchError: no such folder, no class folders in it, or a class without files.
    """
    if not folder.is_dir():
        raise TlbenchError(f"no folder at {folder}; name a folder that holds one folder of images a class")
    found = {
        entry.name: sorted(path for path in entry.rglob("*") if path.is_file() and not _hidden(path, entry))
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }
    if not found:
        raise TlbenchError(f"{folder} holds no class folders; expected {folder}/<class>/<image>")
    for name, files in found.items():
        if not files:
            raise TlbenchError(f"class '{name}' in {folder} is empty; add images or remove the folder")
    return found


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def listing_digest(folder: Path) -> str:
    """A digest of every file's path, size and modification time: it changes when the folder does."""
    words = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            status = path.stat()
            words.update(f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return words.hexdigest()[:16]


def read_pictures(folder: Path, image_size: int | None, cache: Path) -> Pictures:
    """All images under `folder/<class>/`, square, decoded once and kept under `cache`.

    Raises:
        TlbenchError: more than one percent of the files are not readable images.
    """
    classes = class_folders(folder)
    name = hashlib.sha256(f"{folder.resolve()}\0{listing_digest(folder)}\0{image_size}".encode()).hexdigest()[:24]
    kept, facts = cache / "decoded" / f"{name}.npy", cache / "decoded" / f"{name}.json"
    if not (kept.exists() and facts.exists()):
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}.partial")
        try:
            found = _decode(classes, image_size, partial, folder)
            partial.replace(kept)
            partial.write_text(json.dumps(found))
            partial.replace(facts)
        finally:
            partial.unlink(missing_ok=True)
    said = json.loads(facts.read_text())
    items = np.load(kept, mmap_mode="r", allow_pickle=False)
    return Pictures(items[: len(said["labels"])], np.array(said["labels"], dtype=np.int64), tuple(said["notes"]))


def _decode(classes: dict[str, list[Path]], image_size: int | None, array_path: Path, folder: Path) -> dict[str, Any]:
    """Writes the array; the labels and notes that go with it."""
    files = [(index, path) for index, paths in enumerate(classes.values()) for path in paths]
    sizes, colour = _survey([path for _, path in files])
    shorter = [min(size) for size in sizes]
    size = image_size or (min(int(np.median(shorter)), LARGEST_SIDE) if shorter else LARGEST_SIDE)
    array = open_memmap(array_path, mode="w+", dtype=np.uint8, shape=(len(files), 3 if colour else 1, size, size))
    labels: list[int] = []
    bad: list[str] = []
    for index, path in files:
        try:
            array[len(labels)] = _square(path, size, colour=colour)
        except UNREADABLE as error:
            bad.append(f"{path} ({one_line(error)})")
            continue
        labels.append(index)
    _refuse_many_bad(bad, len(files), folder)
    notes = [f"{folder}: {len(bad)} of {len(files)} files are not readable images, skipped: {bad[0]}"] if bad else []
    shapes = Counter(sizes)
    if set(shapes) != {(size, size)}:
        found = f"{len(shapes)} sizes" if len(shapes) > 1 else "another size"
        notes.append(f"{folder}: images of {found} cut to the centre square and scaled to {size}x{size}")
    array.flush()
    return {"labels": labels, "notes": notes}


def _survey(paths: list[Path]) -> tuple[list[tuple[int, int]], bool]:
    """Sizes, and whether any image is in colour, from the files' headers alone."""
    sizes, colour = [], False
    for path in paths:
        try:
            with Image.open(path) as image:
                sizes.append(image.size)
                colour = colour or image.mode not in GREY_MODES
        except UNREADABLE:
            continue  # counted and named where it is decoded
    return sizes, colour


def _square(path: Path, size: int, *, colour: bool) -> npt.NDArray[Any]:
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        upright.apply_transparency()
        deep = upright.mode.startswith("I")
        plain = upright.convert("I").point(lambda level: level / 256).convert("L") if deep else upright
        whole = plain.convert("RGB" if colour else "L")
        fitted = ImageOps.fit(whole, (size, size), Image.Resampling.BILINEAR)
    pixels = np.asarray(fitted, dtype=np.uint8)
    return pixels.transpose(2, 0, 1) if colour else pixels[None]


def _refuse_many_bad(bad: list[str], n_files: int, folder: Path) -> None:
    if len(bad) > TOLERATED * n_files:
        raise TlbenchError(
            f"{len(bad)} of {n_files} files under {folder} are not readable images "
            f"(at most 1 % is tolerated), first: {bad[0]}; remove or mend them"
        )
