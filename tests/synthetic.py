"""Synthetic evidence: run folders as a study leaves them, and verdicts, with chosen accuracies, bits and curves."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from tlbench.curve import LearningCurve, evaluation_steps
from tlbench.judging.accepted import Accepted, ArmSeeds, CellSeeds
from tlbench.judging.verdict import Judged, Verdict, verdicts
from tlbench.records import RUN_FILE, SCHEMA_VERSION, Record, pack_bits, write_json

TARGET = "glyphs-n40"
BASELINE = f"{TARGET}/resnet8/scratch"
CHANCE = 0.1
TEST_SIZE = 10_000
STEPS = evaluation_steps(100)


def around(mean: float, spread: float, n: int) -> list[float]:
    """As many values of exactly this mean, symmetric and spread like normal ones, not in order."""
    values = stats.norm.ppf((np.arange(n) + 0.5) / n)
    shuffled = np.random.default_rng(n).permutation(values * spread / values.std(ddof=1))
    return [float(value) for value in mean + shuffled]


def rising(start: float = 0.1, end: float = 0.6, steps: Sequence[int] = STEPS) -> LearningCurve:
    """A curve that rises evenly over the budget."""
    accuracies = tuple(start + (end - start) * step / steps[-1] for step in steps)
    return LearningCurve(tuple(steps), tuple(0.01 * s for s in steps), (None, *[1.0] * (len(steps) - 1)), accuracies)


def record(seed: int, accuracy: float, *, arm: str = "", curve: LearningCurve | None = None, **outcome: Any) -> Record:
    """A trial that gave this accuracy; its right answers are scattered anew for every seed and arm."""
    right = np.arange(TEST_SIZE) < round(accuracy * TEST_SIZE)
    scattered = np.random.default_rng([seed, *arm.encode()]).permutation(right)
    held = None if curve is None else {k: list(v) for k, v in curve.as_dict().items() if k != "seconds"}
    plain = {
        "failure": None,
        "accuracy": float(scattered.mean()),
        "correct": pack_bits(scattered),
        "n_test": TEST_SIZE,
        "chance": CHANCE,
        "validation_chance": CHANCE,
        "n_train": 40,
        "n_validation": 20,
        "pool": 1000,
        "learning_rate": 0.003,
        "steps": STEPS[-1],
        "blocks": ["stem", "block1"],
        "frozen": [],
        "input": {"size": 8, "channels": 1},
        "notes": [],
        "curve": held,
        "source_weights": None,
        "source_accuracy": None,
    }
    timing = {
        "seconds": 2.0,
        "grid_seconds": 6.0,
        "curve_seconds": None if curve is None else list(curve.seconds),
        "source_seconds": None,
    }
    return Record("trial", "done", {"arm": arm, "seed": seed}, plain | outcome, timing, {"code": "0"})


def write_arm(
    folder: Path, path: str, accuracies: Sequence[float | None], curve: LearningCurve | None = None, **outcome: Any
) -> None:
    """Writes a record for each seed; None is a trial that was not run."""
    for seed, accuracy in enumerate(accuracies):
        if accuracy is not None:
            made = record(seed, accuracy, arm=path, curve=curve, **outcome)
            made.write(folder / path / f"seed-{seed}.json")


def write_failure(folder: Path, path: str, seed: int, reason: str = "ValueError: no") -> None:
    """Writes the record of a trial that failed."""
    failed = Record("trial", "failed", {"arm": path, "seed": seed}, {"failure": reason}, {}, {"code": "0"})
    failed.write(folder / path / f"seed-{seed}.json")


def write_scores(folder: Path, source: str, seed: int, scores: dict[str, float | None]) -> None:
    """Writes a similarity record."""
    outcome = {"failure": None, "scores": scores, "higher_is_closer": dict.fromkeys(scores, True)}
    path = folder / TARGET / source / "similarity" / f"seed-{seed}.json"
    Record("similarity", "done", {"seed": seed}, outcome, {"seconds": {}}, {"code": "0"}).write(path)


def cell(source: str, method: str = "finetune", *, unfrozen: int | None = None, **changes: Any) -> dict[str, Any]:
    """A cell of `run.json`."""
    plain = {
        "path": f"{TARGET}/{source}/{method}",
        "baseline": BASELINE,
        "baselines": {"equal_steps": BASELINE},
        "seeds": 5,
        "role": "cell",
        "family": "main",
        "expect": None,
        "source": {"label": source, "name": "trained"},
        "target": {"label": TARGET, "dataset": "glyphs", "n_train": 40, "shape": [1, 8, 8]},
        "method": {"label": method, "unfrozen": unfrozen, "name": method},
        "input": {"size": 8, "channels": 1},
    }
    return plain | changes


def control(source: str, expect: str, method: str = "finetune") -> dict[str, Any]:
    """A control's cell."""
    return cell(source, method, role="control", family="control", expect=expect)


def run_of(cells: Sequence[dict[str, Any]], seeds: int = 5, **changes: Any) -> dict[str, Any]:
    """A `run.json`; `changes` replace its keys."""
    plain = {
        "schema_version": SCHEMA_VERSION,
        "suite": {
            "name": "synthetic",
            "description": "Made up.",
            "seeds": seeds,
            "root_seed": 0,
            "image_size": 0,
            "network": {"name": "resnet", "depth": 8},
            "budget": {"epochs": 15, "batch_size": 32, "learning_rates": [0.001, 0.003, 0.01], "weight_decay": 0.01},
        },
        "looks": [seeds],
        "weights": [1.0],
        "verdict": {
            "alpha": 0.05,
            "margin": 0.005,
            "convergence_margin": 0.01,
            "cost_margin": 0.1,
            "pairing": "paired",
        },
        "cells": [plain | {"seeds": seeds} for plain in cells],
        "skipped": [],
        "notes": [],
        "engine": {"device": "cpu", "jobs": 1, "threads": 1},
        "environment": {
            "device": "cpu",
            "threads": 1,
            "machine": {"processor": "a processor", "cores": 2, "system": "Linux", "fingerprint": "0"},
            "versions": {"tlbench": "0.1.0", "torch": None},
            "code": "0",
            "commit": None,
            "dirty": None,
        },
        "reach": {},
    }
    return plain | changes


def write_run(folder: Path, cells: Sequence[dict[str, Any]], seeds: int = 5, **changes: Any) -> dict[str, Any]:
    """Writes `run.json` and gives it back."""
    run = run_of(cells, seeds, **changes)
    write_json(folder / RUN_FILE, run)
    return run


def write_pair(folder: Path, gains: Sequence[float | None], *, source: str = "near", base: float = 0.6) -> None:
    """Writes a run of one cell with these gains over a baseline that varies a little from seed to seed."""
    n = len(gains)
    levels = around(base, 0.01, n)
    write_run(folder, [cell(source)], n)
    write_arm(folder, BASELINE, levels)
    own = [None if gain is None else level + gain for level, gain in zip(levels, gains, strict=True)]
    write_arm(folder, cell(source)["path"], own)


def only(folder: Path) -> Verdict:
    """The verdict of a run's one cell."""
    (verdict,) = verdicts(folder)[1]
    return verdict


SHOWN = Verdict(
    source="near",
    target=TARGET,
    dataset="glyphs",
    n_train=40,
    method="finetune",
    role="cell",
    family="main",
    verdict="inconclusive",
    confirmed=False,
    provisional=False,
    gain=0.01,
    interval=(-0.01, 0.03),
    interval_level=0.95,
    wide_interval=None,
    n_pairs=5,
    n_planned=5,
    p_adjusted=0.2,
    p_harm=0.8,
    p_benefit=0.2,
    share_hurt=0.2,
    share_hurt_interval=(0.04, 0.62),
    spread=0.01,
    tau=0.001,
    skewness=0.0,
    reuse=0.04,
    certifiable=True,
    seeds_needed=12,
    chance_left=0.5,
    failed=0,
    baseline_failed=0,
    accuracy=0.61,
    baseline_accuracy=0.6,
    baseline=BASELINE,
    expect=None,
    as_expected=None,
    unfrozen=None,
    source_accuracy=None,
    similarity={},
    convergence=None,
    cost={"estimated": True},
    by_protocol={},
    notes=(),
)


def shown(verdict: str, gain: float | None = 0.01, **changes: Any) -> Verdict:
    """A verdict as a report gets it, the interval two points to either side of the gain."""
    interval = None if gain is None else (gain - 0.02, gain + 0.02)
    return replace(SHOWN, **({"verdict": verdict, "gain": gain, "interval": interval} | changes))


def judged_of(found: Sequence[Verdict], run: dict[str, Any] | None = None) -> Judged:
    """A judged run of these verdicts, without records."""
    return Judged(Path("nowhere"), run or run_of([]), [], list(found), [])


def figures_of_cell(
    gains: Sequence[float],
    *,
    base: Sequence[float] | None = None,
    path: str = "t/near/finetune",
    role: str = "cell",
    **arm: Any,
) -> Accepted:
    """Accepted figures of one cell; `arm` replaces keys of the arm that transfers; equal accuracies are replays."""
    levels = list(base) if base is not None else around(0.6, 0.01, len(gains))
    own = [level + gain for level, gain in zip(levels, gains, strict=True)]
    parts = path.split("/")
    plain: dict[str, Any] = {
        "baseline": "t/net/scratch",
        **dict(zip(("target", "source", "method"), parts, strict=True)),
        "role": role,
        "verdict": "positive",
        "seeds": list(range(len(gains))),
        "gain": list(gains),
        "apart": [(10, 5)] * len(gains),
        "n_test": 100,
    }
    run = run_of([])
    return Accepted(
        suite="synthetic",
        root_seed=0,
        settings=run["verdict"],
        environment=run["environment"],
        engine=run["engine"],
        arms={path: _arm_seeds(own, "w", **arm), "t/net/scratch": _arm_seeds(levels, None)},
        cells={path: CellSeeds(**plain)},
    )


def _arm_seeds(accuracy: Sequence[float], source: str | None, **changes: Any) -> ArmSeeds:
    n = len(accuracy)
    plain: dict[str, Any] = {
        "seeds": list(range(n)),
        "accuracy": list(accuracy),
        "area": [value - 0.1 for value in accuracy],
        "replay": [f"{value:.9f}" for value in accuracy],
        "weights": [source] * n,
        "source_accuracy": 0.9 if source else None,
        "seconds": {},
        "data": "d",
        "failed": [],
        "at_chance": [],
    }
    return ArmSeeds(**(plain | changes))
