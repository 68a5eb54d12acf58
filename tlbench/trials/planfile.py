"""What `run.json` holds: the plan, its settings, and what the reader of a report must know of the data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tlbench import device as devices
from tlbench import environment
from tlbench.method import head_rates
from tlbench.packing import pack_labels
from tlbench.runfile import (
    PlannedCell,
    PlannedMethod,
    PlannedSource,
    PlannedTarget,
    Run,
    RunSuite,
    Tested,
    VerdictSettings,
)
from tlbench.suite import Suite
from tlbench.trials.cell import Cell
from tlbench.trials.conditions import Conditions
from tlbench.trials.drawlines import draw_lines, n_validated
from tlbench.trials.leaks import leak_lines
from tlbench.trials.outline import outline
from tlbench.trials.pilot import budget_lines
from tlbench.trials.plan import Plan, fitted
from tlbench.trials.targetline import target_lines
from tlbench.workspace import Workspace

TRAINS = ("metric", "root_seed", "image_size", "network", "augment", "budget")  # of a suite: what a pilot depends on


def run_of(plan: Plan, workspace: Workspace, name: str, engine: Mapping[str, Any]) -> Run:
    """What a report needs beside the records; name: the suite's, or its folder's. Written before the first trial."""
    suite, verdict = plan.suite, plan.suite.verdict
    margins = {"margin": suite.metric.margin, "convergence_margin": 2 * suite.metric.margin}
    margins |= {name: getattr(verdict, name) for name in margins if name in verdict.model_fields_set}
    return Run(
        suite=_suite(suite, name),
        looks=plan.scheme.looks,
        weights=plan.scheme.weights,
        design=plan.scheme.why,
        reported=plan.scheme.reported,
        late=plan.scheme.late,
        verdict=VerdictSettings(**verdict.model_dump() | margins | {"pairing": plan.scheme.pairing}),
        cells=tuple(_cell(plan, cell, workspace) for cell in plan.cells),
        skipped=tuple(plan.skipped),
        notes=tuple(notes(plan, workspace)),
        leakage=tuple(found.overlapping() for found in plan.overlaps),
        engine=dict(engine),
        budgets=plan.budgets,
        tested={own.target.label: _tested(own, workspace) for own in _conditions(plan)},
        environment=environment.describe(devices.describe(workspace.device), engine["threads"]),
    )


def _suite(suite: Suite, name: str) -> RunSuite:
    """What a reader must know of the suite; its budget as it was given."""
    length = {key: value for key in ("steps", "epochs") if (value := getattr(suite, key)) is not None}
    told = {"batch_size": suite.batch_size, "learning_rates": suite.learning_rates, "weight_decay": suite.weight_decay}
    told |= {"head_rates": suite.head_rates or head_rates(suite.learning_rates)}
    return RunSuite(
        name=suite.name or name,
        description=suite.description,
        metric=suite.metric.label,
        protocols=tuple(suite.protocols),
        also=tuple(metric.label for metric in suite.also),
        seeds=suite.seeds,
        root_seed=suite.root_seed,
        image_size=suite.image_size,
        network=suite.network.recipe(),
        augment=list(suite.augment),
        budget=length | told,
    )


def begun_budgets(suite: Suite, begun: Run | None) -> dict[str, int]:
    """The budgets that pilots found for a run that was begun, if its suite trains as this one does."""
    if begun is None:
        return {}
    was, now = begun.suite.model_dump(mode="json"), _suite(suite, "").model_dump(mode="json")
    return begun.budgets if all(was[key] == now[key] for key in TRAINS) else {}


def notes(plan: Plan, workspace: Workspace) -> list[str]:
    """What was done to the data, and what limits the verdicts."""
    found = target_lines(plan, workspace) + budget_lines(plan) + leak_lines(plan.overlaps, plan.cells)
    forms = {
        (d, c.conditions.setup.form)
        for c in plan.cells
        for d in (c.conditions.target.dataset, *(c.source.datasets() if c.source else ()))
    }
    for dataset, form in sorted(forms, key=lambda pair: (pair[0].label, pair[1].label)):
        if (shape := dataset.split("train", workspace).shape) != form.shape:
            found.append(f"{dataset.label}: items of {_by(shape)} brought to {form.words()}")
    found += [line for conditions in _conditions(plan) for line in draw_lines(conditions, plan, workspace)]
    for cell in plan.cells:
        found += fitted(cell, workspace)
        for dataset in cell.source.datasets() if cell.source else ():
            found += dataset.split("train", workspace).notes
    return list(dict.fromkeys(found))


def _conditions(plan: Plan) -> list[Conditions]:
    """Of each target one cell's."""
    return list({cell.conditions.target.label: cell.conditions for cell in plan.cells}.values())


def _tested(conditions: Conditions, workspace: Workspace) -> Tested:
    """A target's test items as its records hold them: in their order, without those that are left out."""
    test = conditions.target.dataset.split("test", workspace)
    labels = np.delete(test.labels, list(conditions.left_out))
    return Tested(classes=test.classes, labels=pack_labels(labels, len(test.classes)))


def _cell(plan: Plan, cell: Cell, workspace: Workspace) -> PlannedCell:
    target, setup, source = cell.conditions.target, cell.conditions.setup, cell.source
    pool = target.dataset.split("train", workspace)
    return PlannedCell(
        path=cell.path,
        seeds=plan.seeds(cell),
        baseline=plan.baseline(cell, 0).cell,
        baselines={protocol: trial.cell for protocol, trial in plan.baselines(cell, 0).items()},
        role=cell.role,
        family=cell.family,
        expect=cell.expect,
        source=PlannedSource(
            label=cell.trial(0).source_label,
            varies=source is not None and source.varies,
            spec=source.spec if source else None,
            recipe=source.recipe() if source else {},
        ),
        target=PlannedTarget(
            label=target.label,
            dataset=target.dataset.label,
            spec=target.dataset.spec,
            n_train=target.n_train,
            n_val=n_validated(cell.conditions, workspace),
            pool=len(pool),
            draw=target.mode(pool),
            steps=cell.conditions.budget.steps,
            shape=pool.shape,
        ),
        method=PlannedMethod(
            label=cell.method.label,
            spec=cell.method.spec,
            recipe=cell.method.recipe(),
            unfrozen=outline(cell.method, setup, workspace).unfrozen,
        ),
        input=setup.form.recipe(),
        leak=cell.leak,
        crossed=crossed[0].cell if (crossed := plan.crossed(cell)) else None,
    )


def _by(shape: Sequence[int]) -> str:
    return "x".join(str(side) for side in shape)
