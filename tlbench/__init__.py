"""tlbench: does transfer learning help or hurt on your data?

A **source** gives initial weights, a **target** is a dataset with a training budget, a **method** is a way of reuse.
A **trial** is one source, target and method at one seed; its **record** is plain data on disk. A **suite** says what is
crossed with what. A **verdict** compares a cell's trials with the from-scratch baseline's at the same seeds: positive,
negative, neutral, inconclusive, unstable or invalid. A **similarity** scores a source for a target before any training.

The making side needs torch; records, verdicts and reports do not, and nothing is imported before it is asked for.
"""

import importlib
from typing import Any

_HOMES = {
    "Dataset": "dataset",
    "LearningCurve": "curve",
    "Method": "method",
    "Record": "records",
    "Similarity": "similarity",
    "Source": "source",
    "Study": "study",
    "Suite": "suite",
    "Target": "dataset",
    "TlbenchError": "errors",
    "Trial": "trials",
    "Verdict": "judging.verdict",
    "read": "frame",
    "read_suite": "suite",
    "verdicts": "judging.verdict",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tlbench' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tlbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
