"""What `run.json` holds: the plan, its settings, and what the reader of a report must know of the data."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tlbench import device as devices
from tlbench import environment
from tlbench.records import SCHEMA_VERSION
from tlbench.trials.plan import Cell, Plan, n_blocks
from tlbench.workspace import Workspace


def run_file(plan: Plan, workspace: Workspace, engine: dict[str, Any]) -> dict[str, Any]:
    """What a report needs beside the records: written before the first trial."""
    suite = plan.suite.model_dump(include={"name", "description", "seeds", "root_seed", "image_size"})
    suite |= {"network": plan.suite.network.recipe(), "augment": plan.suite.augment.recipe()}
    return {
        "schema_version": SCHEMA_VERSION,
        "suite": suite | {"budget": asdict(plan.suite.budget)},
        "looks": list(plan.suite.looks),
        "weights": list(plan.suite.weights),
        "verdict": plan.suite.verdict.model_dump(),
        "cells": [_cell(plan, cell, workspace) for cell in plan.cells],
        "skipped": plan.skipped,
        "notes": notes(plan, workspace),
        "engine": engine,
        "environment": environment.describe(devices.describe(workspace.device), engine["threads"]),
        "reach": {},
    }


def notes(plan: Plan, workspace: Workspace) -> list[str]:
    """What was done to the data, and what limits the verdicts."""
    found: list[str] = []
    forms = {
        (d, c.arm.setup.form)
        for c in plan.cells
        for d in (c.arm.target.dataset, *(c.source.datasets() if c.source else ()))
    }
    for dataset, form in sorted(forms, key=lambda pair: (pair[0].label, pair[1].label)):
        if (shape := dataset.split("train", workspace).shape) != form.shape:
            found.append(f"{dataset.label}: images of {_by(shape)} brought to {_by(form.shape)}")
    for target in {cell.arm.target.label: cell.arm.target for cell in plan.cells}.values():
        pool, test = (target.dataset.split(part, workspace) for part in ("train", "test"))
        found += [*pool.notes, *test.notes]
        if (f := target.n_train / len(pool)) > 0.2:
            found.append(f"target {target.label}: each draw takes {f:.0%} of the pool, so the draws overlap")
    for cell in plan.cells:
        if cell.role == "cell" and cell.source and cell.arm.target.dataset in cell.source.datasets():
            found.append(f"source {cell.source.label} was trained on the pool of target {cell.arm.target.label}")
    return list(dict.fromkeys(found))


def _cell(plan: Plan, cell: Cell, workspace: Workspace) -> dict[str, Any]:
    target = cell.arm.target
    shape = target.dataset.split("train", workspace).shape
    blocks = n_blocks(cell.arm.setup, workspace)
    return {
        "path": cell.path,
        "seeds": plan.seeds(cell),
        "baseline": plan.baseline(cell, 0).cell,
        "baselines": {protocol: trial.cell for protocol, trial in plan.baselines(cell, 0).items()},
        "role": cell.role,
        "family": cell.family,
        "expect": cell.expect,
        "source": {"label": cell.trial(0).source_label} | (cell.source.recipe() if cell.source else {}),
        "target": {
            "label": target.label,
            "dataset": target.dataset.label,
            "n_train": target.n_train,
            "shape": list(shape),
        },
        "method": {"label": cell.method.label, "unfrozen": cell.method.unfrozen(blocks)} | cell.method.recipe(),
        "input": cell.arm.setup.form.recipe(),
    }


def _by(shape: Sequence[int]) -> str:
    return "x".join(str(side) for side in shape)
