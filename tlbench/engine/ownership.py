"""What in a folder is a run's own: what may be removed for a fresh start, and what a first run must not write over."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tlbench.errors import TlbenchError
from tlbench.records import DRAWN_BY, RUN_FILE, SCHEMA_VERSION, read_json

REPORT_FILES = ("report.html", "report.md", "figures")
RECORD = re.compile(r"(seed|timing)-\d+\.json")
UNFINISHED = re.compile(r"\.((seed|timing)-\d+|run)\.json\.\d+\.partial")  # of a process that was killed
MARKS = {"schema_version", "suite", "cells"}  # keys by which a run's `run.json` is known, of whatever version


def refuse_what_is_not_ours(folder: Path) -> None:
    """Before anything is written into a folder: it is a run's, or nothing in it has a name that a run writes to.

    Raises:
        TlbenchError: it is a file, or what a run would write over is somebody else's.
    """
    if folder.exists() and not folder.is_dir():
        raise TlbenchError(f"{folder} is a file; name a folder for the run")
    if (folder / RUN_FILE).exists():
        _manifest(folder)
        return
    for name in REPORT_FILES:
        if (folder / name).exists():
            raise TlbenchError(f"{folder / name} is not a run's and would be written over; name another folder")


def refuse_other_versions(folder: Path) -> None:
    """Before a run is gone on with: records of another schema version would be written over as if they were damaged.

    Raises:
        TlbenchError: the run was begun by a tlbench of another schema version.
    """
    version = _manifest(folder)["schema_version"] if (folder / RUN_FILE).exists() else SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        raise TlbenchError(
            f"{folder} holds a run of schema version {version}, this tlbench writes {SCHEMA_VERSION}; "
            "run into another folder, or start afresh, which removes it"
        )


def clear(folder: Path) -> int:
    """Removes a run's own files from its folder; how many files of others were left.

    Removed are `run.json`, the report's pages, and records: those that the manifest names, and elsewhere in their
    layout those that read as records, and figures that say who drew them. Nothing outside the folder is touched,
    wherever links or the manifest point.

    Raises:
        TlbenchError: the folder holds something, but not a run.
    """
    if not folder.exists():
        return 0
    refuse_what_is_not_ours(folder)
    if not (folder / RUN_FILE).exists():
        if any(folder.iterdir()):
            raise TlbenchError(f"{folder} is not the folder of a run, so nothing of it is removed; name another folder")
        return 0
    for path in list(_own_files(folder)):
        path.unlink(missing_ok=True)
        for parent in path.relative_to(folder).parents:
            with contextlib.suppress(OSError):  # it holds something else
                (folder / parent).rmdir()
    return sum(path.is_file() for path in folder.rglob("*"))


def _manifest(folder: Path) -> dict[str, Any]:
    run = read_json(folder / RUN_FILE)
    if not run.keys() >= MARKS:
        raise TlbenchError(f"{folder / RUN_FILE} is not a run's; name another folder")
    return run


def _own_files(folder: Path) -> Iterator[Path]:
    within = folder.resolve()
    named = {folder / path for path in _named_folders(_manifest(folder))}
    for path in folder.glob("*/*/*/*"):
        known = RECORD.fullmatch(path.name) or UNFINISHED.fullmatch(path.name)
        inside = path.parent.resolve().is_relative_to(within)
        if known and inside and not path.is_dir() and (path.parent in named or _reads_as_record(path)):
            yield path
    yield from (path for path in folder.iterdir() if UNFINISHED.fullmatch(path.name))
    if (folder / "figures").resolve().is_relative_to(within):
        for path in (folder / "figures").glob("*.svg"):
            if f"<desc>{DRAWN_BY}</desc>" in path.read_text(encoding="utf-8", errors="replace"):
                yield from (one for one in (path.with_suffix(".csv"), path) if one.is_file())
    for name in (*REPORT_FILES[:2], RUN_FILE):  # the manifest last: until then it can be done again
        if (folder / name).is_file():
            yield folder / name


def _named_folders(run: dict[str, Any]) -> Iterator[str]:
    """The folders of records that a manifest of any version names, as far as it can be read."""
    for cell in run["cells"] if isinstance(run["cells"], list) else []:
        if isinstance(cell, dict):
            baselines = cell.get("baselines")
            paths = [
                cell.get("path"),
                cell.get("baseline"),
                *(baselines.values() if isinstance(baselines, dict) else ()),
            ]
            for path in paths:
                if isinstance(path, str):
                    yield path
                    yield f"{path.rpartition('/')[0]}/similarity"


def _reads_as_record(path: Path) -> bool:
    try:
        return {"recipe", "outcome", "recipe_digest"} <= read_json(path).keys()
    except TlbenchError:
        return False
