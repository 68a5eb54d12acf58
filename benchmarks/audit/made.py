"""Runs made up at random in the documented format, with every fault and setting that a verdict must know."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.audit.reading import Numbers, digest

SEEDS = {
    "auto": ((5, 10, 20), (0.2, 0.3, 0.5)),
    "5": ((5,), (1.0,)),
    "10": ((10,), (1.0,)),
    "20": ((20,), (1.0,)),
    "3": ((3,), (1.0,)),
}
FAULTS = ("failed", "collapsed", "partial", "missing", "damaged")
STEPS = [0, 10, 30, 60, 100]


@dataclass(frozen=True)
class Made:
    """What a made run is like; drawn at random where it is not said."""

    pairing: str = "paired"
    seeds: str = "5"
    metric: str = "bits"
    n_items: int = 120
    cells: int = 8
    controls: int = 2
    beside: int = 1
    targets: int = 1
    families: int = 1
    reuse: float = 0.02
    draw: str = "seed"
    protocols: tuple[str, ...] = ("equal_steps",)
    fault_share: float = 0.0
    faults: tuple[str, ...] = FAULTS
    placed: Mapping[str, str] = field(default_factory=dict)  # faults by "path/seed"
    stop: tuple[int, ...] = ()  # the cells' seeds, in turn
    hopeless: bool = False  # a baseline at chance
    timed: bool = False
    machines: int = 1
    leak: bool = False
    uncurved: int = 1  # cells without a curve
    constant: bool = False  # an arm that never changes
    spread: tuple[float, float] = (0.005, 0.05)
    effects: tuple[float, ...] = (0.0, 0.0, -0.03, -0.1, 0.06)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))


def at_random(seed: int) -> Made:
    """Settings of every kind."""
    rng = np.random.default_rng(seed)

    def one(*of: Any) -> Any:
        return of[int(rng.integers(len(of)))]

    return Made(
        pairing=one("paired", "welch"),
        seeds=one("auto", "auto", "5", "10", "20", "3"),
        metric=one("bits", "bits", "floats", "loss"),
        n_items=one(60, 200, 400),
        cells=one(3, 6, 9, 14),
        controls=one(0, 2, 7),
        beside=one(0, 1, 6),
        targets=one(1, 2),
        families=one(1, 2),
        reuse=one(0.02, 0.05, 0.051, 0.2, 0.5, 0.9),
        draw=one("seed", "seed", "all"),
        protocols=one(("equal_steps",), ("plateau", "equal_steps"), ("equal_steps", "plateau"), ("plateau",)),
        fault_share=one(0.0, 0.0, 0.03, 0.1),
        faults=one(FAULTS, ("partial",), ("collapsed",), ("failed",), ("missing", "damaged")),
        hopeless=rng.random() < 0.25,
        timed=rng.random() < 0.50,
        machines=one(1, 1, 1, 2),
        leak=rng.random() < 0.33,
        uncurved=one(0, 1, 3),
        constant=rng.random() < 0.33,
        spread=one((0.005, 0.05), (0.02, 0.02), (0.001, 0.01)),
        effects=one((0.0,), (0.0, 0.0, -0.03, -0.1, 0.06), (-0.2, 0.2)),
        rng=rng,
    )


def packed(values: Numbers) -> str:
    """As results/README.md has it."""
    if np.isin(values, (0, 1)).all():
        return "b" + base64.b64encode(np.packbits(values.astype(bool)).tobytes()).decode()
    return "f" + base64.b64encode(values.astype("<f4").tobytes()).decode()


def measured(kind: str, level: float, hard: Numbers, rng: np.random.Generator) -> dict[str, Any]:
    """A reading of a test split whose items are as hard as `hard` says."""
    n = len(hard)
    own = rng.random(n)
    right = (np.where(rng.random(n) < 0.7, hard, own) < level).astype(float)
    if kind == "bits":
        limit = 0.2 + 3 * math.sqrt(0.2 * 0.8 / n)
        known = {"chance": 0.2, "chance_limit": limit, "higher_is_better": True, "margin": 0.005}
        return {"score": float(right.mean()), "items": packed(right), "n": n, **known}
    values = (level + 0.3 * (hard - 0.5) + 0.1 * rng.standard_normal(n)).astype("<f4").astype(float)
    known = {"chance": 0.2, "chance_limit": 0.25, "higher_is_better": True, "margin": 0.01}
    if kind == "loss":
        values, known = 1.5 - values, {"chance": 1.3, "chance_limit": 1.25, "higher_is_better": False, "margin": 0.02}
    return {"score": float(values.mean()), "items": packed(values), "n": n, **known}


@dataclass
class Arm:
    """An arm: how good it is, how much its seeds differ, what goes wrong with it."""

    path: str
    level: float
    spread: float
    curved: bool = True
    run_on: bool = False
    chance: bool = False


class Maker:
    """Writes a made run into a folder."""

    def __init__(self, folder: Path, made: Made) -> None:
        self.folder, self.made, self.rng = folder, made, made.rng
        self.looks, self.weights = SEEDS[made.seeds]
        self.surplus = 2 if made.pairing == "welch" else 1
        self.cells: list[dict[str, Any]] = []
        self.hard: dict[str, Numbers] = {}
        self.shifts: dict[tuple[str, int], float] = {}
        self.curves: dict[tuple[str, int], dict[str, Any]] = {}
        self.timings: dict[str, tuple[float, int]] = {}

    def write(self) -> None:
        """The whole run."""
        for i in range(self.made.targets):
            target = f"made-{i}"
            self.hard[target] = self.rng.random(self.made.n_items)
            self._target(target, self.made.hopeless and i == 0)
        margin = {"bits": 0.005, "floats": 0.01, "loss": 0.02}[self.made.metric]
        settings = {"alpha": 0.05, "margin": margin, "convergence_margin": 0.01, "cost_margin": 0.1}
        plan = {
            "schema_version": 3,
            "suite": {"name": "made", "protocols": self.made.protocols, "seeds": self.looks[0]},
            "looks": self.looks,
            "weights": self.weights,
            "verdict": settings | {"pairing": self.made.pairing},
            "cells": self.cells,
        }
        (self.folder / "run.json").write_text(json.dumps(plan))

    def _target(self, target: str, hopeless: bool) -> None:
        level = float(self.rng.uniform(0.55, 0.75))
        most = self.looks[-1] if len(self.looks) > 1 else self.looks[0]
        baselines = {}
        for protocol in self.made.protocols:
            path = f"{target}/net/scratch{'-plateau' if protocol == 'plateau' else ''}"
            better = 0.03 * (protocol == "plateau")
            self._trials(Arm(path, level + better, 0.02, chance=hopeless), most * self.surplus)
            baselines[protocol] = path
        roles = ["cell"] * self.made.cells + ["control"] * self.made.controls + ["beside"] * self.made.beside
        for i, role in enumerate(roles):
            self._cell(target, i, role, level, baselines)

    def _cell(self, target: str, i: int, role: str, level: float, baselines: Mapping[str, str]) -> None:
        made, rng = self.made, self.rng
        arm = Arm(
            f"{target}/source-{i}/finetune",
            min(0.95, level + float(rng.choice(made.effects))),
            0.0 if made.constant and i == 0 else float(rng.uniform(*made.spread)),
            curved=i >= made.uncurved,
            run_on="plateau" in made.protocols and bool(rng.random() < 0.5),
            chance=bool(rng.random() < 0.05),
        )
        seeds = self.looks[0]
        if role == "cell":
            seeds = made.stop[i % len(made.stop)] if made.stop else int(rng.choice(self.looks))
        leak = {"handling": "invalid", "text": "seen"} if made.leak and i == 1 else None
        if leak is None:
            self._trials(arm, seeds)
        method = {"label": "finetune", "unfrozen": 3 if arm.curved else None}
        named = {"source": {"label": f"source-{i}"}, "method": method}
        about = {"label": target, "dataset": "made", "n_train": 20, "pool": 1000, "draw": made.draw}
        family = f"family-{i % made.families}" if role == "cell" else role
        known = {"role": role, "family": family, "expect": "any" if role == "control" else None, "leak": leak}
        budgets = {"baseline": baselines[made.protocols[0]], "baselines": dict(baselines)}
        self.cells.append({"path": arm.path, "seeds": seeds, "target": about, **budgets, **known, **named})

    def _trials(self, arm: Arm, n: int) -> None:
        for seed in range(n):
            fault = self.made.placed.get(f"{arm.path}/{seed}", "")
            if self.rng.random() < self.made.fault_share:
                fault = str(self.rng.choice(self.made.faults))
            outcome = self._outcome(arm, seed, fault)
            if fault != "missing":
                self._record(arm, f"seed-{seed}.json", "trial", outcome, damaged=fault == "damaged")
            if self.made.timed and seed < self.looks[0]:
                self._record(arm, f"timing-{seed}.json", "timing", outcome)

    def _outcome(self, arm: Arm, seed: int, fault: str) -> dict[str, Any]:
        if fault == "failed":
            return {"failure": "out of memory"}
        target = arm.path.split("/")[0]
        shift = self.shifts.setdefault((target, seed), float(self.rng.normal(0, 0.015)))
        level = arm.level + shift * (arm.spread > 0) + float(self.rng.normal(0, 1)) * arm.spread
        level = 0.18 if arm.chance or fault == "collapsed" else level - 0.15 * (fault == "partial")
        loss = float(self.rng.uniform(0.1, 0.12)) + 2.0 * (fault in {"partial", "collapsed"})
        rng = np.random.default_rng(0) if arm.spread == 0 else self.rng
        hard = self.hard[target]
        held = {"accuracy": measured(self.made.metric, level + 0.02 * arm.run_on, hard, rng)}
        within = {"accuracy": measured(self.made.metric, level, hard, rng)} if arm.run_on else {}
        rise = [0.2, 0.5, 0.8, 0.95, 1.0]
        scores = [level * r + float(rng.normal(0, 0.01)) for r in rise]
        losses = [None, 1.0, 0.8, 0.3, loss]
        curve = {"steps": STEPS, "train_loss": losses, "validation_score": scores}
        if "scratch" in arm.path:  # within the suite's budget all protocols are one
            curve = self.curves.setdefault((target, seed), curve)
        sizes = {"n_train": round(1000 * self.made.reuse), "n_validation": 50, "pool": 1000}
        return {
            "failure": None,
            "metric": "accuracy",
            "measured": held,
            "within": within,
            "run_on": 1 + arm.run_on,
            "train_loss": losses[-1] if arm.curved else None,
            "validation_chance": 0.2,
            "curve": curve if arm.curved else None,
            "steps": 100,
            **sizes,
        }

    def _record(self, arm: Arm, name: str, kind: str, outcome: Mapping[str, Any], damaged: bool = False) -> None:
        recipe = {"arm": arm.path, "seed": int(name.removesuffix(".json").rpartition("-")[2])}
        drawn = float(self.rng.normal(0, 0.02)), int(self.rng.integers(self.made.machines))
        noise, machine_no = self.timings.setdefault(f"{arm.path.removesuffix('-plateau')}/{name}", drawn)
        seconds = 10.0 * math.exp(noise) * (1.5 if "source-2" in arm.path else 1.0)
        machine = {"fingerprint": f"machine-{machine_no}"}
        plain = {
            "kind": kind,
            "status": "done" if outcome["failure"] is None else "failed",
            "recipe": recipe,
            "outcome": outcome,
            "timing": {
                "seconds": seconds,
                "grid_seconds": seconds,
                "curve_seconds": [seconds * s / 100 for s in STEPS],
            },
            "environment": {"machine": machine},
            "schema_version": 3,
            "recipe_digest": digest(recipe),
            "outcome_digest": digest(outcome) if not damaged else "0",
        }
        path = self.folder / arm.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(plain))


def make(folder: Path, made: Made, seed: int | None = None) -> Path:
    """Writes a made run; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    Maker(folder, made if seed is None else replace(made, rng=np.random.default_rng(seed))).write()
    return folder
