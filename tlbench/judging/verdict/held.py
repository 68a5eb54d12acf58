"""A cell with its records at hand, and how they are read from a run's folder."""

import math
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.judging import stats
from tlbench.judging.readings import curve_of
from tlbench.judging.verdict.screen import Side, screen
from tlbench.records import Record, read_record, unpack_bits


@dataclass(frozen=True)
class Held:
    """A planned cell, its own records and its baseline's by seed, and the similarities scored for it.

    timed: records of the timing pass, own and baseline's; others: its baseline under the suite's further protocols.
    """

    cell: dict[str, Any]
    own: Side
    base: Side
    scores: dict[int, Record]
    timed: tuple[dict[int, Record], dict[int, Record]] = ({}, {})
    others: dict[str, Side] = field(default_factory=dict)

    def at_the_clock(self, first_look: int) -> "Held | None":
        """The cell with its timing records in place of its own; None without them, or where machines differ."""
        records = [record for side in self.timed for record in side.values()]
        machines = {record.environment["machine"]["fingerprint"] for record in records}
        if len(machines) != 1 or not all(self.timed):
            return None
        own, base = (Side(side, frozenset(s for s, r in side.items() if r.status == "failed")) for side in self.timed)
        return Held(self.cell | {"seeds": first_look}, own, base, {})

    @property
    def planned(self) -> int:
        """How many seeds are planned for it, so far."""
        return int(self.cell["seeds"])

    @property
    def pairs(self) -> list[int]:
        """Seeds at which both sides have a result that the screen let pass."""
        both = (set(self.own.records) - self.own.failed) & (set(self.base.records) - self.base.failed)
        return sorted(seed for seed in both if seed < self.planned)

    def provisional(self) -> bool:
        """Whether planned seeds are still missing on either side."""
        return not set(range(self.planned)) <= set(self.own.records) & set(self.base.records)

    def screened(self) -> str:
        """What the screen says of the cell: "invalid", "unstable" or nothing."""
        if self.base.at_chance():
            return "invalid"
        return "unstable" if self.own.unstable() or self.base.unstable() else ""

    def tau(self, seeds: int) -> float:
        """The test set's own noise in the mean gain, from the pairs among the first seeds."""
        pairs = [seed for seed in self.pairs if seed < seeds]
        rights = [
            np.array([unpack_bits(o["correct"], o["n_test"]) for o in (s.records[i].outcome for i in pairs)])
            for s in (self.own, self.base)
        ]
        return stats.item_noise(*rights) if len(pairs) > 1 else 0.0


def accuracy_of(record: Record) -> float | None:
    """Final accuracy on the test split."""
    return float(record.outcome["accuracy"])


def speed_of(record: Record) -> float | None:
    """Minus the log of the trial's seconds, so that more is better."""
    return -math.log(max(record.timing["seconds"], 1e-9))


def area_of(record: Record) -> float | None:
    """Mean validation accuracy over the budget above chance; None for an arm without a curve."""
    curve = curve_of(record)
    return None if curve is None else curve.area(record.outcome["validation_chance"])


def disagreement(own: dict[str, Any], base: dict[str, Any]) -> tuple[int, int]:
    """Test items that only the arm has right, and that only its baseline has right."""
    first, second = (unpack_bits(outcome["correct"], outcome["n_test"]) for outcome in (own, base))
    return int((first & ~second).sum()), int((second & ~first).sum())


def read_held(folder: Path, run: dict[str, Any]) -> list[Held]:
    """Every planned cell of a run with its records, each read once, screened against the other arms of its target."""

    @cache
    def records(path: str, kind: str = "seed") -> dict[int, Record]:
        found = {seed: read_record(folder / path / f"{kind}-{seed}.json") for seed in range(run["looks"][-1])}
        return {seed: record for seed, record in found.items() if record is not None}

    def held(cell: dict[str, Any]) -> Held:
        own, base = cell["path"], cell["baseline"]
        scores = records(f"{cell['target']['label']}/{cell['source']['label']}/similarity")
        others = {protocol: sides[path] for protocol, path in list(cell["baselines"].items())[1:]}
        return Held(cell, sides[own], sides[base], scores, (records(own, "timing"), records(base, "timing")), others)

    cells = run["cells"]
    paths = dict.fromkeys(p for c in cells for p in (c["path"], c["baseline"], *c["baselines"].values()))
    sides = screen({path: records(path) for path in paths})
    return [held(cell) for cell in cells]
