"""Start from which? Per target, the arms that are not significantly worse than the best one, scratch among them."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlbench.judging import stats
from tlbench.judging.verdict.axes import ACCURACY, design_of
from tlbench.judging.verdict.held import Held
from tlbench.judging.verdict.judge import LEAST_PAIRS
from tlbench.judging.verdict.screen import Side


@dataclass(frozen=True)
class Starts:
    """A target's arms that paired differences cannot tell from the best, best first, with their mean accuracy.

    n_arms: how many were compared, at `n_seeds` seeds that all of them have.
    """

    target: str
    best: tuple[tuple[str, float], ...]
    n_arms: int
    n_seeds: int

    def sentence(self) -> str:
        """The answer, naming the set and never the maximum alone."""
        if self.n_seeds < LEAST_PAIRS:
            return f"{self.target}: {self.n_seeds} seeds are too few to say where to start from."
        names = ", ".join(f"{name} ({100 * accuracy:.1f})" for name, accuracy in self.best)
        which = "start from" if len(self.best) == 1 else "start from any of"
        return f"{self.target}: {which} {names}; the other {self.n_arms - len(self.best)} arms are worse."


def best_starts(run: dict[str, Any], held: list[Held]) -> list[Starts]:
    """For each target of a run the set to start from; controls and unstable arms are not candidates."""
    targets: dict[str, list[Held]] = defaultdict(list)
    for one in held:
        if one.cell["role"] == "cell":
            targets[one.cell["target"]["label"]].append(one)
    design = design_of(run, ACCURACY)
    return [_starts(target, group, design.alpha, design.least) for target, group in targets.items()]


def _starts(target: str, group: list[Held], alpha: float, least: float) -> Starts:
    arms: dict[str, Side] = {}
    setups = {held.cell["baseline"].split("/")[1] for held in group}
    for held in group:
        _, setup, baseline = held.cell["baseline"].split("/")
        arms.setdefault(baseline if len(setups) == 1 else f"{baseline} ({setup})", held.base)
        arms[f"{held.cell['source']['label']} by {held.cell['method']['label']}"] = held.own
    arms = {name: side for name, side in arms.items() if not side.unstable() and side.records}
    shared = sorted(set.intersection(*(set(side.records) - side.failed for side in arms.values()))) if arms else []
    if len(shared) < LEAST_PAIRS:
        return Starts(target, (), len(arms), len(shared))
    values = np.array([[side.records[seed].outcome["accuracy"] for seed in shared] for side in arms.values()])
    chosen = stats.best_set(values, alpha, least)
    means = {name: float(mean) for name, mean in zip(arms, values.mean(1), strict=True)}
    best = sorted((name for name, kept in zip(arms, chosen, strict=True) if kept), key=lambda name: -means[name])
    return Starts(target, tuple((name, means[name]) for name in best), len(arms), len(shared))
