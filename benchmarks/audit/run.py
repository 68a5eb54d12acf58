"""A run's cells on each axis: which records are read, which cells are judged together."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks.audit.estimating import Side, estimate
from benchmarks.audit.judging import Family, Judged, Look, Rules
from benchmarks.audit.reading import Folder
from benchmarks.audit.screening import Screened, lift_of, screen

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Budget:
    """A budget protocol by which cells are judged: which reading of a record, which baseline."""

    name: str

    @property
    def beyond(self) -> bool:
        """Whether arms are read where they were run on to."""
        return self.name == "plateau"

    def baseline(self, cell: Cell) -> str:
        """Where the baseline's records lie."""
        return str(cell["baselines"].get(self.name, cell["baseline"]))


class Judge:
    """All cells of a run, axis by axis."""

    def __init__(self, folder: Folder) -> None:
        plan = folder.plan
        self.folder, self.settings = folder, plan["verdict"]
        self.cells: list[Cell] = plan["cells"]
        self.looks: list[int] = plan["looks"]
        self.weights: list[float] = plan["weights"]
        self.paired = self.settings.get("pairing", "welch") == "paired"
        self.surplus = 1 if self.paired else 2
        self.protocols = [Budget(name) for name in plan["suite"].get("protocols", ["equal_steps"])]
        self.trials = cache(folder.trials)
        self.lift = cache(self._lift)

    def reached(self, cell: Cell) -> int:
        """How many looks a cell's seeds reach."""
        return max(1, len([look for look in self.looks if look <= cell["seeds"]]))

    def family(self, cell: Cell) -> str:
        """What a cell is corrected with."""
        return str(cell["role"]) if cell["role"] != "cell" else f"cells {cell['family']}"

    def by_family(self, cells: Sequence[Cell]) -> list[list[Cell]]:
        """Cells that are judged together."""
        names = dict.fromkeys(map(self.family, cells))
        return [[cell for cell in cells if self.family(cell) == name] for name in names]

    def _lift(self, target: str, look: int, budget: Budget) -> float:
        """How far above chance the best arm of a target is at a look."""
        here = [cell for cell in self.cells if cell["target"]["label"] == target]
        seeds: dict[str, int] = {}
        for cell in here:
            n, base = min(cell["seeds"], look), budget.baseline(cell)
            seeds[cell["path"]] = n
            seeds[base] = max(seeds.get(base, 0), n * self.surplus)
        return max((lift_of(self.trials(arm, n, budget.beyond)) for arm, n in seeds.items()), default=0.0)

    def screened(self, cell: Cell, look: int, budget: Budget) -> tuple[Screened, Screened]:
        """Both arms of a cell at a look."""
        n = min(cell["seeds"], look)
        best = self.lift(cell["target"]["label"], look, budget)
        own = screen(self.trials(cell["path"], n, budget.beyond), best)
        base = screen(self.trials(budget.baseline(cell), n * self.surplus, budget.beyond), best)
        return own, base

    def look(self, cell: Cell, look: int, budget: Budget, side: Callable[[Screened], Side], floor: float) -> Look:
        """A cell at a look on an axis."""
        if (cell.get("leak") or {}).get("handling") == "invalid":
            return Look("invalid")
        own, base = self.screened(cell, look, budget)
        trials = [*own.kept.values(), *base.kept.values()]
        reuse = trials[0].reuse if trials and cell["target"].get("draw", "seed") != "all" else 0.0
        found = estimate(side(own), side(base), self.paired, floor, reuse)
        if base.hopeless:
            return Look("invalid", found)
        return Look("unstable" if own.unstable or base.unstable else "", found)

    def axis(self, cells: Sequence[Cell], at: Callable[[Cell, int], Look], rules: Rules) -> dict[str, Judged]:
        """Verdicts by path."""
        judged: dict[str, Judged] = {}
        for family in self.by_family(cells):
            looks = [[at(cell, look) for look in self.looks] for cell in family]
            found = Family(looks, [self.reached(cell) for cell in family], rules).judged()
            judged |= {cell["path"]: one for cell, one in zip(family, found, strict=True)}
        return judged

    def final(self, budget: Budget) -> dict[str, Judged]:
        """On final accuracy, under a budget protocol."""
        margin = self.settings["margin"]
        rules = Rules(self.settings["alpha"], margin, self.weights)
        return self.axis(self.cells, lambda c, k: self.look(c, k, budget, scores, 0.4 * margin), rules)

    @property
    def within(self) -> Budget:
        """Equal steps, by which convergence and cost are judged."""
        return Budget("equal_steps")

    def convergence(self) -> dict[str, Judged]:
        """On the area under the learning curve, of arms that have one."""
        cells = [cell for cell in self.cells if self._has_curve(cell)]
        rules = Rules(self.settings["alpha"], self.settings["convergence_margin"], self.weights)
        return self.axis(cells, lambda c, k: self.look(c, k, self.within, areas, 0.0), rules)

    def _has_curve(self, cell: Cell) -> bool:
        trials = self.trials(cell["path"], cell["seeds"], self.within.beyond).values()
        done = [trial for trial in trials if trial.score is not None]
        return any(trial.trained for trial in done) if done else cell["method"].get("unfrozen") is not None

    def cost(self) -> dict[str, Judged]:
        """On log seconds of the timing pass, at the first look."""
        rules = Rules(self.settings["alpha"], math.log1p(self.settings["cost_margin"]), [1.0])
        judged: dict[str, Judged] = {}
        for family in self.by_family(self.cells):
            found = Family([[self.timed(cell)] for cell in family], [1] * len(family), rules).judged()
            judged |= {cell["path"]: one for cell, one in zip(family, found, strict=True)}
        return judged

    def timed(self, cell: Cell) -> Look:
        """A cell's seconds against its baseline's, by seed, on one machine."""
        n = min(cell["seeds"], self.looks[0])
        own = self.folder.seconds(cell["path"], n)
        base = self.folder.seconds(self.within.baseline(cell), n)
        shared = [seed for seed in own if seed in base and own[seed][0] == base[seed][0]]
        sides = [Side({seed: -side[seed][1] for seed in shared}) for side in (own, base)]
        return Look("", estimate(sides[0], sides[1], paired=True, floor=0.0, reuse=0.0))


def scores(arm: Screened) -> Side:
    """Final scores with each test item's part."""
    fit = {seed: trial for seed, trial in arm.kept.items() if trial.score is not None}
    return Side(
        {seed: trial.score for seed, trial in fit.items() if trial.score is not None},
        {seed: trial.items for seed, trial in fit.items() if trial.items is not None},
    )


def areas(arm: Screened) -> Side:
    """Areas under the learning curve."""
    return Side({seed: trial.area for seed, trial in arm.kept.items() if trial.area is not None})


def share_hurt(gains: Sequence[float]) -> tuple[float, tuple[float, float]] | None:
    """The share of pairs that lost, with Wilson's interval of level 0.95."""
    if not len(gains):
        return None
    z, n = 1.959963984540054, len(gains)
    share = float(np.mean(np.asarray(gains) < 0))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, (max(0.0, middle - half), min(1.0, middle + half))
