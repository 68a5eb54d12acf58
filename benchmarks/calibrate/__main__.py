"""Simulates what the verdict is worth: python -m benchmarks.calibrate [--grids 2000] [--json FILE]."""

import argparse
import itertools
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.calibrate import cases, choosing, ranked
from benchmarks.calibrate.cases import Result


def tables(results: list[Result]) -> str:
    """Two markdown tables: what is demanded, and what is only shown."""
    demanded = [result for result in results if result.limit is not None]
    lines = ["| demanded | case | n | found | limit | held |", "| --- | --- | --- | --- | --- | --- |"]
    for one in demanded:
        sign, word = ">=" if one.at_least else "<=", "yes" if one.held else "NO"
        lines.append(f"| {one.measure} | {one.case} | {one.n} | {one.value:.3f} | {sign} {one.limit:g} | {word} |")
    lines += ["", "| shown | case | n | found |", "| --- | --- | --- | --- |"]
    shown = (one for one in results if one.limit is None)
    return "\n".join([*lines, *(f"| {one.measure} | {one.case} | {one.n} | {one.value:.3f} |" for one in shown)])


def main() -> None:
    """Prints the tables; exits with 1 where a limit is not held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grids", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results = list(itertools.chain.from_iterable(one.every(asked.grids) for one in (cases, choosing, ranked)))
    print(tables(results))  # noqa: T201
    if asked.json:
        plain = [asdict(result) | {"held": result.held} for result in results]
        asked.json.write_text(json.dumps({"grids": asked.grids, "results": plain}, indent=1))
    sys.exit(any(result.held is False for result in results))


if __name__ == "__main__":
    main()
