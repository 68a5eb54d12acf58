"""Simulated grids of cells, judged by the same function as real ones: what the flag is worth, and what it can see."""

from dataclasses import dataclass

import numpy as np

from tlbench.judging import stats
from tlbench.judging.stats import Bools, Floats
from tlbench.judging.verdict import Design, Evidence, Judgement, evidence, judge

LEVEL = 0.6  # accuracy of a simulated baseline; only differences count


@dataclass(frozen=True)
class Scenario:
    """How gains come about, in accuracy: the same in every cell of a grid.

    family: "normal", "t3", or the skewness of a shifted gamma, such as "1" or "-0.67". spread: of a paired gain over
    seeds. tau: the test set's error, one draw a cell. looks: seeds at each look. shared: half of the variance comes
    from the baseline that all cells of a grid lean on. alone: only the first cell of a grid has the mean, the others 0.
    """

    family: str = "normal"
    mean: float = 0.0
    spread: float = 0.007
    tau: float = 0.002
    looks: tuple[int, ...] = (10,)
    cells: int = 20
    shared: bool = False
    alone: bool = False


def noise(family: str, random: np.random.Generator, *shape: int) -> Floats:
    """Draws of mean 0 and variance 1 from a family."""
    if family == "normal":
        return random.standard_normal(shape)
    if family == "t3":
        return np.asarray(random.standard_t(3, shape) / np.sqrt(3))
    skewness = float(family)
    k = 4 / skewness**2
    return np.asarray(np.sign(skewness) * (random.gamma(k, size=shape) - k) / np.sqrt(k))


def simulate(
    scenario: Scenario, design: Design, grids: int, random: np.random.Generator, *, luckiest: bool = False
) -> Judgement:
    """Grids (grids, cells) judged at their last look, or each cell at the look that flags it most willingly."""
    shape, n = (grids, scenario.cells), scenario.looks[-1]
    scale = scenario.spread * np.sqrt(0.5 if scenario.shared else 1.0)
    base = LEVEL + (scale * noise(scenario.family, random, grids, 1, n) if scenario.shared else np.zeros((grids, 1, n)))
    error = scenario.tau * random.standard_normal((*shape, 1))
    means = np.full((scenario.cells, 1), scenario.mean)
    means[1:] *= not scenario.alone
    own = LEVEL + means + error + scale * noise(scenario.family, random, *shape, n)
    both, tau = np.broadcast_to(base, own.shape), np.full(shape, scenario.tau)
    looks = [evidence(own[..., :k], both[..., :k], tau) for k in scenario.looks]
    reached = _luckiest(looks, design) if luckiest else None
    return judge(looks, design, reached=reached)


def _luckiest(looks: list[Evidence], design: Design) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """For each cell the last look at which its mean is harmful enough to be flagged; the last of all if none is."""
    harmful = np.stack([look.mean <= -design.margin for look in looks])
    count = len(looks)
    latest = count - np.argmax(harmful[::-1], axis=0)
    return np.where(harmful.any(0), latest, count).astype(np.int64)


def any_flag(judgement: Judgement, word: str) -> float:
    """The share of grids with at least one such verdict."""
    return float((judgement.verdict == word).any(-1).mean())


def coverage(judgement: Judgement, mean: float) -> float:
    """The share of cells whose interval holds the true mean."""
    held: Bools = (judgement.low <= mean) & (judgement.high >= mean)
    return float(held.mean())


def shares(judgement: Judgement, *, first: bool = False) -> dict[str, float]:
    """The share of cells with each verdict; first: of the grids' first cells alone."""
    words = judgement.verdict[..., 0] if first else judgement.verdict
    return {word: float((words == word).mean()) for word in ("negative", "positive", "neutral", "inconclusive")}


def smallest_effect(spread: float, tau: float, design: Design, n: int, cells: int) -> float:
    """The smallest harm or help, in accuracy, flagged with power 0.8 at n seeds among null cells, by bisection."""
    low, high = design.margin, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        chance = stats.verdict_chance(
            np.array([float(n)]), stats.Truth(middle, spread, tau), design.margin, design.alpha, cells
        )
        low, high = (low, middle) if float(chance[0]) >= stats.POWER else (middle, high)
    return high
