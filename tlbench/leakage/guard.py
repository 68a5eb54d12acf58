"""The guard: a target's test split held against its pool, or against what a source was trained on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from tlbench.dataset import Dataset, Split
from tlbench.form import Form
from tlbench.leakage.marks import Marks, marks_of
from tlbench.leakage.overlap import EVEN, FINE, NEIGHBOURS, STAND_OUT, Overlap, overlap
from tlbench.partition import SplitName
from tlbench.records import write_json
from tlbench.workspace import Workspace

RULE = f"1 {EVEN} {FINE} {NEIGHBOURS} {STAND_OUT}"  # what was found by another rule does not hold
LOOKED_AT = 2000  # items of the pool, evenly spread, that are looked for among a source's
TOLD = 20  # pairs of items that are named


@dataclass(frozen=True)
class Checked:
    """What of a dataset's test split, of n items, was seen: by its own pool, or by a source.

    seen: places of test items; exact: how many of them are there bit for bit, the others nearly; pool_share: how much
    of the pool the source saw; examples: pairs of items that are one; clashes: items of the pool that are in it again
    under another class.
    """

    n: int
    seen: tuple[int, ...] = ()
    exact: int = 0
    pool_share: float = 0.0
    examples: tuple[str, ...] = ()
    clashes: int = 0

    @property
    def share(self) -> float:
        """Of the test items those that were seen."""
        return len(self.seen) / max(1, self.n)


def check(target: Dataset, trained_on: Dataset | None, form: type[Form], workspace: Workspace) -> Checked:
    """The target's test split held against what a source was trained on, or without one against the target's pool.

    What was found for the same items is kept.
    """
    other = _name(trained_on, form, workspace) if trained_on is not None else "its pool"
    words = f"{RULE} {form.__name__} {_name(target, form, workspace)} {other}"
    kept = workspace.storage.cache / "leakage" / f"{hashlib.sha256(words.encode()).hexdigest()[:24]}.json"
    found = _read(kept)
    if found is None:
        found = _in_source(target, trained_on, form, workspace) if trained_on else _in_pool(target, form, workspace)
        write_json(kept, asdict(found))
    return found


def _read(kept: Path) -> Checked | None:
    """What was kept; None where there is nothing, or it is damaged."""
    try:
        plain: Mapping[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        found = TypeAdapter(Checked).validate_python(plain)
    except (OSError, ValueError, ValidationError):
        return None
    return found if all(0 <= place < found.n for place in found.seen) else None


def _name(dataset: Dataset, form: type[Form], workspace: Workspace) -> str:
    """What tells a dataset's items from others': a user's files by their content, others by looking at them."""
    if content := dataset.content(workspace):
        return f"{json.dumps(dataset.recipe(places=False), sort_keys=True)} {content}"
    parts: tuple[SplitName, SplitName] = ("train", "test")
    return " ".join(_marks(dataset, part, form, workspace).name for part in parts)


def _marks(dataset: Dataset, part: SplitName, form: type[Form], workspace: Workspace) -> Marks:
    split = dataset.split(part, workspace)
    return workspace.cached((dataset, part, form, "marks"), lambda: marks_of(split, form))


def _in_pool(target: Dataset, form: type[Form], workspace: Workspace) -> Checked:
    test, pool = target.split("test", workspace), target.split("train", workspace)
    own, others = (_marks(target, part, form, workspace) for part in ("test", "train"))
    found = _with_groups(overlap(test, own, pool, others, form), test, pool)
    return _told(found, test, pool, clashes=_clashes(pool, others))


def _in_source(target: Dataset, trained_on: Dataset, form: type[Form], workspace: Workspace) -> Checked:
    test, pool = target.split("test", workspace), target.split("train", workspace)
    own, drawn = (_marks(target, part, form, workspace) for part in ("test", "train"))
    other, others = trained_on.split("train", workspace), _marks(trained_on, "train", form, workspace)
    few = np.unique(np.linspace(0, len(pool) - 1, min(LOOKED_AT, len(pool))).astype(np.int64))
    some = Marks(drawn.digests[few], drawn.sketches[few])
    share = overlap(pool.only(few), some, other, others, form).share
    return _told(overlap(test, own, other, others, form), test, other, pool_share=share)


def _told(found: Overlap, test: Split, other: Split, **more: Any) -> Checked:
    places = sorted(found.seen.tolist(), key=lambda place: -int(found.kind[place]))
    pairs = tuple(f"{_where(test, at)} is {_where(other, int(found.match[at]))}" for at in places[:TOLD])
    return Checked(n=len(test), seen=tuple(found.seen.tolist()), exact=found.exact, examples=pairs, **more)


def _where(split: Split, place: int) -> str:
    if split.paths is not None:
        return str(split.paths[place])
    return f"item {place} ({split.classes[split.labels[place]]})"


def _with_groups(found: Overlap, test: Split, pool: Split) -> Overlap:
    """Counts an item whose group is in the pool as nearly there, where the pool's first item of the group is."""
    if test.groups is None or pool.groups is None:
        return found
    names, first = np.unique(pool.groups, return_index=True)
    place = np.clip(np.searchsorted(names, test.groups), 0, len(names) - 1)
    straddles = (names[place] == test.groups) & (found.kind == 0)
    kind, match = np.where(straddles, 1, found.kind), np.where(straddles, first[place], found.match)
    return Overlap(kind.astype(np.int8), match.astype(np.int64))


def _clashes(pool: Split, marks: Marks) -> int:
    """How many items of the pool are there again, exactly, under another class."""
    _, same = np.unique(marks.digests, return_inverse=True)
    least, most = np.full(len(pool), len(pool.classes)), np.full(len(pool), -1)
    np.minimum.at(least, same, pool.labels)
    np.maximum.at(most, same, pool.labels)
    return int((least[same] != most[same]).sum())
