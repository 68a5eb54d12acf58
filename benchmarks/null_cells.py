"""Real null cells: a random network passed off as a source, fine-tuned, each cell with baseline seeds of its own.

    python -m benchmarks.null_cells [--cells 200] [--seeds 5] [--json FILE]

Their raw p-values must be uniform, and flags no more frequent than alpha allows. Digits at 8 pixels, 50 images, a
ResNet-8 of width 4, 30 steps, one learning rate.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats as scipy_stats

from tlbench.dataset import Target, datasets
from tlbench.engine import Engine, Job, WorkerPool
from tlbench.form import forms
from tlbench.judging import stats
from tlbench.judging.verdict import Design, evidence, judge
from tlbench.method import Budget, methods
from tlbench.metric import metrics
from tlbench.network import Setup, networks
from tlbench.records import Outcome
from tlbench.source import sources
from tlbench.trials import Conditions, Trial
from tlbench.workspace import Storage, Workspace

DESIGN = Design(alpha=0.05, margin=0.005)
FAMILY = 20  # cells that a suite would judge together


def trials(cells: int, seeds: int) -> list[Trial]:
    """For each cell the null arm's trials, then the baseline's, under a root seed of its own."""
    target = Target(datasets.make("digits"), 50, 50)
    form = forms.make({"name": "images", "size": 8, "channels": 1})
    setup, metric = Setup(networks.make({"name": "resnet", "width": 4}), form), metrics.make("accuracy")
    budget = Budget(steps=30, batch_size=16, learning_rates=(0.01,))
    null, finetune, scratch = sources.make("null"), methods.make("finetune"), methods.make("scratch")
    own = [Conditions(target, setup, budget, metric, form.augmentation(()), 1000 + cell) for cell in range(cells)]
    pairs = [[Trial(null, finetune, one, i), Trial(None, scratch, one, i)] for one in own for i in range(seeds)]
    return [trial for pair in pairs for trial in pair]


def summary(outcomes: list[Outcome], cells: int, seeds: int) -> dict[str, Any]:
    """What the cells' p-values and flags look like."""
    accuracy = np.array([o.judged.value for o in outcomes]).reshape(cells, seeds, 2).transpose(2, 0, 1)
    items = np.array([o.judged.contributions() for o in outcomes]).reshape(cells, seeds, 2, -1)
    tau = np.array([stats.item_noise(cell[:, 0], cell[:, 1]) for cell in items])
    seen = evidence(accuracy[0], accuracy[1], tau)
    plain = stats.p_below(seen.mean, seen.spread / np.sqrt(seen.n), seen.freedom)  # the t test, no floor
    error = stats.standard_error(seen.spread, seen.n, seen.tau, DESIGN.least)
    used = stats.p_below(seen.mean, error, seen.freedom)
    families = cells // FAMILY
    own, base = (side[: families * FAMILY].reshape(families, FAMILY, seeds) for side in accuracy)
    words = judge([evidence(own, base, tau[: families * FAMILY].reshape(families, FAMILY))], DESIGN).verdict
    return {
        "cells": cells,
        "seeds": seeds,
        "mean gain": float(seen.mean.mean()),
        "spread of a gain": float(np.median(seen.spread)),
        "test-set error": float(np.median(tau)),
        "uniform (Kolmogorov-Smirnov p), t test": float(scipy_stats.kstest(plain, "uniform").pvalue),
        "raw p <= .05, t test, harm": float((plain <= 0.05).mean()),
        "raw p <= .05, t test, benefit": float((plain >= 0.95).mean()),
        "raw p <= .05, as judged, harm": float((used <= 0.05).mean()),
        "raw p <= .05, as judged, benefit": float((used >= 0.95).mean()),
        "flagged cells, families of 20": int(np.isin(words, ["negative", "positive"]).sum()),
        "deciles of p": np.histogram(plain, np.linspace(0, 1, 11))[0].tolist(),
    }


def main() -> None:
    """Runs the cells and prints what their p-values and flags look like."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    asked_for = trials(asked.cells, asked.seeds)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Storage(Path(folder), Path(folder)), torch.device("cpu"))
        with WorkerPool(Engine("cpu", os.cpu_count() or 1, 1), workspace) as pool:
            records = dict(pool.run([Job(trial.run, "trial", 1.0) for trial in asked_for]))
    result = summary([records[i].outcome for i in range(len(asked_for))], asked.cells, asked.seeds)
    print(json.dumps(result, indent=1))  # noqa: T201
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
