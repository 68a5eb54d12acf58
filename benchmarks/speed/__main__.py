"""tlbench beside what a user would otherwise write, in one command: see docs/performance.md.

python -m benchmarks.speed [--json FILE] [--markdown FILE] [--device cuda] [--quick] [--full] [--scaling]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.speed import page
from benchmarks.speed.findings import SEEDS_EVERYWHERE, Plain, findings, held
from benchmarks.speed.roofline import needed, peaks
from benchmarks.speed.sides import KINDS, PIL, TLBENCH, Sides, accuracies
from benchmarks.workloads import ARMS, MID, TINY, Workload, alone, quick, scaling, start_up, twenty_cells, warm_up
from tlbench import device as devices
from tlbench import environment
from tlbench.errors import TlbenchError
from tlbench.judging.verdict import verdicts
from tlbench.processes import usable_cores

PARTS = ("tiny", "mid", "methods", "verdicts")


@dataclass
class Bench:
    """A run of the command: its sides, grids, what was measured so far, and the time after which nothing is begun."""

    sides: Sides
    grids: dict[str, Workload]
    fractions: dict[str, int]
    minutes: float
    file: Path | None
    measured: Plain = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _took: dict[str, float] = field(default_factory=dict)

    def part(self, name: str, work: Callable[[], None]) -> None:
        """Does a part of a round, unless one as long as its last would end too late; a part's first is always done."""
        if time.monotonic() - self._began + self._took.get(name, 0.0) > 60 * self.minutes:
            say(f"{name}: no further round within {self.minutes:g} minutes")
            return
        self.measured["peaks"].append(peaks(torch.device(self.sides.device)))
        started = time.monotonic()
        work()
        self._took[name] = time.monotonic() - started
        self.keep()
        say(f"{name}: {self._took[name]:.0f} s")

    def keep(self) -> None:
        """Writes what is measured so far, so that a run that is stopped leaves it behind."""
        if self.file:
            self.file.write_text(json.dumps({"measured": self.measured}, indent=1), encoding="utf-8")

    def grid(self, name: str, index: int) -> None:
        """A round of a grid: tlbench on all of it, each peer on its fraction; odd rounds go backwards."""
        workload, stored = self.grids[name], self.measured["grids"][name]
        one: Plain = {}
        for side in (TLBENCH, *KINDS) if index % 2 == 0 else (*reversed(KINDS), TLBENCH):
            if side == TLBENCH:
                one[side], out = self.sides.tlbench(workload)
                one["accuracies"] = accuracies(out)
            else:
                one[side] = self.sides.peer(workload, side, workload.fraction(index, self.fractions[name]))
        stored["rounds"].append(one)

    def methods(self) -> None:
        """A round of every arm alone, and of the start-up that is taken off."""
        tiny = self.grids["tiny"]
        runs = {"start-up": start_up(tiny)} | {arm: alone(tiny, arm) for arm in ARMS}
        self.measured["methods"]["rounds"].append({name: self.sides.tlbench(one)[0] for name, one in runs.items()})

    def verdicts(self, *, full: bool) -> None:
        """Twenty cells until they are decided, between two fractions of the peer."""
        tiny = self.grids["tiny"]
        cells = twenty_cells(tiny)
        first = self.sides.peer(tiny, PIL, tiny.fraction(0, 1))
        cost, out = self.sides.tlbench(cells, "--seeds", "auto")
        stored: Plain = {TLBENCH: cost, PIL: [first, self.sides.peer(tiny, PIL, tiny.fraction(1, 1))]}
        pairs = cells.crossed()
        stored |= {"pairs": len(pairs), "targets": len({target for _, target in pairs}), "ran": len(accuracies(out))}
        self.measured["verdicts"] = stored | {"verdicts": words(out)}
        if full:
            cost, out = self.sides.tlbench(cells, "--seeds", str(SEEDS_EVERYWHERE))
            self.measured["verdicts"]["fixed"] = {TLBENCH: cost, "verdicts": words(out)}

    def scaling(self) -> None:
        """How tlbench grows, axis by axis."""
        base = self.sides.tlbench(start_up(self.grids["tiny"]))[0]["seconds"]
        for axis, grids in scaling(self.grids["tiny"]).items():
            self.measured["scaling"][axis] = [
                {"size": size, TLBENCH: self.sides.tlbench(grid)[0], "start-up": base} for size, grid in grids.items()
            ]

    def full(self, names: Sequence[str]) -> None:
        """Every peer on the whole of each grid, once."""
        for name in names:
            grid = self.grids[name]
            whole = {kind: self.sides.peer(grid, kind, grid.units()) for kind in KINDS}
            self.measured["grids"][name]["full"] = whole


def words(folder: Path) -> dict[str, str]:
    """Each cell's verdict in a word, by its path."""
    return {f"{v.target}/{v.source}/{v.method}": v.verdict for v in verdicts(folder)[1]}


def say(line: str) -> None:
    """A line about how far the run is."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def measure(asked: argparse.Namespace, folder: Path) -> Plain:
    """Everything asked for, as plain data; sources are trained and kept first, outside every clock."""
    cut = quick if asked.quick else lambda workload: workload
    device = str(devices.choose(asked.device))
    jobs = asked.jobs or (usable_cores() if device == "cpu" else None)
    grids = {"tiny": cut(TINY), "mid": cut(MID)}
    fractions = {"tiny": asked.tiny_units, "mid": asked.mid_units}
    bench = Bench(Sides(folder, device, jobs), grids, fractions, asked.minutes, asked.json)
    bench.measured |= facts(asked, device, jobs) | {"peaks": [], "grids": {}}
    names = [name for name in grids if name in asked.parts]
    tiny_too = ["tiny"] if asked.scaling or "verdicts" in asked.parts else []
    for name in dict.fromkeys([*names, *tiny_too]):
        say(f"{name}: sources")
        bench.sides.tlbench(warm_up(grids[name]))
    for name in names:
        bench.measured["grids"][name] = about(grids[name], bench.fractions[name])
    if "methods" in asked.parts:
        bench.measured["methods"] = {"rounds": [], "units": len(alone(grids["tiny"], "finetune").units())}
    for index in range(1 if asked.quick else asked.rounds):
        for name in names:
            bench.part(name, lambda name=name, index=index: bench.grid(name, index))  # type: ignore[misc]
        if "methods" in asked.parts:
            bench.part("methods", bench.methods)
        if index == 0 and "verdicts" in asked.parts:
            bench.part("verdicts", lambda: bench.verdicts(full=asked.full))
    if asked.scaling:
        bench.measured["scaling"] = {}
        bench.scaling()
    if asked.full:
        bench.full(names)
    return bench.measured


def about(workload: Workload, fraction: int) -> Plain:
    """What a grid is, in plain data."""
    plain = {"suite": workload.suite(), "counts": workload.counts(), "shared_baselines": workload.shared_baselines()}
    return plain | {"units": len(workload.units()), "fraction": fraction, "needed": needed(workload), "rounds": []}


def facts(asked: argparse.Namespace, device: str, jobs: int | None) -> Plain:
    """When, where and with what it was measured."""
    where = environment.describe(devices.describe(torch.device(device)), torch.get_num_threads())
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    told = {key: value for key, value in vars(asked).items() if not isinstance(value, Path)}
    return {"made": when, "asked": told, "environment": where, "jobs": jobs}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="nox -s speed --", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="methods needs tiny")
    parser.add_argument("--rounds", type=int, default=3, help="repeats of every part but verdicts")
    parser.add_argument("--minutes", type=float, default=22, help="no further round is begun that would end later")
    parser.add_argument("--tiny-units", type=int, default=4, help="(source, target, seed) a peer runs a round, of 60")
    parser.add_argument("--mid-units", type=int, default=1, help="the same, of 4")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N, for both sides")
    parser.add_argument("--jobs", type=int, help="tlbench's workers (default: the cores)")
    parser.add_argument("--quick", action="store_true", help="one round of tiny versions: proves the command, no more")
    parser.add_argument("--full", action="store_true", help="the peers' whole grids once, and 20 seeds everywhere")
    parser.add_argument("--scaling", action="store_true", help="how tlbench grows with seeds, sources, n_train")
    parser.add_argument("--json", type=Path, help="writes every figure, part after part")
    parser.add_argument("--markdown", type=Path, help="writes the page, such as docs/performance.md")
    parser.add_argument("--read", type=Path, help="shows what an earlier --json holds, measures nothing")
    asked = parser.parse_args()
    if "methods" in asked.parts and "tiny" not in asked.parts:
        parser.error("--parts methods needs tiny: it compares with the peers' trainings of that grid")
    return asked


def main() -> None:
    """Measures, prints, writes; exits with 1 where accuracy does not agree."""
    asked = arguments()
    if asked.read:
        measured: Plain = json.loads(asked.read.read_text(encoding="utf-8"))["measured"]
    else:
        try:
            with tempfile.TemporaryDirectory(prefix="tlbench-speed-") as folder:
                measured = measure(asked, Path(folder))
        except TlbenchError as error:
            sys.exit(f"error: {error}")
    found = findings(measured)
    text = page.render(measured, found)
    print(text)  # noqa: T201
    if asked.json:
        asked.json.write_text(json.dumps({"measured": measured, "findings": found}, indent=1), encoding="utf-8")
    if asked.markdown:
        asked.markdown.write_text(text, encoding="utf-8")
    sys.exit(not held(found))


if __name__ == "__main__":
    main()
