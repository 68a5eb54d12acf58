"""Start from which? Per target, the arms that are not significantly worse than the best one, scratch among them."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tlbench.judging import stats
from tlbench.judging.verdict.arm import Arm
from tlbench.judging.verdict.axes import FINAL, design_of
from tlbench.judging.verdict.cell_records import CellRecords
from tlbench.judging.verdict.judge import LEAST_PAIRS
from tlbench.runfile import Run


@dataclass(frozen=True)
class Starts:
    """A target's arms that paired differences cannot tell from the best, best first, with their mean score.

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
        names = ", ".join(f"{name} ({100 * score:.1f})" for name, score in self.best)
        which = "start from" if len(self.best) == 1 else "start from any of"
        return f"{self.target}: {which} {names}; the other {self.n_arms - len(self.best)} arms are worse."


def best_starts(run: Run, cells: list[CellRecords]) -> list[Starts]:
    """For each target of a run the set to start from; controls and unstable arms are not candidates."""
    targets: dict[str, list[CellRecords]] = defaultdict(list)
    for cell in cells:
        if cell.plan.role == "cell" and not cell.invalid:
            targets[cell.plan.target.label].append(cell)
    design = design_of(run, FINAL)
    return [_starts(target, group, design.alpha, design.least) for target, group in targets.items()]


def _starts(target: str, group: list[CellRecords], alpha: float, least: float) -> Starts:
    arms = {name: arm for name, arm in _arms(group).items() if not arm.unstable() and arm.records}
    shared = sorted(set.intersection(*(set(arm.good) for arm in arms.values()))) if arms else []
    if len(shared) < LEAST_PAIRS:
        return Starts(target, (), len(arms), len(shared))
    values = np.array([arm.values(shared) for arm in arms.values()])
    best_items = list(arms.values())[int(values.mean(1).argmax())].contributions(shared)
    tau = np.array([stats.item_noise(arm.contributions(shared), best_items) for arm in arms.values()])
    chosen = stats.best_set(values, alpha, tau, least)
    means = dict(zip(arms, values.mean(1), strict=True))
    best = sorted((name for name, kept in zip(arms, chosen, strict=True) if kept), key=lambda name: -means[name])
    scores = tuple((name, float(arms[name].scores(shared).mean())) for name in best)
    return Starts(target, scores, len(arms), len(shared))


def _arms(group: list[CellRecords]) -> dict[str, Arm]:
    """A target's arms by name; a baseline's names its setup where there are several."""
    arms: dict[str, Arm] = {}
    setups = {cell.plan.baseline.split("/")[1] for cell in group}
    for cell in group:
        _, setup, baseline = cell.plan.baseline.split("/")
        arms.setdefault(baseline if len(setups) == 1 else f"{baseline} ({setup})", cell.base)
        arms[f"{cell.plan.source.label} by {cell.plan.method.label}"] = cell.own
    return arms
