"""What files hold, as digests: of each file's bytes, remembered as long as the file is as it was."""

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tlbench.errors import TlbenchError
from tlbench.readers.pictures.listing import Item, Listing
from tlbench.records import write_text

SETTLED_SECONDS = 2.0  # a file changed so shortly before may change again under the same time stamp
ABSENT = "unreadable"


def file_digests(items: Sequence[Item], root: Path, cache: Path) -> list[str]:
    """The SHA-256 of each item's bytes, in their order; those seen before are not read again."""
    kept = cache / "digests" / f"{digest([str(root.absolute())])}.json"
    known = _remembered(kept)
    found: dict[str, list[Any]] = {}
    digests = [_one(item.path, known, found) for item in items]
    if any(known.get(path) != entry for path, entry in found.items()):
        with suppress(TlbenchError):  # a cache that cannot be written costs time alone
            write_text(kept, json.dumps(known | found))
    return digests


def _one(path: Path, known: dict[str, Any], found: dict[str, list[Any]]) -> str:
    """A file's digest, from what is known while size, times and place on the disk are the same."""
    try:
        status = path.stat()
        mark = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]
        entry = known.get(str(path))
        if not (isinstance(entry, list) and len(entry) == 6 and entry[:5] == mark and isinstance(entry[5], str)):
            entry = [*mark, hashlib.sha256(path.read_bytes()).hexdigest()]
    except OSError:
        return ABSENT
    if time.time() - max(status.st_mtime, status.st_ctime) > SETTLED_SECONDS:
        found[str(path)] = entry
    return str(entry[5])


def _remembered(kept: Path) -> dict[str, Any]:
    try:
        held = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        return {}  # digested anew
    return held if isinstance(held, dict) else {}


def digest(words: Iterable[object]) -> str:
    """A digest of words in their order."""
    return hashlib.sha256("\0".join(map(str, words)).encode(errors="surrogateescape")).hexdigest()[:24]


def listing_digest(listing: Listing, cache: Path) -> str:
    """A digest of the names and bytes of exactly the files that are read."""
    items = [*listing.train, *(listing.test or ())]
    held = file_digests(items, listing.root, cache)
    pairs = sorted((item.name, found) for item, found in zip(items, held, strict=True))
    return digest([listing.content, *(word for pair in pairs for word in pair)])[:16]
