"""Which image files a dataset has, in which split and class: what a folder's layout or a table comes down to."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tlbench.errors import TlbenchError, some

WHOLE = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True)
class Item:
    """One image file: where it lies, its path below the dataset's root (NFC), its class and its group, if any."""

    path: Path
    name: str
    label: int
    group: str = ""


@dataclass(frozen=True)
class Listing:
    """The files of a dataset; without a test split, `test` is None and one is cut off. `where` names each part."""

    root: Path
    classes: tuple[str, ...]
    train: tuple[Item, ...]
    test: tuple[Item, ...] | None
    where: tuple[Path, Path]
    origin: str = ""
    notes: tuple[str, ...] = ()
    content: str = ""  # a digest of what fixes the listing beside the files (a table's bytes)

    @property
    def named(self) -> bool:
        """Whether classes have names; whole numbers are none."""
        return not all(WHOLE.fullmatch(name) for name in self.classes)

    def crossing(self) -> tuple[str, ...]:
        """What is said of groups that are on both sides of a split that came with the data."""
        ours, theirs = ({item.group for item in part or ()} - {""} for part in (self.train, self.test))
        shared = sorted(ours & theirs)
        line = f"{self.root}: {len(shared)} of {len(theirs)} groups of the test split are in the training split too"
        return (f"{line}, so that its scores flatter: {some(shared, 3)}",) if shared else ()

    @property
    def grouped(self) -> bool:
        """Whether items belong to groups."""
        return any(item.group for item in self.train)


def same_form(text: str) -> str:
    """Text in Unicode's composed form (NFC), so that names that look alike are alike."""
    return unicodedata.normalize("NFC", text)


def compare(train: Iterable[str], test: Iterable[str], wanted: tuple[str, ...], where: tuple[str, str]) -> None:
    """Refuses two splits whose classes differ, of those that are wanted.

    Raises:
        TlbenchError: which side lacks what, and which names differ only in case.
    """
    ours, theirs = ({name for name in names if not wanted or name in wanted} for names in (train, test))
    if ours == theirs:
        return
    folded = {name.casefold(): name for name in theirs - ours}
    cased = [f"'{name}' and '{folded[key]}'" for name in sorted(ours - theirs) if (key := name.casefold()) in folded]
    odd = [
        f"{some(sorted(names))} only in {place}"
        for names, place in ((ours - theirs, where[0]), (theirs - ours, where[1]))
        if names
    ]
    hint = f" ({some(cased)} differ only in case)" if cased else ""
    mend = "rename them, or keep those of both with the option classes" if ours & theirs else "give both the same"
    raise TlbenchError(f"{where[0]} and {where[1]} do not hold the same classes: {'; '.join(odd)}{hint}; {mend}")


def alike(where: Path, names: Iterable[str]) -> tuple[str, ...]:
    """What is said of classes whose names differ only in case or blanks."""
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(name.strip().casefold(), []).append(name)
    twins = [" and ".join(group) for group in folded.values() if len(group) > 1]
    return (f"{where}: {some(twins)} differ only in case or blanks and are read as two classes",) if twins else ()
