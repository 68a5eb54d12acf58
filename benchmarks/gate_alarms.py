"""How often a gate fails 20 cells in which nothing changed, and what it sees: simulated, beside simpler rules.

python -m benchmarks.gate_alarms [--grids 2000]
"""

import argparse
import itertools
from collections.abc import Iterator

import numpy as np

from tlbench.judging import Floats, noise, stats
from tlbench.judging.changes import Rule, change_evidence
from tlbench.judging.verdict import judge

CELLS, SPREAD = 20, 0.025  # cells of a suite; spread of a gain over seeds, in accuracy, as at small n_train
RULE = Rule()
N_AXES = 3  # of which gain is one


def gains(n: int, grids: int, family: str, random: np.random.Generator, source: float = 0.0) -> Floats:
    """(grids, cells, n) gains of one run; source: spread of the source's own draw, one a cell and run."""
    drawn = SPREAD * noise(family, random, grids, CELLS, n)
    return drawn + source * random.standard_normal((grids, CELLS, 1))


def fails(before: Floats, after: Floats, *, paired: bool) -> float:
    """The share of grids that the gate fails on their gains."""
    seen = change_evidence(before, after, np.full(CELLS, paired))
    return float((judge([seen], RULE.design("gain", N_AXES)).verdict == "negative").any(-1).mean())


def alarms(grids: int) -> Iterator[tuple[str, str, int, float]]:
    """Rule, what changed, seeds, share of gates that fail."""
    for n in (3, 5, 10):
        random = np.random.default_rng([1, n])
        before, after = (0.28 * gains(n, grids, "normal", random) for _ in range(2))  # spread .7 points
        fell = (after.mean(-1) - before.mean(-1) < -0.01).any(-1).mean()
        yield "a mean drop of over 1 point", "nothing, spread .7 points", n, float(fell)
    for family, n in itertools.product(("normal", "t3", "1", "-1"), (5, 10)):
        random = np.random.default_rng([2, n])
        before, after = (gains(n, grids, family, random) for _ in range(2))
        yield "the gate", f"nothing, other seeds, {family} noise", n, fails(before, after, paired=False)
        moved = before + 0.3 * gains(n, grids, family, random)
        yield "the gate", f"nothing, same seeds, {family} noise", n, fails(before, moved, paired=True)
    for n in (5, 10):
        random = np.random.default_rng([3, n])
        before, after = (gains(n, grids, "normal", random, SPREAD / 2) for _ in range(2))
        yield "the gate, were one draw of a source judged", "the source's draw alone", n, _draws(before, after)
    for n, drop in itertools.product((5, 10, 20), (-0.02, -0.05, -0.1)):
        random = np.random.default_rng([4, n])
        before = gains(n, grids, "normal", random)
        same = before + 0.3 * gains(n, grids, "normal", random)
        same[:, 0] += drop
        yield "the gate", f"one cell by {100 * drop:.0f} points, same seeds", n, fails(before, same, paired=True)


def _draws(before: Floats, after: Floats) -> float:
    """At alpha .05, paired by seed: what judging a changed source by its seeds alone would come to."""
    seen = change_evidence(before, after, np.ones(CELLS, bool))
    p = stats.holm(stats.p_below(seen.mean, seen.spread / np.sqrt(seen.n), seen.n - 1))
    return float((p <= 0.05).any(-1).mean())


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grids", type=int, default=2000)
    asked = parser.parse_args()
    lines = ["| rule | what changed | seeds | share of gates that fail |", "| --- | --- | --- | --- |"]
    lines += [f"| {rule} | {what} | {n} | {share:.3f} |" for rule, what, n, share in alarms(asked.grids)]
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
