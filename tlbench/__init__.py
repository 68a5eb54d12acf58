"""tlbench: does transfer learning help or hurt on your data?

A **source** gives initial weights, a **target** is a dataset with a training budget, a **method** is a way of reuse. A
**form** is what the network is given, a **metric** what "better" means. A **trial** is one source, target and method at
one seed; its **record** is plain data on disk. A **suite** says what is crossed with what, a **study** runs one into a
folder. A **verdict** compares a cell's trials with the from-scratch baseline's at the same seeds: positive, negative,
neutral, inconclusive, unstable or invalid. A **similarity** scores a source for a target before any training.

    from tlbench import Study, Suite

    suite = Suite(targets=[{"dataset": "digits", "n_train": 50}],
                  cross=[{"sources": ["trained:glyphs"], "methods": ["linear_probe", "finetune"]}],
                  network="mlp", steps=128)
    study = Study(suite, "results/mine")    # free: reads nothing, sets nothing
    study.run()                             # resumes what was begun there
    study.judge()                           # verdicts: a table in a notebook; .frame() is a DataFrame
    study.trials()                          # the records as a DataFrame

The making side needs torch; records, verdicts and reports do not, and nothing is imported before it is asked for.
"""

import importlib
from typing import Any

_HOMES = {
    "Batch": "method",
    "Budget": "method",
    "Dataset": "dataset",
    "Executor": "engine",
    "Form": "form",
    "LearningCurve": "curve",
    "Materials": "method",
    "Method": "method",
    "Metric": "metric",
    "Network": "network",
    "Penalty": "method",
    "Phase": "method",
    "Progress": "engine",
    "Record": "records",
    "Similarity": "similarity",
    "Source": "source",
    "Split": "dataset",
    "Start": "method",
    "Study": "study",
    "Suite": "suite",
    "Target": "dataset",
    "TlbenchError": "errors",
    "Trial": "trials",
    "Verdict": "judging.verdict",
    "Weights": "source",
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
