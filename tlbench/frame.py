"""A run as a table."""

from pathlib import Path

import pandas as pd

from tlbench.records import iterate, read_run


def read(folder: Path) -> pd.DataFrame:
    """A row a trial: target, source, method (their labels), seed, status, accuracy, seconds, steps.

    Raises:
        TlbenchError: the folder holds no run.
    """
    read_run(folder)
    rows = []
    for path, record in iterate(folder):
        if record.kind != "trial":
            continue
        target, source, method = path.relative_to(folder).parts[:3]
        rows.append(
            {
                "target": target,
                "source": source,
                "method": method,
                "seed": record.recipe["seed"],
                "status": record.status,
                "accuracy": record.outcome.get("accuracy"),
                "seconds": record.timing.get("seconds"),
                "steps": record.outcome.get("steps"),
            }
        )
    columns = ["target", "source", "method", "seed", "status", "accuracy", "seconds", "steps"]
    return pd.DataFrame(rows, columns=columns)
