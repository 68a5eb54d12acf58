"""Start from which? Per target, the arms that are not significantly worse than the best one, scratch among them."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tlbench.judging import stats
from tlbench.judging.units import unit_of
from tlbench.judging.verdict.arm import Arm
from tlbench.judging.verdict.axes import FINAL, design_of
from tlbench.judging.verdict.cell_records import CellRecords
from tlbench.judging.verdict.evidence import overlapping
from tlbench.judging.verdict.judge import LEAST_PAIRS
from tlbench.judging.verdict.named import CHECKPOINT, IMAGES, LASTING, target_name, typed
from tlbench.runfile import Run


@dataclass(frozen=True)
class Starts:
    """A target's arms that paired differences cannot tell from the best, best first, with their mean score.

    n_arms: how many were compared, at `n_seeds` seeds that all of them have. name: the target as it was typed. apart:
    arms that were not compared, and why. checkpoints: those of the set whose source is one checkpoint. protocol: the
    budget that was compared under; draw: of the target's images. scratch: whether it is in the set, if it was compared.
    """

    target: str
    best: tuple[tuple[str, float], ...]
    n_arms: int
    n_seeds: int
    name: str = ""
    apart: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    metric: str = "accuracy"
    protocol: str = "plateau"
    draw: str = "seed"
    scratch: bool | None = None

    @property
    def told(self) -> str:
        """The target, with what its answer depends on."""
        where = (self.name or self.target) + (f" ({IMAGES})" if self.draw == "all" else "")
        return where + ("" if self.protocol == "plateau" else f" {LASTING[self.protocol]}")

    def sentence(self) -> str:
        """The answer, naming the set and never the maximum alone."""
        if self.n_arms < 2 or self.n_seeds < LEAST_PAIRS:
            few = f"{self.n_seeds} shared seeds are too few" if self.n_arms > 1 else "too few arms can be compared"
            return f"{self.told}: {few} to say where to start from{self._apart()}."
        which = "start from" if len(self.best) == 1 else "start from any of"
        names = ", ".join(f"{name} ({unit_of(self.metric).plain(score)})" for name, score in self.best)
        return f"{self.told}: {which} {names}{self._sources()}; {self._others()}{self._apart()}."

    def _sources(self) -> str:
        """Which arms of the set stand for one checkpoint of their source."""
        if not self.checkpoints:
            return ""
        every = len(self.checkpoints) == len(self.best) - bool(self.scratch)
        several = "" if every and len(self.checkpoints) == 1 else "of every source " if every else ""
        return f", {several}{CHECKPOINT}" + ("" if every else f" of {', '.join(self.checkpoints)}")

    def _others(self) -> str:
        """What is shown of the arms outside of the set."""
        others, at = self.n_arms - len(self.best), f"at {self.n_seeds} shared seeds"
        if not others:
            return f"no arm is significantly worse {at}"
        if others == 1:
            return f"the other arm is significantly worse {at}"
        return f"the other {others} arms are significantly worse {at}"

    def _apart(self) -> str:
        return f"; not compared: {', '.join(self.apart)}" if self.apart else ""


def best_starts(run: Run, cells: list[CellRecords]) -> list[Starts]:
    """For each target of a run the set to start from; controls and arms that are not judged are no candidates."""
    targets: dict[str, list[CellRecords]] = defaultdict(list)
    for cell in cells:
        if cell.plan.role == "cell":
            targets[cell.plan.target.label].append(cell)
    return [_starts(run, group) for group in targets.values()]


def _starts(run: Run, group: list[CellRecords]) -> Starts:
    there, apart = _candidates(group)
    best, n_seeds = _best(run, there, max(cell.reuse for cell in group))
    plan = group[0].plan
    scratch = set(there) - {_name(cell) for cell in group}
    checkpoints = {_name(c) for c in group if not c.plan.source.varies and c.plan.source.spec}
    return Starts(
        plan.target.label,
        best,
        len(there),
        n_seeds,
        name=target_name(plan.target.spec, plan.target.dataset, plan.target.n_train, plan.target.label),
        apart=apart,
        checkpoints=tuple(name for name, _ in best if name in checkpoints),
        metric=run.suite.metric,
        protocol=next(iter(plan.baselines)),
        draw=plan.target.draw,
        scratch=any(name in scratch for name, _ in best) if scratch and best else None,
    )


def _best(run: Run, arms: dict[str, Arm], reuse: float) -> tuple[tuple[tuple[str, float], ...], int]:
    """The set with its mean scores, best first, and how many seeds all arms have."""
    shared = sorted(set.intersection(*(set(arm.good) for arm in arms.values()))) if arms else []
    if len(shared) < LEAST_PAIRS:
        return (), len(shared)
    design, values = design_of(run, FINAL), np.array([arm.values(shared) for arm in arms.values()])
    best_items = list(arms.values())[int(values.mean(1).argmax())].contributions(shared)
    tau = np.array([stats.item_noise(arm.contributions(shared), best_items) for arm in arms.values()])
    noise = np.hypot(np.maximum(tau, design.least), _overlap(values, reuse))
    chosen = stats.best_set(values, design.alpha, noise, design.least)
    means = dict(zip(arms, values.mean(1), strict=True))
    best = sorted((name for name, kept in zip(arms, chosen, strict=True) if kept), key=lambda name: -means[name])
    return tuple((name, float(arms[name].scores(shared).mean())) for name in best), len(shared)


def _overlap(values: stats.Floats, reuse: float) -> stats.Floats:
    """(A,) the error that overlapping draws add to each arm's mean difference to the best, as in a verdict."""
    spread = (values - values[values.mean(1).argmax()]).std(1, ddof=1)
    return np.asarray(spread * np.sqrt(overlapping(reuse)))


def _candidates(group: list[CellRecords]) -> tuple[dict[str, Arm], tuple[str, ...]]:
    """A target's arms that can be compared, by name, and those that cannot, with the reason."""
    leaks, arms = {_name(cell) for cell in group if cell.invalid}, _arms(group)
    enough = LEAST_PAIRS if any(len(arm.good) >= LEAST_PAIRS for arm in arms.values()) else 1
    why = {name: "leak" if name in leaks else _unfit(arm, enough) for name, arm in arms.items()}
    there = {name: arm for name, arm in arms.items() if not why[name]}
    return there, tuple(f"{name} ({reason})" for name, reason in why.items() if reason)


def _unfit(arm: Arm, enough: int) -> str:
    """Why an arm cannot be compared; nothing where it can."""
    if arm.unstable():
        return "unstable"
    return "" if len(arm.good) >= enough else f"{len(arm.good)} of at least {enough} seeds"


def _arms(group: list[CellRecords]) -> dict[str, Arm]:
    """A target's arms by name; a baseline's names its setup where there are several."""
    arms: dict[str, Arm] = {}
    setups = {cell.plan.baseline.split("/")[1] for cell in group}
    for cell in group:
        _, setup, baseline = cell.plan.baseline.split("/")
        arms.setdefault(baseline if len(setups) == 1 else f"{baseline} ({setup})", cell.base)
        arms[_name(cell)] = cell.own
    return arms


def _name(cell: CellRecords) -> str:
    source, method = cell.plan.source, cell.plan.method
    return f"{typed(source.spec, source.label)} by {typed(method.spec, method.label)}"
