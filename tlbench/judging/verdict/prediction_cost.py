"""What a prediction costs: of the arm and of its baseline, from their records."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tlbench.judging.verdict.cell_records import CellRecords
from tlbench.records import Outcome, Record


def prediction_cost(cell: CellRecords) -> dict[str, Any]:
    """Parameters, and the median over seeds of the milliseconds an item; None where records do not tell.

    Milliseconds are the timing pass's where there was one for both sides, which had the machine to itself.
    """
    own, base = cell.timed if all(cell.timed) else (cell.own.records, cell.base.records)
    return {
        "parameters": _parameters(own),
        "milliseconds": _milliseconds(own),
        "baseline_parameters": _parameters(base),
        "baseline_milliseconds": _milliseconds(base),
    }


def _parameters(records: Mapping[int, Record[Outcome]]) -> int | None:
    return max((record.outcome.parameters for record in records.values()), default=0) or None


def _milliseconds(records: Mapping[int, Record[Outcome]]) -> float | None:
    """Older records do not have it."""
    seconds = [record.timing.predict_seconds for record in records.values() if record.timing.predict_seconds > 0]
    return 1000 * float(np.median(seconds)) if seconds else None
