"""The verdict's calibration, in full: false flags, coverage, power, neutrality and looks, by family and n.

python -m benchmarks.calibrate [--grids 2000] [--json FILE]
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.judging import Scenario, any_flag, coverage, shares, simulate
from tlbench.judging.verdict import Design
from tlbench.runfile import LOOKS, WEIGHTS

DESIGN = Design(alpha=0.05, margin=0.005)
FAMILIES = ("normal", "t3", "0.67", "-0.67", "1", "-1", "2", "-2")
SPREADS, TAUS, SIZES = (0.007, 0.025), (0.002, 0.004), (5, 10, 20)


def grid() -> Iterator[Scenario]:
    """Every null scenario: family, size, spread, test-set error, own or shared noise."""
    for family, n, spread, tau, shared in itertools.product(FAMILIES, SIZES, SPREADS, TAUS, (False, True)):
        yield Scenario(family, 0.0, spread, tau, (n,), shared=shared)


def row(measure: str, scenario: Scenario, value: float, limit: float | None) -> dict[str, Any]:
    """One result; limit: what is demanded of it, None where it is only shown."""
    return {"measure": measure, **asdict(scenario), "value": value, "limit": limit}


def calibrate(grids: int) -> Iterator[dict[str, Any]]:
    """All results, one after the other."""
    for index, null in enumerate(grid()):
        random = np.random.default_rng([1, index])
        skewness = 0.0 if null.family in ("normal", "t3") else abs(float(null.family))
        found = simulate(null, DESIGN, grids, random)
        limit = DESIGN.alpha / 2 if skewness == 0 else DESIGN.alpha if skewness < 1 else None
        yield row("any negative among 20 null cells", null, any_flag(found, "negative"), limit)
        yield row("coverage of the 95 % interval", null, coverage(found, 0.0), 0.93 if skewness <= 1 else None)
        edge = replace(null, mean=-DESIGN.margin)
        at_edge = simulate(edge, DESIGN, grids, random)
        if null.looks[0] >= 10:
            any_confirmed = float(at_edge.confirmed.any(-1).mean())
            yield row("any confirmed at -margin", edge, any_confirmed, 2 * DESIGN.alpha if skewness <= 1 else None)
        yield row("neutral at -margin", edge, shares(at_edge)["neutral"], DESIGN.alpha if skewness == 0 else None)
    yield from _power(grids)
    yield from _looks(grids)


def _power(grids: int) -> Iterator[dict[str, Any]]:
    for n, tau, spread in itertools.product(SIZES, TAUS, SPREADS):
        harm = Scenario("normal", -0.02, spread, tau, (n,))
        value = shares(simulate(harm, DESIGN, grids, np.random.default_rng([2, n, round(1e4 * tau)])))["negative"]
        yield row("power at -2 points", harm, value, 0.9 if (n, spread) == (10, 0.007) else None)


def _looks(grids: int) -> Iterator[dict[str, Any]]:
    design = replace(DESIGN, weights=WEIGHTS)
    for family, spread, tau in itertools.product(("normal", "t3"), SPREADS, TAUS):
        null = Scenario(family, 0.0, spread, tau, LOOKS)
        random = np.random.default_rng([3, round(1e4 * spread), round(1e4 * tau)])
        found = simulate(null, design, grids, random, luckiest=True)
        yield row("any negative, stopped at the luckiest look", null, any_flag(found, "negative"), design.alpha / 2)
        edge = simulate(replace(null, mean=-design.margin), design, grids, random, luckiest=True)
        yield row("neutral at -margin, luckiest look", null, shares(edge)["neutral"], design.alpha)


def held(result: dict[str, Any], grids: int) -> bool | None:
    """Whether a result keeps its limit within three binomial standard deviations; None where it has none."""
    limit = result["limit"]
    if limit is None:
        return None
    slack = 3 * float(np.sqrt(limit * (1 - limit) / grids))
    floor = result["measure"].startswith(("coverage", "power"))
    return bool(result["value"] >= limit if floor else result["value"] <= limit + slack)


def table(results: list[dict[str, Any]], grids: int) -> str:
    """A markdown table: for each measure, family and n, the worst value over spreads, test errors and noise."""
    lines = ["| measure | family | n | worst | demanded | held |", "| --- | --- | --- | --- | --- | --- |"]
    groups: dict[tuple[str, str, tuple[int, ...]], list[dict[str, Any]]] = {}
    for result in results:
        groups.setdefault((result["measure"], result["family"], tuple(result["looks"])), []).append(result)
    for (measure, family, looks), group in groups.items():
        pick = min if measure.startswith(("coverage", "power")) else max
        asked = [one for one in group if one["limit"] is not None] or group
        worst = pick(asked, key=lambda one: one["value"])
        word = {True: "yes", False: "NO", None: "shown"}[held(worst, grids)]
        limit = "-" if worst["limit"] is None else f"{worst['limit']:g}"
        lines.append(
            f"| {measure} | {family} | {', '.join(map(str, looks))} | {worst['value']:.3f} | {limit} | {word} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Prints the table; exits with 1 where a limit is not held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grids", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results = list(calibrate(asked.grids))
    print(table(results, asked.grids))  # noqa: T201
    if asked.json:
        asked.json.write_text(json.dumps({"grids": asked.grids, "results": results}, indent=1))
    sys.exit(any(held(result, asked.grids) is False for result in results))


if __name__ == "__main__":
    main()
