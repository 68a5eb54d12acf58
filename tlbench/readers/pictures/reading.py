"""A part's files to items: decoded once into an array on disk that is memory-mapped from then on."""

import json
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from tlbench.errors import TlbenchError, one_line
from tlbench.readers.flatness import flat_notes, flat_rows
from tlbench.readers.pictures.decoding import decode
from tlbench.readers.pictures.digests import digest
from tlbench.readers.pictures.header import UNREADABLE
from tlbench.readers.pictures.listing import Item
from tlbench.readers.pictures.rendering import Rendering, survey
from tlbench.records import write_text

READER = 2  # of the decoded copies; one more whenever the same files give other pixels
DIM = 16  # of 255: images that stay below it look black
TOLERATED = 0.01  # share of files that may be unreadable before reading is refused


@dataclass(frozen=True)
class Part:
    """Decoded images (N, C, S, S) uint8, which of the files they are, and what was done to them."""

    items: npt.NDArray[np.uint8]
    kept: npt.NDArray[np.int64]
    notes: tuple[str, ...]


def read_rendering(files: Sequence[Item], digests: Sequence[str], cache: Path, where: Path) -> Rendering:
    """What these files decide for their set; surveyed once. The size is theirs, if none is asked for."""
    facts = cache / "decoded" / f"{digest([READER, where, *digests])}.survey.json"
    if not facts.exists():
        with warnings.catch_warnings(action="ignore"):  # of files' odd metadata: what counts is said in notes
            found = survey([item.path for item in files], where)
        write_text(facts, json.dumps(asdict(found)))
    return Rendering.from_plain(json.loads(facts.read_text()))


def read_part(files: Sequence[Item], digests: Sequence[str], rendering: Rendering, cache: Path, where: Path) -> Part:
    """The images of these files.

    Raises:
        TlbenchError: more than one percent of the files are not readable images, or half of the images are flat.
    """
    name = digest([READER, json.dumps(rendering.recipe(), sort_keys=True), *digests])
    kept, facts = cache / "decoded" / f"{name}.npy", cache / "decoded" / f"{name}.json"
    if not (kept.exists() and facts.exists()):
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}.partial")
        try:
            found = _decode_all(files, rendering, partial, where)
            partial.replace(kept)
        finally:
            partial.unlink(missing_ok=True)
        write_text(facts, json.dumps(found))
    said = json.loads(facts.read_text())
    bad = {place for place, _ in said["bad"]}
    rows = np.array([place for place in range(len(files)) if place not in bad], dtype=np.int64)
    items = np.load(kept, mmap_mode="r", allow_pickle=False)[: len(rows)]
    names = [str(files[row].path) for row in rows]
    why = "; ".join(rendering.notes)
    flat = flat_notes(np.array(said["flat"], dtype=np.int64), len(rows), str(where), names, why)
    return Part(items, rows, (*_notes(said, files, rendering, where), *flat))


def _decode_all(files: Sequence[Item], rendering: Rendering, path: Path, where: Path) -> dict[str, Any]:
    """Writes the array; what was met on the way."""
    shape = (len(files), 3 if rendering.colour else 1, rendering.size, rendering.size)
    array = open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    bad: list[tuple[int, str]] = []
    sizes: Counter[tuple[int, int]] = Counter()
    coloured = 0
    with warnings.catch_warnings(action="ignore"):
        for place, item in enumerate(files):
            try:
                array[place - len(bad)], header = decode(item.path, rendering)
            except UNREADABLE as error:
                bad.append((place, one_line(error)))
                continue
            sizes[header.size] += 1
            coloured += header.colour
    _refuse_many_bad(bad, files, where)
    kept = array[: len(files) - len(bad)]
    array.flush()
    found = {"sizes": [list(size) for size in sizes], "coloured": coloured, "highest": int(kept.max(initial=0))}
    return {"bad": bad, "flat": flat_rows(kept).tolist(), **found}


def _refuse_many_bad(bad: Sequence[tuple[int, str]], files: Sequence[Item], where: Path) -> None:
    if len(bad) > TOLERATED * len(files):
        place, why = bad[0]
        raise TlbenchError(
            f"{len(bad)} of {len(files)} files under {where} are not readable images (at most 1 % is tolerated), "
            f"first: {files[place].path} ({why}); remove, mend or convert them"
        )


def _notes(said: dict[str, Any], files: Sequence[Item], rendering: Rendering, where: Path) -> list[str]:
    notes = []
    if said["bad"]:
        place, why = said["bad"][0]
        count = f"{len(said['bad'])} of {len(files)} files"
        notes.append(f"{where}: {count} are not readable images, skipped: {files[place].path} ({why})")
    side = rendering.size
    if said["sizes"] != [[side, side]]:
        found = f"{len(said['sizes'])} sizes" if len(said["sizes"]) > 1 else "another size"
        notes.append(f"{where}: images of {found} cut to the centre square and scaled to {side}x{side}")
    if said["highest"] < DIM:
        notes.append(f"{where}: no value is above {said['highest']} of 255; are these masks of class numbers?")
    n_images = len(files) - len(said["bad"])
    if said["coloured"] and not rendering.colour and rendering.alpha != "only":
        count = f"{said['coloured']} of {n_images} images are in colour"
        notes.append(f"{where}: {count} and were reduced to grey, as the images to train on are")
    if rendering.colour and not said["coloured"]:
        notes.append(f"{where}: all {n_images} images are grey, while those to train on are in colour")
    return notes
