"""Records and plans read with plain json: what a trial scored, its loss, its curve's area, its seconds."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
READABLE = (2, 3)


@dataclass(frozen=True)
class Trial:
    """A trial under one protocol; scores, chance and items grow better, whatever the metric's direction.

    score is None where there is no result. loss: the final one of training, None for an arm that is not trained.
    """

    score: float | None = None
    items: Numbers | None = None
    chance: float = 0.0
    lucky: bool = False  # no better than what luck reaches
    trained: bool = False
    loss: float | None = None
    area: float | None = None
    reuse: float = 0.0

    @property
    def diverged(self) -> bool:
        """No result; a trial whose loss was not finite is recorded so."""
        return self.score is None


def unpacked(text: str, n: int) -> Numbers:
    """The contributions of n items."""
    raw = base64.b64decode(text[1:])
    if text.startswith("b"):
        return np.unpackbits(np.frombuffer(raw, np.uint8))[:n].astype(float)
    return np.frombuffer(raw, "<f4")[:n].astype(float)


def digest(plain: Any) -> str:
    """As results/README.md has it."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def sound(path: Path) -> dict[str, Any] | None:
    """A record, None where it is missing or damaged."""
    try:
        plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        agrees = all(plain[f"{part}_digest"] == digest(plain[part]) for part in ("recipe", "outcome"))
        return plain if agrees and plain["schema_version"] in READABLE else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def area_of(curve: Mapping[str, Any], chance: float) -> float:
    """Mean validation score over the budget, above chance."""
    steps, scores = np.array(curve["steps"], float), np.array(curve["validation_score"], float)
    if not steps[-1]:
        return float(scores[-1]) - chance
    return float(np.sum(np.diff(steps) * (scores[1:] + scores[:-1]) / 2) / steps[-1]) - chance


def trial_of(record: Mapping[str, Any], beyond: bool) -> Trial:
    """What is judged of a record: `beyond` the suite's budget, where it was run on, or within it."""
    outcome = record["outcome"]
    if record["status"] == "failed" or outcome.get("failure") is not None:
        return Trial()
    inner = {} if beyond else outcome.get("within") or {}
    held = inner.get(outcome["metric"]) or outcome["measured"][outcome["metric"]]
    sign = 1.0 if held["higher_is_better"] else -1.0
    curve = outcome.get("curve")
    last = curve["train_loss"][-1] if curve else None
    loss = last if inner else outcome.get("train_loss", last)
    return Trial(
        sign * held["score"],
        sign * unpacked(held["items"], held["n"]),
        sign * held["chance"],
        sign * held["score"] <= sign * held["chance_limit"],
        curve is not None,
        last if loss is None else loss,
        area_of(curve, outcome["validation_chance"]) if curve else None,
        outcome["n_train"] / outcome["pool"],
    )


class Folder:
    """A run's folder: its plan, and its records as they are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan: dict[str, Any] = json.loads((path / "run.json").read_text(encoding="utf-8"))
        self._kept: dict[Path, dict[str, Any] | None] = {}

    def record(self, arm: str, name: str) -> dict[str, Any] | None:
        """A sound record of an arm, by its file's name."""
        path = self.path / arm / name
        if path not in self._kept:
            self._kept[path] = sound(path)
        return self._kept[path]

    def trials(self, arm: str, n: int, beyond: bool) -> dict[int, Trial]:
        """The trials of an arm's first n seeds that were run."""
        found = {seed: self.record(arm, f"seed-{seed}.json") for seed in range(n)}
        return {seed: trial_of(record, beyond) for seed, record in found.items() if record is not None}

    def seconds(self, arm: str, n: int) -> dict[int, tuple[str, float]]:
        """By seed, the machine's fingerprint and the log of seconds of an arm's timing pass."""
        found = {seed: self.record(arm, f"timing-{seed}.json") for seed in range(n)}
        return {
            seed: (record["environment"]["machine"]["fingerprint"], math.log(record["timing"]["seconds"]))
            for seed, record in found.items()
            if record is not None and record["status"] == "done" and record["timing"]["seconds"] > 0
        }
