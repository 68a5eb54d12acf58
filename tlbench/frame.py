"""A run as a table: its trials, its verdicts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tlbench.records import iterate
from tlbench.runfile import read_run

LABELS = ("target", "source", "method")


def read(folder: str | Path) -> pd.DataFrame:
    """A row a trial: target, source, method (their labels), seed, status, the measured metrics, seconds, steps.

    The judged metric comes first, then those shown beside it; what a failed trial does not have is missing.

    Raises:
        TlbenchError: the folder holds no run.
    """
    folder = Path(folder)
    suite = read_run(folder).suite
    metrics = dict.fromkeys([suite.metric, *suite.also])
    rows = []
    for path, record in iterate(folder):
        outcome, done = record.outcome, record.status == "done"
        labels = zip(LABELS, path.relative_to(folder).parts, strict=False)
        metrics |= dict.fromkeys(outcome.measured)
        rows.append(
            dict(labels)
            | {"seed": record.recipe["seed"], "status": record.status}
            | {name: measured.score for name, measured in outcome.measured.items()}
            | ({"seconds": record.timing.seconds, "steps": outcome.steps} if done else {})
        )
    return pd.DataFrame(rows, columns=[*LABELS, "seed", "status", *metrics, "seconds", "steps"])


def verdict_table(verdicts: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A row a cell from verdicts as plain data; intervals as two columns, what is nested further is left out."""
    cells = list(verdicts)
    flat = {name for cell in cells for name in cell if name.endswith(("_spec", "interval"))}
    nested = {name for cell in cells for name, value in cell.items() if isinstance(value, dict | list | tuple)} - flat
    rows = []
    for cell in cells:
        row: dict[str, Any] = {}
        for name, value in cell.items():
            if name.endswith("interval"):
                row |= dict(zip((f"{name}_low", f"{name}_high"), value or (None, None), strict=True))
            elif name not in nested:
                row[name] = value
        rows.append(row)
    return pd.DataFrame(rows)
