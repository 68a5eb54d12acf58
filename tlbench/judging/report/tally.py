"""Cells counted: by verdict, each by its own word; by source and method; and what the controls came to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tlbench.judging.units import unit_of
from tlbench.judging.verdict import IMAGES, Verdict, method_of, source_of, told, told_source, told_target, within

WORDS = {"inconclusive": "undecided"}  # what a verdict is called where cells are counted
COUNTED = ("positive", "negative", "neutral", "inconclusive", "unstable", "invalid")


def counts(verdicts: Sequence[Verdict]) -> str:
    """How many of each verdict, those that there are."""
    found = [v.verdict for v in verdicts]
    said = [f"{found.count(word)} {WORDS.get(word, word)}" for word in COUNTED if word in found]
    return ", ".join(said)


def extreme(v: Verdict, verdicts: Iterable[Verdict]) -> str:
    """A cell that was chosen for its gain, and what that choice makes of it."""
    unit, k = unit_of(v.metric), sum(one.gain is not None for one in verdicts)
    text = f"{told(v)}, {unit.ranged(v.gain, v.interval)} {unit.name}"
    if k < 2:
        return text
    about = "" if v.shrunken is None or v.shrunken == v.gain else f": about {unit.signed(v.shrunken)}"
    return f"{text} (largest of {k} cells; expect somewhat less on repetition{about})"


class SourceRow(NamedTuple):
    """A source by a method: its cells, counted by verdict, and the median of their shrunken gains, with its unit."""

    source: str
    method: str
    cells: int
    negative: int
    positive: int
    neutral: int
    undecided: int
    other: int
    gain: float | None
    metric: str

    def texts(self) -> tuple[str, ...]:
        """Under `SourceTable.columns`."""
        return (*map(str, self[:8]), unit_of(self.metric).signed(self.gain))

    def counted(self) -> str:
        """Flags by direction; what is not flagged is counted too."""
        flags = [f"{n} of {self.cells} {word}" for word, n in self._flagged() if n]
        text = f"{self.method} {' and '.join(flags) if flags else f'0 of {self.cells} flagged'}"
        aside = [f"{self.other} unstable or invalid"] if self.other else []
        aside += (
            [f"{'typically' if self.cells > 1 else 'about'} {unit_of(self.metric).signed(self.gain)}"]
            if self.gain is not None
            else []
        )
        return f"{text} ({', '.join(aside)})" if aside else text

    def _flagged(self) -> tuple[tuple[str, int], ...]:
        return ("negative", self.negative), ("positive", self.positive)


@dataclass(frozen=True)
class SourceTable:
    """What each source came to by each method; iterating gives its sentences."""

    rows: tuple[SourceRow, ...]
    sources: tuple[str, ...]
    within: str
    columns: tuple[str, ...] = (
        "source",
        "method",
        "cells",
        "negative",
        "positive",
        "neutral",
        "undecided",
        "unstable or invalid",
        "typical gain (median, shrunken)",
    )

    def sentences(self) -> list[str]:
        """A sentence a source, by method, never an extreme alone."""
        by_source: dict[str, list[SourceRow]] = defaultdict(list)
        for row, told_name in zip(self.rows, self.sources, strict=True):
            by_source[told_name].append(row)
        return [
            f"{source}: {'; '.join(row.counted() for row in rows)}{self.within}." for source, rows in by_source.items()
        ]

    def __iter__(self) -> Iterator[str]:
        return iter(self.sentences())


def by_source(verdicts: Iterable[Verdict]) -> SourceTable:
    """The judged cells counted by source and method, in the suite's order."""
    groups: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for v in verdicts:
        if v.role == "cell":
            groups[(v.source, v.method)].append(v)
    said = dict.fromkeys(within(v) for cells in groups.values() for v in cells)
    images = {source for (source, _), cells in groups.items() if any(v.draw == "all" for v in cells)}
    names = tuple(
        told_source(cells[0]) + (f" {IMAGES}" if source in images else "") for (source, _), cells in groups.items()
    )
    return SourceTable(tuple(_source_row(cells) for cells in groups.values()), names, next(iter(said), ""))


def _source_row(cells: list[Verdict]) -> SourceRow:
    found, gains = [v.verdict for v in cells], [v.shrunken for v in cells if v.shrunken is not None]
    return SourceRow(
        source=source_of(cells[0]),
        method=method_of(cells[0]),
        cells=len(cells),
        negative=found.count("negative"),
        positive=found.count("positive"),
        neutral=found.count("neutral"),
        undecided=found.count("inconclusive"),
        other=found.count("unstable") + found.count("invalid"),
        gain=float(np.median(gains)) if gains else None,
        metric=cells[0].metric,
    )


CONTROLS = ("control", "target", "demanded", "said", "gain [interval]", "would have seen", "verdict")
DEMANDS = {"unflagged": "must not be flagged", "negative": "must be negative", "any": "no demand"}


class ControlRow(NamedTuple):
    """A control under `CONTROLS`: what it must say, what it said, and the smallest fault that it would have seen.

    verdict: "ok", "NOT", "open" where nothing can be said yet of what is demanded, or "shown" where nothing is.
    """

    control: str
    target: str
    demanded: str
    said: str
    gain: str
    sees: str
    verdict: str


def control_rows(verdicts: Iterable[Verdict]) -> list[ControlRow]:
    """A row a control."""
    return [_control(v) for v in verdicts if v.role == "control"]


def _control(v: Verdict) -> ControlRow:
    unit, demand = unit_of(v.metric), v.expect or "any"
    undemanded = "shown" if demand == "any" else "open"
    return ControlRow(
        control=f"{source_of(v)} by {method_of(v)}",
        target=told_target(v),
        demanded=DEMANDS[demand],
        said=v.verdict,
        gain=unit.ranged(v.gain, v.interval),
        sees=f"{unit.plain(v.sees)} {unit.name}" if v.sees is not None else "-",
        verdict={True: "ok", False: "NOT", None: undemanded}[v.as_expected],
    )


def calibration(verdicts: Iterable[Verdict]) -> list[str]:
    """What each control should have said, what it said, and what a control that was not flagged would have seen."""
    said = {"ok": "as it must", "NOT": "NOT AS IT MUST", "open": "cannot be told yet", "shown": "shown"}
    lines = []
    for row in control_rows(verdicts):
        sees = row.demanded != DEMANDS["any"] and row.said in ("neutral", "inconclusive") and row.sees != "-"
        seen = f"; a fault of {row.sees} or more would likely have been seen" if sees else ""
        what = f"{row.control} on {row.target}: {row.demanded}; {row.said}, {row.gain}: {said[row.verdict]}"
        lines.append(what + seen)
    return lines
