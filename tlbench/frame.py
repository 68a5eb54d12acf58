"""A run as a table."""

from pathlib import Path

import pandas as pd

from tlbench.records import iterate
from tlbench.run import read_run

LABELS = ("target", "source", "method")


def read(folder: Path) -> pd.DataFrame:
    """A row a trial: target, source, method (their labels), seed, status, the measured metrics, seconds, steps.

    The judged metric comes first; what a failed trial does not have is missing.

    Raises:
        TlbenchError: the folder holds no run.
    """
    metrics = dict.fromkeys([read_run(folder).suite.metric])
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
