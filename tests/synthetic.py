"""Synthetic evidence: run folders as a study leaves them, and verdicts, with chosen accuracies, items and curves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from tlbench.curve import LearningCurve, evaluation_steps
from tlbench.judging.accepted import Accepted, ArmSeeds, CellSeeds
from tlbench.judging.verdict import Judged, Verdict, verdicts
from tlbench.packing import pack_items
from tlbench.records import Measured, Outcome, Record, Scores, Timing
from tlbench.runfile import PlannedCell, Run

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
    scores = tuple(start + (end - start) * step / steps[-1] for step in steps)
    return LearningCurve(tuple(steps), tuple(0.01 * s for s in steps), (None, *[1.0] * (len(steps) - 1)), scores)


def measured(
    items: Sequence[float] | np.typing.NDArray[Any],
    *,
    chance: float = CHANCE,
    chance_limit: float | None = None,
    higher_is_better: bool = True,
    margin: float = 0.005,
) -> Measured:
    """A metric's reading of these contributions; by default an accuracy's, whose luck is the majority class's."""
    values = np.asarray(items)
    if chance_limit is None:
        chance_limit = chance + 3 * float(np.sqrt(chance * (1 - chance) / len(values)))
    return Measured(
        score=float(values.mean()),
        items=pack_items(values),
        n=len(values),
        chance=chance,
        chance_limit=chance_limit,
        higher_is_better=higher_is_better,
        margin=margin,
    )


def record(
    seed: int,
    accuracy: float,
    *,
    arm: str = "",
    curve: LearningCurve | None = None,
    items: Sequence[float] | np.typing.NDArray[Any] | None = None,
    **outcome: Any,
) -> Record[Outcome]:
    """A trial that gave this accuracy, its right answers scattered anew for every seed and arm; or these items."""
    right = np.arange(TEST_SIZE) < round(accuracy * TEST_SIZE)
    given = np.random.default_rng([seed, *arm.encode()]).permutation(right) if items is None else items
    made: dict[str, Any] = {
        "metric": "accuracy",
        "measured": {"accuracy": measured(given)},
        "validation_chance": CHANCE,
        "n_train": 40,
        "n_validation": 20,
        "pool": 1000,
        "learning_rate": 0.003,
        "steps": STEPS[-1],
        "blocks": ("stem", "block1"),
        "input": {"size": 8, "channels": 1},
        "curve": curve and replace(curve, seconds=()),
    }
    timing = Timing(seconds=2.0, grid_seconds=6.0, curve_seconds=curve.seconds if curve else ())
    return Record("trial", {"arm": arm, "seed": seed}, Outcome(**(made | outcome)), timing, {"code": "0"})


def write_arm(
    folder: Path, path: str, accuracies: Sequence[float | None], curve: LearningCurve | None = None, **outcome: Any
) -> None:
    """Writes a record for each seed; None is a trial that was not run."""
    for seed, accuracy in enumerate(accuracies):
        if accuracy is not None:
            made = record(seed, accuracy, arm=path, curve=curve, **outcome)
            made.write(folder / path / f"seed-{seed}.json")


def failure(arm: str = "", seed: int = 0, reason: str = "ValueError: no") -> Record[Outcome]:
    """A trial that failed."""
    return Record("trial", {"arm": arm, "seed": seed}, Outcome(failure=reason), Timing(), {"code": "0"})


def write_failure(folder: Path, path: str, seed: int, reason: str = "ValueError: no") -> None:
    """Writes the record of a trial that failed."""
    failure(path, seed, reason).write(folder / path / f"seed-{seed}.json")


def similar(seed: int, scores: Mapping[str, float | None]) -> Record[Scores]:
    """A similarity record."""
    outcome = Scores(scores=scores, higher_is_closer=dict.fromkeys(scores, True))
    return Record("similarity", {"seed": seed}, outcome, Timing(parts=dict.fromkeys(scores, 0.1)), {"code": "0"})


def write_scores(folder: Path, source: str, seed: int, scores: Mapping[str, float | None]) -> None:
    """Writes a similarity record."""
    similar(seed, scores).write(folder / TARGET / source / "similarity" / f"seed-{seed}.json")


def cell(source: str, method: str = "finetune", *, unfrozen: int | None = None, **changes: Any) -> PlannedCell:
    """A cell of `run.json`."""
    plain = {
        "path": f"{TARGET}/{source}/{method}",
        "baseline": BASELINE,
        "baselines": {"equal_steps": BASELINE},
        "seeds": 5,
        "role": "cell",
        "family": "main",
        "expect": None,
        "source": {"label": source, "spec": {"name": "trained", "label": source}, "recipe": {"name": "trained"}},
        "target": {"label": TARGET, "dataset": "glyphs", "spec": "glyphs", "n_train": 40, "shape": [1, 8, 8]},
        "method": {"label": method, "spec": method, "unfrozen": unfrozen, "recipe": {"name": method}},
        "input": {"size": 8, "channels": 1},
    }
    return PlannedCell.model_validate(plain | changes)


def control(source: str, expect: str, method: str = "finetune") -> PlannedCell:
    """A control's cell."""
    return cell(source, method, role="control", family="control", expect=expect)


def run_of(cells: Sequence[PlannedCell], seeds: int = 5, **changes: Any) -> Run:
    """A `run.json`; `changes` replace its keys."""
    plain = {
        "suite": {
            "name": "synthetic",
            "description": "Made up.",
            "seeds": seeds,
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
        "cells": [planned.model_copy(update={"seeds": seeds}) for planned in cells],
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
    }
    return Run.model_validate(plain | changes)


def suite_of(**changes: Any) -> dict[str, Any]:
    """The suite's part of a synthetic `run.json`, some of it changed."""
    return run_of([]).suite.model_dump() | changes


def write_run(folder: Path, cells: Sequence[PlannedCell], seeds: int = 5, **changes: Any) -> Run:
    """Writes `run.json` and gives it back."""
    run = run_of(cells, seeds, **changes)
    run.write(folder)
    return run


def write_pair(folder: Path, gains: Sequence[float | None], *, source: str = "near", base: float = 0.6) -> None:
    """Writes a run of one cell with these gains over a baseline that varies a little from seed to seed."""
    n = len(gains)
    levels = around(base, 0.01, n)
    write_run(folder, [cell(source)], n)
    write_arm(folder, BASELINE, levels)
    own = [None if gain is None else level + gain for level, gain in zip(levels, gains, strict=True)]
    write_arm(folder, cell(source).path, own)


def only(folder: Path) -> Verdict:
    """The verdict of a run's one cell."""
    (verdict,) = verdicts(folder)[1]
    return verdict


SHOWN = Verdict(
    source="near",
    source_spec="near",
    target=TARGET,
    dataset="glyphs",
    dataset_spec="glyphs",
    n_train=40,
    method="finetune",
    method_spec="finetune",
    metric="accuracy",
    role="cell",
    family="main",
    verdict="inconclusive",
    confirmed=False,
    provisional=False,
    gain=0.01,
    interval=(-0.01, 0.03),
    interval_level=0.95,
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
    score=0.61,
    baseline_score=0.6,
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
    protocol="plateau",
)


def shown(verdict: str, gain: float | None = 0.01, **changes: Any) -> Verdict:
    """A verdict as a report gets it, the interval two points to either side of the gain; typed as it is labelled."""
    interval = None if gain is None else (gain - 0.02, gain + 0.02)
    typed = {f"{part}_spec": changes[part] for part in ("source", "dataset", "method") if part in changes}
    return replace(SHOWN, **({"verdict": verdict, "gain": gain, "interval": interval} | typed | changes))


def judged_of(found: Sequence[Verdict], run: Run | None = None) -> Judged:
    """A judged run of these verdicts, without records."""
    return Judged(Path("nowhere"), run or run_of([]), [], list(found), [])


def accepted_cell(
    gains: Sequence[float],
    *,
    base: Sequence[float] | None = None,
    path: str = "t/near/finetune",
    role: str = "cell",
    **arm: Any,
) -> Accepted:
    """An accepted file of one cell; `arm` replaces keys of the arm that transfers; equal accuracies are replays."""
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
        metric="accuracy",
        higher_is_better=True,
        root_seed=0,
        settings=run.verdict,
        environment=run.environment,
        engine=run.engine,
        arms={path: _arm_seeds(own, "w", **arm), "t/net/scratch": _arm_seeds(levels, None)},
        cells={path: CellSeeds(**plain)},
    )


def _arm_seeds(score: Sequence[float], source: str | None, **changes: Any) -> ArmSeeds:
    n = len(score)
    plain: dict[str, Any] = {
        "seeds": list(range(n)),
        "score": list(score),
        "area": [value - 0.1 for value in score],
        "replay": [f"{value:.9f}" for value in score],
        "weights": [source] * n,
        "source_accuracy": 0.9 if source else None,
        "seconds": {},
        "data": "d",
        "failed": [],
        "at_chance": [],
    }
    return ArmSeeds(**(plain | changes))
