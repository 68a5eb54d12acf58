"""The cases: how grids of cells come about, what is measured of their verdicts, and what is demanded of it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tlbench.judging import Scenario, any_flag, coverage, shares, simulate
from tlbench.judging.verdict import Design
from tlbench.runfile import LOOKS, WEIGHTS, Pairing

DESIGN = Design(alpha=0.05, margin=0.005)
PLAIN = replace(DESIGN, moderated=False)
FAMILIES = ("normal", "t3", "0.67", "-0.67", "1", "-1", "2", "-2")
PAIRINGS: tuple[Pairing, ...] = ("paired", "welch")
SPREADS, TAUS, SIZES = (0.007, 0.025), (0.002, 0.004), (5, 10, 20)
NULL = "any negative among null cells"
UNEVEN = (
    0.3,
    0.5,
    0.5,
    0.6,
    0.7,
    0.7,
    0.8,
    0.8,
    0.9,
    0.9,
    1.0,
    1.1,
    1.2,
    1.3,
    1.4,
    1.4,
    1.5,
    1.6,
    1.7,
    1.7,
)  # of `quick`


@dataclass(frozen=True)
class Result:
    """A measure of a case; limit: what is demanded of it, None where it is only shown; at_least: it is a floor."""

    measure: str
    case: str
    n: str
    value: float
    limit: float | None
    at_least: bool = False
    grids: int = 0

    @property
    def held(self) -> bool | None:
        """Whether it keeps its limit within three binomial standard deviations; None where it has none."""
        if self.limit is None:
            return None
        slack = 3 * float(np.sqrt(self.limit * (1 - self.limit) / self.grids)) if self.grids else 0.0
        return self.value >= self.limit - slack if self.at_least else self.value <= self.limit + slack


def every(grids: int) -> Iterator[Result]:
    """All results, one after the other."""
    for number, pairing in enumerate(PAIRINGS):
        yield from _families(grids, pairing, number)
        yield from _looks(grids, pairing)
    yield from _harder(grids)
    yield from _power(grids)


def _families(grids: int, pairing: Pairing, number: int) -> Iterator[Result]:
    """Noise of every family, in a cell's own seeds and half of it in a baseline that all cells share."""
    for i, (family, n) in enumerate(itertools.product(FAMILIES, SIZES)):
        random, case = np.random.default_rng([1, number, i]), f"{family}, {pairing}"
        skewness = 0.0 if family in ("normal", "t3") else abs(float(family))
        limit = DESIGN.alpha / 2 if skewness == 0 else DESIGN.alpha if skewness < 1 else None
        nulls = [
            Scenario(family, 0.0, spread, tau, (n,), pairing=pairing, shared=shared)
            for spread, tau, shared in itertools.product(SPREADS, TAUS, (0.0, 0.5))
        ]
        found = [simulate(null, DESIGN, grids, random) for null in nulls]
        yield Result(NULL, case, str(n), max(any_flag(one, "negative") for one in found), limit, grids=grids)
        worst = min(coverage(one, 0.0) for one in found)
        yield Result(
            "coverage of the 95 % interval", case, str(n), worst, 0.93 if skewness <= 1 else None, at_least=True
        )
        edges = [simulate(replace(null, mean=-DESIGN.margin), DESIGN, grids, random) for null in nulls]
        if n >= 10:
            confirmed = max(float(one.confirmed.any(-1).mean()) for one in edges)
            allowed = 2 * DESIGN.alpha if skewness <= 1 else None
            yield Result("any confirmed at -margin", case, str(n), confirmed, allowed, grids=grids)
        neutral = max(shares(one)["neutral"] for one in edges)
        yield Result("neutral at -margin", case, str(n), neutral, DESIGN.alpha if skewness == 0 else None, grids=grids)


def _looks(grids: int, pairing: Pairing) -> Iterator[Result]:
    """Adaptive looks, each cell stopped at the look that flags it most willingly."""
    design, n = replace(DESIGN, weights=WEIGHTS), ", ".join(map(str, LOOKS))
    for family in ("normal", "t3"):
        random = np.random.default_rng([3, len(family), len(pairing)])
        nulls = [
            Scenario(family, 0.0, spread, tau, LOOKS, pairing=pairing, shared=0.5)
            for spread, tau in itertools.product(SPREADS, TAUS)
        ]
        flagged = max(any_flag(simulate(null, design, grids, random, luckiest=True), "negative") for null in nulls)
        case = f"{family}, {pairing}, stopped at the luckiest look"
        yield Result(NULL, case, n, flagged, design.alpha / 2, grids=grids)
        edges = [simulate(replace(null, mean=-design.margin), design, grids, random, luckiest=True) for null in nulls]
        neutral = max(shares(edge)["neutral"] for edge in edges)
        yield Result("neutral at -margin", case, n, neutral, design.alpha, grids=grids)


def _hard(pairing: Pairing) -> Iterator[tuple[str, Scenario, float | None]]:
    """What the first edition did not try, and the limit on any negative."""
    half, level = Scenario(spread=0.025, pairing=pairing, shared=0.5), DESIGN.alpha / 2
    for shared in (0.7, 0.9):
        yield f"{shared:.0%} of the variance in the shared baseline", replace(half, shared=shared), level
    yield "one cell's variance four times the others'", replace(half, scales=(2.0, *[1.0] * 19)), level
    yield "spreads as uneven as those of quick", replace(half, scales=UNEVEN), level
    yield "sides that correlate .6 by seed", replace(half, correlation=0.6), level
    for cells in (2, 6, 60):
        yield f"{cells} cells", replace(half, cells=cells), level
    for failing in (0.05, 0.1, 0.2):
        yield f"{failing:.0%} of scratch trials 15 points low", replace(half, failing=failing), level
    for reuse in (0.1, 0.2, 0.4):
        yield f"draws of {reuse:.0%} of the pool", replace(half, reuse=reuse), level
    yield "half of the variance a source's that three cells share", replace(half, source=0.5), level


def _harder(grids: int) -> Iterator[Result]:
    for pairing in PAIRINGS:
        for i, ((what, null, limit), n) in enumerate(itertools.product(_hard(pairing), SIZES)):
            random = np.random.default_rng([4, i, len(pairing)])
            found = simulate(replace(null, looks=(n,)), DESIGN, grids, random)
            case = f"{what}, {pairing}"
            yield Result(NULL, case, str(n), any_flag(found, "negative"), limit, grids=grids)
            stable = found.verdict != "unstable"
            inside = float(((found.low <= 0) & (found.high >= 0))[stable].mean())
            often = 0.93 if null.failing <= 0.1 else None  # where most of an arm's few trials fail, it is another arm
            few = int(stable.any(-1).sum()) if null.failing else 0
            yield Result("coverage of the 95 % interval", case, str(n), inside, often, at_least=True, grids=few)
    for surplus, n in itertools.product((1, 2, 4), SIZES):
        nulls = [Scenario(spread=s, looks=(n,), pairing="welch", shared=0.5, surplus=surplus) for s in SPREADS]
        judged = [simulate(null, DESIGN, grids, np.random.default_rng([5, surplus, n])) for null in nulls]
        flagged = max(any_flag(one, "negative") for one in judged)
        yield Result(NULL, f"welch, m = {surplus} n", str(n), flagged, DESIGN.alpha / 2, grids=grids)


def _power(grids: int) -> Iterator[Result]:
    """Of 20 cells with a loss; of one among null ones: how often flagged, by its own spread and by the pooled one."""
    for pairing in PAIRINGS:
        small = Scenario("normal", -0.02, 0.007, 0.004, (10,), shared=0.5, pairing=pairing)
        value = shares(simulate(small, DESIGN, grids, np.random.default_rng(6)))["negative"]
        yield Result("power at -2 points, spread .7", f"20 such cells, {pairing}", "10", value, 0.9, at_least=True)
    designs: tuple[tuple[Pairing, int], ...] = (("paired", 1), ("welch", 2), ("welch", 4))
    for loss, scales, n in itertools.product((-0.05, -0.08), ((1.0,), UNEVEN), (5, 10)):
        spreads = "equal spreads" if len(scales) == 1 else "spreads of quick"
        for pairing, surplus in designs:
            harm = Scenario(
                "normal", loss, 0.032, 0.006, (n,), shared=0.5, alone=True, pairing=pairing, surplus=surplus
            )
            for design in (PLAIN, DESIGN):
                words = f"{spreads}, {pairing}{f' m = {surplus} n' if surplus > 1 else ''}"
                case = f"{words}, {'pooled' if design.moderated else 'plain'}"
                yield Result(
                    f"power at {100 * loss:.0f} points", case, str(n), _flagged(harm, scales, design, grids), None
                )


def _flagged(harm: Scenario, scales: tuple[float, ...], design: Design, grids: int) -> float:
    """The share of a grid's cells that are flagged, each of them in turn the one with the loss."""
    found = []
    for place in range(0, len(scales), 4):  # every fourth stands for those beside it
        turned = (*scales[place:], *scales[:place])
        random = np.random.default_rng([7, place])
        found.append(shares(simulate(replace(harm, scales=turned), design, grids, random), first=True)["negative"])
    return float(np.mean(found))
