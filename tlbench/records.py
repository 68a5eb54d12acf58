"""Records: what a trial leaves behind, as plain data in one JSON file each, written whole or not at all."""

import base64
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tlbench.errors import TlbenchError, one_line

SCHEMA_VERSION = 1
RUN_FILE = "run.json"
DRAWN_BY = "drawn by tlbench"  # by which a run's figures are known
RUN_KEYS = {"suite", "looks", "weights", "verdict", "cells", "skipped", "notes", "engine", "environment"}
CELL_KEYS = {"path", "seeds", "baseline", "baselines", "role", "family", "expect", "source", "target", "method"}
PATH = re.compile(r"[a-z0-9_][a-z0-9._-]*(/[a-z0-9_][a-z0-9._-]*){2}")  # target/source/method, each a slug
LOOKS = (5, 10, 20)  # seeds at which adaptive runs look,
WEIGHTS = (0.2, 0.3, 0.5)  # and the share of the level that each look may spend
Status: TypeAlias = Literal["done", "failed"]


def digest_of(plain: Any) -> str:
    """A digest of plain data, the same whatever the order of its keys."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Record:
    """Four parts: recipe (what was asked), outcome, timing, environment. Replay: recipe and outcome are equal."""

    kind: Literal["trial", "similarity", "timing"]
    status: Status
    recipe: dict[str, Any]
    outcome: dict[str, Any]
    timing: dict[str, Any]
    environment: dict[str, Any]
    schema_version: int = SCHEMA_VERSION

    @property
    def recipe_digest(self) -> str:
        """Tells whether the record still holds for what is asked."""
        return digest_of(self.recipe)

    def write(self, path: Path) -> None:
        """Writes the record, whole or not at all."""
        write_json(
            path, asdict(self) | {"recipe_digest": self.recipe_digest, "outcome_digest": digest_of(self.outcome)}
        )


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """Writes a JSON object, whole or not at all; see `write_text` for what it raises."""
    write_text(path, json.dumps(plain, indent=1, allow_nan=False))


def write_text(path: Path, text: str) -> None:
    """Writes beside the file's place and moves it there, so that a reader sees the old file or the new one.

    Raises:
        TlbenchError: the folder cannot be written or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise TlbenchError(f"cannot write {path}: {one_line(error)}; free space or name another --out") from None


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        TlbenchError: no such file, or not a JSON object.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise TlbenchError(f"no file at {path}; give the folder that a run was written to (--out)") from None
    except (OSError, ValueError) as error:
        raise TlbenchError(f"{path} cannot be read: {one_line(error)}; remove it and run again") from None
    if not isinstance(plain, dict):
        raise TlbenchError(f"{path} is not a record; remove it and run again")
    return plain


def read_record(path: Path) -> Record | None:
    """The record at `path`; None where there is none, or where it is damaged or of another schema version."""
    if not path.is_file():
        return None
    try:
        plain = read_json(path)
        digests = plain.pop("recipe_digest", None), plain.pop("outcome_digest", None)
        record = Record(**plain)
    except (TlbenchError, TypeError):
        return None
    sound = record.schema_version == SCHEMA_VERSION and digests == (record.recipe_digest, digest_of(record.outcome))
    return record if sound else None


def read_run(folder: Path) -> dict[str, Any]:
    """A run's `run.json`.

    Raises:
        TlbenchError: there is none, it is of another schema version, or something in it is missing.
    """
    run = read_json(folder / RUN_FILE)
    if run.get("schema_version") != SCHEMA_VERSION:
        raise TlbenchError(
            f"{folder / RUN_FILE} has schema version {run.get('schema_version')}, this tlbench reads {SCHEMA_VERSION}; "
            "run the suite again with --fresh"
        )
    lacking = RUN_KEYS - run.keys() or {key for cell in run["cells"] for key in CELL_KEYS - cell.keys()}
    if lacking:
        raise TlbenchError(f"{folder / RUN_FILE} lacks {', '.join(sorted(lacking))}; run the suite again")
    named = {path for cell in run["cells"] for path in (cell["path"], cell["baseline"], *cell["baselines"].values())}
    if outside := sorted(path for path in named if not PATH.fullmatch(path)):
        raise TlbenchError(f"{folder / RUN_FILE} names '{outside[0]}', which is no cell's path; run the suite again")
    return run


def iterate(folder: Path) -> Iterator[tuple[Path, Record]]:
    """All sound records under a run's folder with their paths, in the paths' order."""
    for path in sorted(folder.rglob("seed-*.json")):
        if (record := read_record(path)) is not None:
            yield path, record


def pack_bits(right: npt.NDArray[np.bool_]) -> str:
    """(N,) booleans as base64 text, eight to a byte."""
    return base64.b64encode(np.packbits(right).tobytes()).decode("ascii")


def unpack_bits(text: str, n: int) -> npt.NDArray[np.bool_]:
    """The (n,) booleans that `pack_bits` packed."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), dtype=np.uint8), count=n).astype(np.bool_)
