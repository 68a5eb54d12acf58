"""Step 1: which trials failed, and whether an arm can be judged at all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.audit.reading import Trial

LOSS_SPREAD = 0.01  # nats, the least that losses of an arm are taken to vary by
MAD = 1.482602218505602  # a normal's standard deviation in median absolute deviations
FAR = 4.0


@dataclass(frozen=True)
class Screened:
    """An arm's trials that stand, how many failed, and whether every one of them is at chance."""

    kept: Mapping[int, Trial]
    n: int
    failed: int

    @property
    def unstable(self) -> bool:
        """Two or more failed; from 10 seeds on more than a tenth of them."""
        return self.failed > 0.1 * self.n if self.n >= 10 else self.failed >= 2

    @property
    def hopeless(self) -> bool:
        """At chance at every seed."""
        return bool(self.kept) and all(trial.lucky for trial in self.kept.values())


def scores_of(trials: Mapping[int, Trial]) -> dict[int, float]:
    """Scores of those that did not diverge, above chance."""
    return {
        seed: trial.score - trial.chance
        for seed, trial in trials.items()
        if trial.score is not None and not trial.diverged
    }


def collapsed(trials: Mapping[int, Trial], best: float) -> set[int]:
    """At chance, while the arm's other seeds are more than half as far above it as the target's best arm."""
    lifts = scores_of(trials)
    return {
        seed
        for seed in lifts
        if trials[seed].lucky
        and len(lifts) > 1
        and np.median([lift for other, lift in lifts.items() if other != seed]) > best / 2
    }


def robust(values: list[float], floor: float) -> tuple[float, float]:
    """Median, and a standard deviation from the median absolute deviation."""
    middle = float(np.median(values))
    return middle, max(MAD * float(np.median(np.abs(np.array(values) - middle))), floor)


def bimodal(trials: Mapping[int, Trial]) -> set[int]:
    """Far below the arm's median with a loss far above its."""
    fit = {seed: t for seed, t in trials.items() if not t.diverged and t.loss is not None}
    if len(fit) < 3:
        return set()
    noise = [float(t.items.std() / np.sqrt(len(t.items))) for t in fit.values() if t.items is not None]
    score, score_sd = robust(list(scores_of(fit).values()), float(np.median(noise)))
    loss, loss_sd = robust([t.loss for t in fit.values() if t.loss is not None], LOSS_SPREAD)
    lifts = scores_of(fit)
    return {
        seed
        for seed, t in fit.items()
        if score - lifts[seed] > FAR * score_sd and t.loss is not None and t.loss - loss > FAR * loss_sd
    }


def screen(trials: Mapping[int, Trial], best: float) -> Screened:
    """An arm's trials without those that failed; `best` is the target's best arm above chance."""
    failed = {seed for seed, trial in trials.items() if trial.diverged} | collapsed(trials, best) | bimodal(trials)
    return Screened({s: t for s, t in trials.items() if s not in failed}, len(trials), len(failed))


def lift_of(trials: Mapping[int, Trial]) -> float:
    """How far above chance an arm is: its median, so that its collapsed trials do not count."""
    lifts = scores_of(trials)
    return float(np.median(list(lifts.values()))) if lifts else 0.0
