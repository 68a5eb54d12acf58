"""What a suite can see by design: chances of each verdict, the smallest effect, seeds and time; and which to choose."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.frame import read
from tlbench.judging import chances
from tlbench.judging.pooling import LEAST_CELLS, MOST_FREEDOM
from tlbench.judging.simulation import Scenario, shares, simulate, smallest_effect
from tlbench.judging.verdict import Design, Verdict, verdicts
from tlbench.runfile import SURPLUS, Pairing

GRIDS = 400  # simulated for each chance
EFFECTS = (-0.08, -0.05, -0.02, -0.01, -0.005, 0.0)
PAIRINGS: tuple[Pairing, ...] = ("paired", "welch")


@dataclass(frozen=True)
class Pilot:
    """What power depends on: spreads over seeds, test-set error, cells; seconds a trial if known.

    spread: of a paired gain; own_spread, base_spread: of the two sides' scores, and their correlation at equal seeds.
    prior: degrees of freedom that the family's pooled variance adds. arms, baselines: how many there are to train.
    """

    spread: float
    tau: float
    cells: int
    own_spread: float
    base_spread: float
    correlation: float
    prior: float = 0.0
    trial_seconds: float | None = None
    arms: int = 0
    baselines: int = 0

    @classmethod
    def guessed(cls, spread: float, tau: float, cells: int) -> "Pilot":
        """From the spread of a paired gain alone: both sides vary alike, cells too, and nothing is shared by seeds."""
        side = spread / float(np.sqrt(2))
        return cls(spread, tau, cells, side, side, 0.0, MOST_FREEDOM if cells >= LEAST_CELLS else 0.0)

    def truth(self, pairing: Pairing) -> chances.Truth:
        """A gain of 0, as one would come out under a design."""
        if pairing == "paired":
            return chances.Truth(0.0, self.spread, self.tau, prior=self.prior)
        return chances.Truth(0.0, self.own_spread, self.tau, self.base_spread, SURPLUS, self.prior)

    def scenario(self, pairing: Pairing, mean: float, n: int) -> Scenario:
        """A grid of cells like the pilot's, the first of them with a gain."""
        common = max(0.0, min(self.correlation, 0.95)) * self.own_spread * self.base_spread
        own, base = (max(side**2 - common, 0.0) for side in (self.own_spread, self.base_spread))
        total = max(own + base, 1e-12)
        given = {"pairing": pairing, "shared": base / total, "correlation": 2 * common / (total + 2 * common)}
        return Scenario("normal", mean, total**0.5, self.tau, (n,), self.cells, alone=True, **given)  # type: ignore[arg-type]

    def trials(self, pairing: Pairing, n: int) -> int:
        """How many are to be trained at n seeds an arm."""
        return n * (self.arms + self.baselines * (SURPLUS if pairing == "welch" else 1))


@dataclass(frozen=True)
class Power:
    """At n seeds of a design: chances of each verdict by true gain, the smallest seen with power 0.8, worker-hours."""

    seeds: int
    pairing: Pairing
    chances: dict[str, dict[str, float]]
    smallest: float
    hours: float | None


def pilot_of(folder: Path) -> Pilot:
    """A run as a pilot: the median spreads, correlation and test-set error of its judged cells, and what it trains.

    Raises:
        TlbenchError: the folder holds no run.
    """
    run, found = verdicts(folder)
    judged = [v for v in found if v.role == "cell" and v.n_pairs > 1]
    table = read(folder)
    seconds = float(table["seconds"].mean()) if len(table) else None
    arms = len(table.groupby(["target", "source", "method"])) if len(table) else 0
    baselines = len({cell.baseline for cell in run.cells})
    spreads = "pair_spread", "tau", "own_spread", "base_spread", "correlation", "prior"
    spread, tau, own, base, correlation, prior = (_median(judged, name) for name in spreads)
    cells = max(1, len(judged))
    return Pilot(spread, tau, cells, own, base, correlation, prior, seconds, max(0, arms - baselines), baselines)


def _median(judged: Sequence[Verdict], name: str) -> float:
    values = [value for v in judged if (value := getattr(v, name)) is not None]
    return float(np.median(values)) if values else 0.0


@dataclass(frozen=True)
class Chosen:
    """A design, and why it is the one."""

    pairing: Pairing
    why: str


def choose(pilot: Pilot, design: Design, n: int) -> Chosen:
    """The design that sees the smaller effect at n seeds an arm.

    Pairing pays where both sides move together from seed to seed; else baseline seeds of its own pay more.
    """
    paired, welch = (smallest_effect(pilot.truth(pairing), design, n, pilot.cells) for pairing in PAIRINGS)
    said = (
        f"at {n} seeds paired gains would show {100 * paired:.1f} points, Welch with {SURPLUS} baseline seeds for each "
    )
    said += f"{100 * welch:.1f} (both sides correlate {pilot.correlation:+.2f} by seed)"
    return Chosen("welch" if welch <= paired else "paired", said)


@dataclass(frozen=True)
class Outlook:
    """What can be seen at several numbers of seeds, by design."""

    pilot: Pilot
    design: Design
    powers: list[Power]
    chosen: Chosen

    def sentences(self) -> list[str]:
        """The answer in lines, in points."""
        pilot, design = self.pilot, self.design
        given = f"spread of a paired gain {100 * pilot.spread:.2f} points (arms {100 * pilot.own_spread:.2f}, baseline "
        given += f"{100 * pilot.base_spread:.2f}, correlation {pilot.correlation:+.2f}), test-set error "
        lines = [
            f"{given}{100 * pilot.tau:.2f}, {pilot.cells} cells, margin {100 * design.margin:g}, alpha {design.alpha:g}"
        ]
        lines.append(f'design: pairing = "{self.chosen.pairing}": {self.chosen.why}')
        for power in self.powers:
            time = "" if power.hours is None else f"; about {power.hours:.2f} worker-hours of training"
            lines.append(
                f"{power.seeds} seeds, {power.pairing}: sees {100 * power.smallest:.1f} points with power 0.8{time}"
            )
            if power.pairing == self.chosen.pairing:
                lines += _by_effect(power)
        if design.margin < 2 * pilot.tau:
            lines.append("this test set cannot certify the margin (it is below 2 tau): neutral will not be said")
        return [*lines, *self._needed()]

    def _needed(self) -> list[str]:
        lines = []
        for gain in (-0.02, 0.0):
            truth = replace(self.pilot.truth(self.chosen.pairing), mean=gain)
            needed = chances.seeds_needed(truth, self.design.margin, self.design.alpha, self.pilot.cells)
            what = f"a verdict at a true gain of {100 * gain:+.0f} points"
            lines.append(f"{what} needs {needed} seeds" if needed else f"{what} is out of reach of 1000 seeds")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "pilot": asdict(self.pilot),
            "design": asdict(self.design),
            "chosen": asdict(self.chosen),
            "power": [asdict(power) for power in self.powers],
        }


def _by_effect(power: Power) -> list[str]:
    lines = []
    for effect, found in power.chances.items():
        said = ", ".join(f"{word} {share:.0%}" for word, share in found.items() if share >= 0.005)
        lines.append(f"    true gain {effect}: {said}")
    return lines


def outlook(pilot: Pilot, design: Design, seeds: Sequence[int]) -> Outlook:
    """What can be seen at each number of seeds: one cell with a gain among cells without, through the judge itself."""
    powers = [_power(pilot, design, n, pairing) for n in seeds for pairing in PAIRINGS]
    return Outlook(pilot, design, powers, choose(pilot, design, seeds[0]))


def _power(pilot: Pilot, design: Design, n: int, pairing: Pairing) -> Power:
    found = {}
    for effect in EFFECTS:
        random = np.random.default_rng([n, round(abs(effect) * 1e6)])
        judged = simulate(pilot.scenario(pairing, effect, n), design, GRIDS, random)
        found[f"{100 * effect:+.1f}"] = shares(judged, first=True)
    hours = pilot.trial_seconds * pilot.trials(pairing, n) / 3600 if pilot.trial_seconds else None
    return Power(n, pairing, found, smallest_effect(pilot.truth(pairing), design, n, pilot.cells), hours)
