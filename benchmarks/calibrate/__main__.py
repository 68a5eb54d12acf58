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
    """Two markdown tables, a row a case and a column a number of seeds: what is demanded, and what is only shown."""
    demanded, shown = ([one for one in results if (one.limit is None) == free] for free in (False, True))
    return "\n".join([*_table("demanded", demanded, "limit"), "", *_table("shown", shown, "")])


def _table(title: str, results: list[Result], limit: str) -> list[str]:
    sizes = sorted({one.n for one in results}, key=lambda n: [int(look) for look in n.split(", ")])
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for one in results:
        asked = "" if one.limit is None else f"{'>=' if one.at_least else '<='} {one.limit:g}"
        found = f"{one.value:.3f}" + ("" if one.held is not False else " NOT HELD")
        rows.setdefault((one.measure, one.case, asked), {})[one.n] = found
    columns = [title, "case", *([limit] if limit else []), *(f"n = {n}" for n in sizes)]
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for (measure, case, asked), by_size in rows.items():
        cells = [measure, case, *([asked] if limit else []), *(by_size.get(n, "") for n in sizes)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


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
