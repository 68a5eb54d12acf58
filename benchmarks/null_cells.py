"""Real null cells: a random network passed off as a source, fine-tuned, each cell with baseline seeds of its own.

    python -m benchmarks.null_cells [--cells 200] [--seeds 5] [--json FILE]

Their raw p-values must be uniform, and flags no more frequent than alpha allows. Digits at 8 pixels, 50 images, a
ResNet-8 of width 4, 30 steps, one learning rate.
"""

import argparse
import json
import os
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats as scipy_stats

from tlbench.dataset import Target, datasets
from tlbench.engine import Engine, Job, WorkerPool
from tlbench.form import forms
from tlbench.judging import stats
from tlbench.judging.verdict import Design, Evidence, evidence, judge
from tlbench.method import Budget, methods
from tlbench.metric import metrics
from tlbench.network import Setup, networks
from tlbench.records import Outcome
from tlbench.runfile import SURPLUS
from tlbench.source import sources
from tlbench.trials import Conditions, Trial
from tlbench.workspace import Storage, Workspace

DESIGN = Design(alpha=0.05, margin=0.005)
FAMILY = 20  # cells that a suite would judge together


def trials(cells: int, seeds: int) -> list[Trial]:
    """For each cell the null arm's trials, then the baseline's surplus of them, under a root seed of its own."""
    target = Target(datasets.make("digits"), 50, 50)
    form = forms.make({"name": "images", "size": 8, "channels": 1})
    setup, metric = Setup(networks.make({"name": "resnet", "width": 4}), form), metrics.make("accuracy")
    budget = Budget(steps=30, batch_size=16, learning_rates=(0.01,))
    null, finetune, scratch = sources.make("null"), methods.make("finetune"), methods.make("scratch")
    own = [Conditions(target, setup, budget, metric, form.augmentation(()), 1000 + cell) for cell in range(cells)]
    arms = [[Trial(null, finetune, one, i) for i in range(seeds)] for one in own]
    bases = [[Trial(None, scratch, one, i) for i in range(SURPLUS * seeds)] for one in own]
    return [trial for arm, base in zip(arms, bases, strict=True) for trial in (*arm, *base)]


def summary(outcomes: list[Outcome], cells: int, seeds: int) -> dict[str, Any]:
    """What the cells' p-values and flags look like, paired and not, by their own spreads and by pooled ones."""
    accuracy = np.array([o.judged.value for o in outcomes]).reshape(cells, (1 + SURPLUS) * seeds)
    items = np.array([o.judged.contributions() for o in outcomes]).reshape(*accuracy.shape, -1)
    own, base = accuracy[:, :seeds], accuracy[:, seeds:]
    found: dict[str, Any] = {"cells": cells, "seeds": seeds}
    for pairing in ("paired", "welch"):
        welch, noise = pairing == "welch", []
        for cell in items:
            sides = cell[:seeds], cell[seeds:] if welch else cell[seeds : 2 * seeds]
            noise.append(stats.item_noise_apart(*sides) if welch else stats.item_noise(*sides))
        found[pairing] = _summary(evidence(own, base, np.array(noise), welch=welch))
    return found


def _summary(seen: Evidence) -> dict[str, Any]:
    """Of cells judged in families of `FAMILY`, by one design."""
    error, freedom = seen.error(0.0)
    plain = stats.p_below(seen.mean, error, freedom)
    used = stats.p_below(seen.mean, *seen.error(DESIGN.least))
    families = len(plain) // FAMILY
    grids = Evidence(*(getattr(seen, f.name)[: families * FAMILY].reshape(families, FAMILY) for f in fields(Evidence)))
    flagged = {}
    for moderated in (False, True):
        words = judge([grids], replace(DESIGN, moderated=moderated)).verdict
        flagged["pooled" if moderated else "plain"] = int(np.isin(words, ["negative", "positive"]).sum())
    return {
        "mean gain": float(seen.mean.mean()),
        "spread over seeds": float(np.median(seen.spread)),
        "test-set error": float(np.median(seen.tau)),
        "uniform (Kolmogorov-Smirnov p), t test": float(scipy_stats.kstest(plain, "uniform").pvalue),
        "raw p <= .05, as judged, harm": float((used <= 0.05).mean()),
        "raw p <= .05, as judged, benefit": float((used >= 0.95).mean()),
        "flagged cells, families of 20": flagged,
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
