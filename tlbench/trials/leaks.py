"""Leakage in a plan: what each target's test split shares with its pool and with sources, and what becomes of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlbench.dataset import Dataset
from tlbench.errors import TlbenchError
from tlbench.leakage import Checked, check
from tlbench.runfile import Leak, LeakPolicy, Overlapping
from tlbench.source import Source
from tlbench.trials.cell import Cell
from tlbench.workspace import Workspace

LEAK = 0.01  # share of the test items that were seen, from which a verdict on them is none


@dataclass(frozen=True, eq=False)
class Found:
    """What a target's dataset shares with its pool (no source), or with a source; None where that cannot be read.

    control: whether the source is there for a control alone.
    """

    target: Dataset
    source: Source | None
    checked: Checked | None
    control: bool = False

    @property
    def leaks(self) -> bool:
        """Whether so much of the test was seen that it tells nothing."""
        return self.checked is not None and self.checked.share >= LEAK

    def overlapping(self) -> Overlapping:
        """The same as plain data."""
        name, at = self.source.label if self.source else "", self.checked
        if at is None:
            return Overlapping(target=self.target.label, source=name, checked=False)
        return Overlapping(
            target=self.target.label,
            source=name,
            n_test=at.n,
            seen=len(at.seen),
            exact=at.exact,
            pool_share=at.pool_share,
            examples=at.examples,
        )

    def words(self) -> str:
        """The same in words: how many of the test items were seen, and where."""
        if self.checked is None:
            return f"{self._place()}: not checked, what it was trained on cannot be read"
        at = self.checked
        also = f", of the pool up to {at.pool_share:.0%}, validation items too" if self.source and at.pool_share else ""
        if not len(at.seen):
            return f"{self._place()}: none{also}"
        return f"{self._place()}: {len(at.seen)} ({at.share:.1%}; {at.exact} exactly; {at.examples[0]}){also}"

    def _place(self) -> str:
        return f"seen by {self.source.label}" if self.source else "in its own pool"


def guard(cells: Sequence[Cell], policy: LeakPolicy, workspace: Workspace) -> tuple[list[Cell], list[Found]]:
    """The cells with what becomes of them, and all that was looked at.

    Raises:
        TlbenchError: with "drop", a class is left without test items.
    """
    found = list(_found(cells, workspace))
    left = {one: policy == "drop" or (policy == "invalid" and _cut_across(one, workspace)) for one in found}
    dropped = _dropped(one for one in found if left[one])
    for target, left_out in dropped.items():
        _refuse_empty_classes(target, left_out, workspace)
    made = []
    for cell in cells:
        target = cell.conditions.target.dataset
        own = [one for one in found if one.target == target and one.source in (None, cell.source) and not left[one]]
        left_out = dropped.get(target, ())
        conditions = replace(cell.conditions, left_out=left_out)
        made.append(replace(cell, conditions=conditions, leak=_leak(own, policy, left_out)))
    return made, found


def _found(cells: Iterable[Cell], workspace: Workspace) -> Iterable[Found]:
    """Each target's dataset held against its pool, then against each of its sources that was trained on something."""
    pairs: dict[tuple[Dataset, Source | None], Cell] = {}
    for cell in sorted(cells, key=lambda cell: not cell.crossed):
        target = cell.conditions.target.dataset
        pairs.setdefault((target, None), cell)
        if cell.source is not None and cell.source.seen() != ():
            pairs.setdefault((target, cell.source), cell)
    for (target, source), cell in pairs.items():
        seen = (None,) if source is None else source.seen()
        if seen is None:
            yield Found(target, source, None, not cell.crossed)
        for one in seen or ():
            checked = check(target, one, type(cell.conditions.setup.form), workspace)
            yield Found(target, source, checked, not cell.crossed)


def _leak(found: Sequence[Found], policy: LeakPolicy, left_out: Sequence[int]) -> Leak | None:
    """What becomes of a cell whose test items were seen; found: where those were that are not left out."""
    text = "; ".join(one.words() for one in found if one.leaks)
    if not text and left_out:
        return Leak(handling="dropped", text=f"leak: {len(left_out)} test items that were seen are left out")
    if not text:
        return None
    if policy == "allow":
        return Leak(handling="allowed", text=f"leak allowed: test items {text}")
    mend = 'leak = "drop" leaves them out of the test, leak = "allow" lets them be'
    return Leak(handling="invalid", text=f"leak: test items {text}; {mend}")


def _dropped(found: Iterable[Found]) -> dict[Dataset, tuple[int, ...]]:
    """For each target the test items that its pool or any source has seen: all arms are tested on the same items."""
    seen: dict[Dataset, set[int]] = {}
    for one in found:
        seen.setdefault(one.target, set()).update(one.checked.seen if one.checked else ())
    return {target: tuple(sorted(items)) for target, items in seen.items()}


def _cut_across(found: Found, workspace: Workspace) -> bool:
    """Whether items that are one came to lie on both sides of a cut that was made here: no fault of the data's."""
    return found.source is None and found.target.split("test", workspace).cut_here


def _refuse_empty_classes(target: Dataset, left_out: Sequence[int], workspace: Workspace) -> None:
    test = target.split("test", workspace)
    left = np.bincount(np.delete(test.labels, list(left_out)), minlength=len(test.classes))
    if (empty := np.flatnonzero(left == 0)).size:
        raise TlbenchError(
            f"target '{target.label}': no test items of class {test.classes[empty[0]]} are left without those that the "
            'pool or a source has seen; give a test split of its own, or leak = "allow"'
        )


def leak_lines(found: Iterable[Found], cells: Iterable[Cell]) -> list[str]:
    """A line a target's dataset: what of its test split its pool and each source have seen; then what becomes of it."""
    words: dict[Dataset, list[str]] = {}
    numbers = {one.target: one.checked.n for one in found if one.checked is not None}
    for one in found:
        if not one.control or one.leaks:
            words.setdefault(one.target, []).append(one.words())
    lines = [
        f"leakage, {target.label}, of {numbers[target]} test items: {'; '.join(said)}" for target, said in words.items()
    ]
    leaks = [(cell, cell.leak) for cell in cells if cell.leak is not None]
    handled = [f"{cell.conditions.target.dataset.label}, {leak.handling}: {leak.text}" for cell, leak in leaks]
    return [*lines, *dict.fromkeys(handled)]
