"""What a suite can see: chances of each verdict, the smallest effect, seeds and time, from a pilot or from guesses."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.frame import read
from tlbench.judging import stats
from tlbench.judging.simulation import Scenario, shares, simulate, smallest_effect
from tlbench.judging.verdict import Design, verdicts

GRIDS = 400  # simulated for each chance
EFFECTS = (-0.05, -0.02, -0.01, -0.005, 0.0)


@dataclass(frozen=True)
class Pilot:
    """What power depends on: spread of a paired gain over seeds, test-set error, cells; seconds a trial if known."""

    spread: float
    tau: float
    cells: int
    trial_seconds: float | None = None
    arms: int = 0


@dataclass(frozen=True)
class Power:
    """At n seeds: chances of each verdict by true gain, the smallest gain seen with power 0.8, worker-hours in all."""

    seeds: int
    chances: dict[str, dict[str, float]]
    smallest: float
    hours: float | None


def pilot_of(folder: Path) -> Pilot:
    """A run as a pilot: the median spread and test-set error of its judged cells, their number, seconds a trial.

    Raises:
        TlbenchError: the folder holds no run.
    """
    judged = [v for v in verdicts(folder)[1] if v.role == "cell" and v.n_pairs > 1]
    table = read(folder)
    seconds = float(table["seconds"].mean()) if len(table) else None
    arms = len(table.groupby(["target", "source", "method"])) if len(table) else 0
    spread, tau = ([getattr(v, name) for v in judged] or [0.0] for name in ("spread", "tau"))
    return Pilot(float(np.median(spread)), float(np.median(tau)), max(1, len(judged)), seconds, arms)


@dataclass(frozen=True)
class Outlook:
    """What can be seen at several numbers of seeds."""

    pilot: Pilot
    design: Design
    powers: list[Power]

    def sentences(self) -> list[str]:
        """The answer in lines, in points."""
        pilot, design = self.pilot, self.design
        given = f"spread of a paired gain {100 * pilot.spread:.2f} points, test-set error {100 * pilot.tau:.2f}, "
        lines = [given + f"{pilot.cells} cells, margin {100 * design.margin:g}, alpha {design.alpha:g}"]
        for power in self.powers:
            time = "" if power.hours is None else f"; about {power.hours:.2f} worker-hours of training"
            lines.append(f"{power.seeds} seeds: sees {100 * power.smallest:.1f} points with power 0.8{time}")
            for effect, chance in power.chances.items():
                said = ", ".join(f"{word} {share:.0%}" for word, share in chance.items() if share >= 0.005)
                lines.append(f"    true gain {effect}: {said}")
        if design.margin < 2 * pilot.tau:
            lines.append("this test set cannot certify the margin (it is below 2 tau): neutral will not be said")
        for gain in (-0.02, 0.0):
            truth = stats.Truth(gain, pilot.spread, pilot.tau)
            needed = stats.seeds_needed(truth, design.margin, design.alpha, pilot.cells)
            what = f"a verdict at a true gain of {100 * gain:+.0f} points"
            lines.append(f"{what} needs {needed} seeds" if needed else f"{what} is out of reach of 1000 seeds")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "pilot": asdict(self.pilot),
            "design": asdict(self.design),
            "power": [asdict(power) for power in self.powers],
        }


def outlook(pilot: Pilot, design: Design, seeds: Sequence[int]) -> Outlook:
    """What can be seen at each number of seeds: one cell with a gain among cells without, through the judge itself."""
    powers = []
    for n in seeds:
        chances = {}
        for effect in EFFECTS:
            scenario = Scenario("normal", effect, pilot.spread, pilot.tau, (n,), pilot.cells, alone=True)
            random = np.random.default_rng([n, round(abs(effect) * 1e6)])
            chances[f"{100 * effect:+.1f}"] = shares(simulate(scenario, design, GRIDS, random), first=True)
        hours = pilot.trial_seconds * pilot.arms * n / 3600 if pilot.trial_seconds else None
        smallest = smallest_effect(pilot.spread, pilot.tau, design, n, pilot.cells)
        powers.append(Power(n, chances, smallest, hours))
    return Outlook(pilot, design, powers)
