"""Simulated grids of cells, judged by the same function as real ones: what the flag is worth, and what it can see."""

from dataclasses import dataclass, replace

import numpy as np

from tlbench.judging import chances, stats
from tlbench.judging.stats import Bools, Floats
from tlbench.judging.verdict import Design, Evidence, Judgement, evidence, judge
from tlbench.runfile import SURPLUS, Pairing

LEVEL = 0.6  # accuracy of a simulated baseline; only differences count
FALL = 0.15  # by which a failing trial is lower
DRAWS = (1.5 / 1.8) ** 2  # of the variance over seeds: what the draw from the pool adds


@dataclass(frozen=True)
class Scenario:
    """How scores come about, in accuracy: the same in every cell of a grid.

    family: "normal", "t3", or the skewness of a shifted gamma, such as "1" or "-0.67". spread: of a paired gain over
    seeds. tau: the test set's error, one draw a cell. looks: seeds at each look. alone: only the first cell of a grid
    has the mean, the others 0. pairing, surplus: baseline seeds for each of an arm's where it is "welch".

    shared: which part of a gain's variance comes from the baseline that all cells of a grid lean on. correlation: of an
    arm's scores with its baseline's at the same seed, where half is shared. scales: factors of the arms' own spread,
    one after the other. failing: which part of the baseline's trials fails, visibly in its loss; screened as records
    are. reuse: the part of the pool in every draw, whose own effect no seed varies. source: which part of an arm's own
    variance comes from a source that three cells share.
    """

    family: str = "normal"
    mean: float = 0.0
    spread: float = 0.007
    tau: float = 0.002
    looks: tuple[int, ...] = (10,)
    cells: int = 20
    alone: bool = False
    pairing: Pairing = "paired"
    surplus: int = SURPLUS
    shared: float = 0.0
    correlation: float = 0.0
    scales: tuple[float, ...] = (1.0,)
    failing: float = 0.0
    reuse: float = 0.0
    source: float = 0.0


def noise(family: str, random: np.random.Generator, *shape: int) -> Floats:
    """Draws of mean 0 and variance 1 from a family."""
    if family == "normal":
        return random.standard_normal(shape)
    if family == "t3":
        return np.asarray(random.standard_t(3, shape) / np.sqrt(3))
    skewness = float(family)
    k = 4 / skewness**2
    return np.asarray(np.sign(skewness) * (random.gamma(k, size=shape) - k) / np.sqrt(k))


@dataclass(frozen=True)
class Grids:
    """Scores of simulated grids: own (grids, cells, n), base (grids, 1, m); nan where the screen left one out."""

    own: Floats
    base: Floats
    unstable: Bools


def drawn(scenario: Scenario, grids: int, random: np.random.Generator) -> Grids:
    """Grids of arms with their baselines, screened."""
    n, m = scenario.looks[-1], scenario.looks[-1] * (scenario.surplus if scenario.pairing == "welch" else 1)
    common = noise("normal", random, grids, 1, m) * scenario.spread * np.sqrt(_common(scenario.correlation))
    base_noise = noise(scenario.family, random, grids, 1, m)
    base = LEVEL + common + scenario.spread * np.sqrt(scenario.shared) * base_noise
    own = LEVEL + _means(scenario) + _unseen(scenario, grids, random) + common[..., :n] + _own(scenario, grids, random)
    fallen = random.random(base.shape) < scenario.failing
    base = base - FALL * fallen
    out = stats.fell_out(base, np.where(fallen, 1.0, 0.1) + 0.01 * random.standard_normal(base.shape), np.array(0.002))
    return Grids(
        own, np.where(out, np.nan, base), np.broadcast_to(stats.too_many(out.sum(-1), np.array(m)), own.shape[:2])
    )


def _common(correlation: float) -> float:
    """The variance that both sides share, of a paired gain's."""
    return correlation / (1 - correlation) / 2


def _means(scenario: Scenario) -> Floats:
    means = np.full((scenario.cells, 1), scenario.mean)
    means[1:] *= not scenario.alone
    return means


def _unseen(scenario: Scenario, grids: int, random: np.random.Generator) -> Floats:
    """What no seed varies: the test set's error, and of draws that overlap what they have in common."""
    tests = scenario.tau * random.standard_normal((grids, scenario.cells, 1))
    pool = np.sqrt(scenario.reuse * DRAWS) * scenario.spread * random.standard_normal((grids, scenario.cells, 1))
    return np.asarray(tests + pool)


def _own(scenario: Scenario, grids: int, random: np.random.Generator) -> Floats:
    """(grids, cells, n) what varies over an arm's own seeds."""
    shape = grids, scenario.cells, scenario.looks[-1]
    scales = np.resize(np.array(scenario.scales), scenario.cells)[:, None]
    alone = noise(scenario.family, random, *shape) * np.sqrt((1 - scenario.source) * (1 - scenario.reuse * DRAWS))
    if scenario.source:
        drawn = noise(scenario.family, random, grids, -(-scenario.cells // 3), scenario.looks[-1])
        alone = alone + np.sqrt(scenario.source) * np.repeat(drawn, 3, axis=1)[:, : scenario.cells]
    return np.asarray(scenario.spread * np.sqrt(1 - scenario.shared) * scales * alone)


def simulate(
    scenario: Scenario, design: Design, grids: int, random: np.random.Generator, *, luckiest: bool = False
) -> Judgement:
    """Grids (grids, cells) judged at their last look, or each cell at the look that flags it most willingly."""
    made, welch = drawn(scenario, grids, random), scenario.pairing == "welch"
    surplus = scenario.surplus if welch else 1
    tau = np.full(made.own.shape[:2], scenario.tau)
    base = np.broadcast_to(made.base, (*made.own.shape[:2], made.base.shape[-1]))
    looks = [
        evidence(made.own[..., :k], base[..., : surplus * k], tau, welch=welch, reuse=scenario.reuse)
        for k in scenario.looks
    ]
    screened = np.where(made.unstable, "unstable", "")
    return judge(looks, design, screened, _luckiest(looks, design) if luckiest else None)


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


def smallest_effect(truth: chances.Truth, design: Design, n: int, cells: int) -> float:
    """The smallest harm or help, in accuracy, flagged with power 0.8 at n seeds among null cells, by bisection."""
    low, high = design.margin, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        found = chances.verdict_chance(
            np.array([float(n)]), replace(truth, mean=middle), design.margin, design.alpha, cells
        )
        low, high = (low, middle) if float(found[0]) >= chances.POWER else (middle, high)
    return high
