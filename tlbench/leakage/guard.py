"""The guard: every target's test split held against its pool and against what each source was trained on."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlbench.dataset import Dataset, Indices, Split
from tlbench.form import Form
from tlbench.leakage.marks import Marks, marks_of
from tlbench.leakage.overlap import EVEN, FINE, NEIGHBOURS, STAND_OUT, Overlap, overlap
from tlbench.partition import SplitName
from tlbench.records import write_json
from tlbench.workspace import Workspace

RULE = f"1 {EVEN} {FINE} {NEIGHBOURS} {STAND_OUT}"  # what was found by another rule does not hold
LOOKED_AT = 2000  # items of the pool, evenly spread, that are looked for among a source's


@dataclass(frozen=True, eq=False)
class Checked:
    """What of a dataset's test split, and of its pool, is in another split.

    seen: test items; pool_share: of the pool, 1 where it is the other split itself; example: two items that are one.
    """

    n: int
    seen: Indices
    exact: int
    near: int
    pool_share: float
    example: str

    @property
    def share(self) -> float:
        """Of the test items those that were seen."""
        return len(self.seen) / max(1, self.n)


def check(target: Dataset, trained_on: Dataset | None, form: type[Form], workspace: Workspace) -> Checked:
    """The target's test split held against what a source was trained on, or without one against the target's pool."""
    test, pool = target.split("test", workspace), target.split("train", workspace)
    if trained_on is None:
        found, pool_share, other = _overlap(target, "test", target, form, workspace), 1.0, pool
        found = _with_groups(found, test, pool)
    else:
        found, other = _overlap(target, "test", trained_on, form, workspace), trained_on.split("train", workspace)
        pool_share = _pool_share(target, trained_on, form, workspace)
    return Checked(len(test), found.seen, found.exact, found.near, pool_share, _example(found, test, other))


def _with_groups(found: Overlap, test: Split, pool: Split) -> Overlap:
    """Counts items whose group is in the pool as nearly there: with the pool's first item of the group."""
    if test.groups is None or pool.groups is None:
        return found
    names, first = np.unique(pool.groups, return_index=True)
    place = np.clip(np.searchsorted(names, test.groups), 0, len(names) - 1)
    straddles = (names[place] == test.groups) & (found.kind == 0)
    return Overlap(np.where(straddles, 1, found.kind).astype(np.int8), np.where(straddles, first[place], found.match))


def _example(found: Overlap, test: Split, other: Split) -> str:
    if not len(found.seen):
        return ""
    exact = np.flatnonzero(found.kind == found.kind.max())
    place = int(exact[0])
    return f"{_where(test, place)} is {_where(other, int(found.match[place]))}"


def _where(split: Split, place: int) -> str:
    if split.paths is not None:
        return str(split.paths[place])
    return f"item {place} ({split.classes[split.labels[place]]})"


def _pool_share(target: Dataset, trained_on: Dataset, form: type[Form], workspace: Workspace) -> float:
    """How much of the target's pool a source was trained on, from items spread evenly over it."""
    pool, other = target.split("train", workspace), trained_on.split("train", workspace)
    few = np.unique(np.linspace(0, len(pool) - 1, min(LOOKED_AT, len(pool))).astype(np.int64))
    marks = _marks(target, "train", form, workspace)
    some = Marks(marks.digests[few], marks.sketches[few])
    return overlap(pool.only(few), some, other, _marks(trained_on, "train", form, workspace), form).share


def _marks(dataset: Dataset, part: SplitName, form: type[Form], workspace: Workspace) -> Marks:
    split = dataset.split(part, workspace)
    return workspace.cached((dataset, part, form, "marks"), lambda: marks_of(split, form))


def _overlap(target: Dataset, part: SplitName, other: Dataset, form: type[Form], workspace: Workspace) -> Overlap:
    """The overlap, found once for the same items and kept."""
    marks, others = _marks(target, part, form, workspace), _marks(other, "train", form, workspace)
    name = hashlib.sha256(f"{RULE} {form.__name__} {marks.name} {others.name}".encode()).hexdigest()[:24]
    kept = workspace.storage.cache / "leakage" / f"{name}.json"
    held = _read(kept, len(marks), len(others))
    if held is None:
        held = overlap(target.split(part, workspace), marks, other.split("train", workspace), others, form)
        write_json(kept, {"kind": held.kind.tolist(), "match": held.match.tolist()})
    return held


def _read(kept: Path, n: int, n_other: int) -> Overlap | None:
    """What was kept; None where it is not there or not whole."""
    try:
        plain = json.loads(kept.read_text(encoding="utf-8"))
        kind, match = np.array(plain["kind"], dtype=np.int8), np.array(plain["match"], dtype=np.int64)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    sound = kind.shape == match.shape == (n,) and np.isin(kind, (0, 1, 2)).all()
    return Overlap(kind, match) if sound and ((match >= -1) & (match < n_other)).all() else None


def clashes(dataset: Dataset, form: type[Form], workspace: Workspace) -> int:
    """How many items of the pool are there again, exactly, under another class."""
    pool, marks = dataset.split("train", workspace), _marks(dataset, "train", form, workspace)
    _, same = np.unique(marks.digests, return_inverse=True)
    least, most = np.full(len(pool), len(pool.classes)), np.full(len(pool), -1)
    np.minimum.at(least, same, pool.labels)
    np.maximum.at(most, same, pool.labels)
    return int((least[same] != most[same]).sum())
