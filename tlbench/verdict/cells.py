"""A run's verdicts: `run.json` and records in, a verdict for each cell out."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlbench import stats
from tlbench.readings import convergence, cost, reach
from tlbench.records import Record, read_record, read_run, unpack_bits
from tlbench.verdict.judge import LEAST_PAIRS, Evidence, Judgement, evidence, judge
from tlbench.verdict.screen import Side, screen

REUSED = 0.2  # share of the pool in every draw, above which a second, wider interval is given


@dataclass(frozen=True)
class Verdict:
    """A cell's verdict with all that must be shown beside it; accuracies and gains in [-1, 1], fields as in --json."""

    source: str
    target: str
    dataset: str
    n_train: int
    method: str
    role: str
    family: str
    verdict: str
    confirmed: bool
    provisional: bool
    gain: float | None
    interval: tuple[float, float] | None
    wide_interval: tuple[float, float] | None
    n_pairs: int
    n_planned: int
    p_adjusted: float
    p_harm: float
    p_benefit: float
    share_hurt: float | None
    share_hurt_interval: tuple[float, float]
    spread: float
    tau: float
    skewness: float
    reuse: float
    certifiable: bool
    seeds_needed: int | None
    failed: int
    baseline_failed: int
    accuracy: float | None
    baseline_accuracy: float | None
    baseline: str
    expect: str | None
    as_expected: bool | None
    unfrozen: int | None
    source_accuracy: float | None
    similarity: dict[str, float]
    convergence: dict[str, Any] | None
    cost: dict[str, Any]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class _Held:
    cell: dict[str, Any]
    own: Side
    base: Side
    scores: dict[int, Record]

    @property
    def pairs(self) -> list[int]:
        return sorted((set(self.own.records) - self.own.failed) & (set(self.base.records) - self.base.failed))

    def screened(self) -> str:
        if self.base.at_chance():
            return "invalid"
        return "unstable" if self.own.unstable() or self.base.unstable() else ""

    def tau(self) -> float:
        rights = [
            np.array([unpack_bits(o["correct"], o["n_test"]) for o in (s.records[i].outcome for i in self.pairs)])
            for s in (self.own, self.base)
        ]
        return stats.item_noise(*rights) if len(self.pairs) > 1 else 0.0


def verdicts(folder: Path) -> tuple[dict[str, Any], list[Verdict]]:
    """A run's `run.json` and the verdict of each of its cells, judged by family.

    Raises:
        TlbenchError: the folder holds no run.
    """
    run = read_run(folder)
    held = _read_cells(folder, run)
    if not run.get("reach"):
        run["reach"] = {h.cell["baseline"]: reach(h.base.records) for h in held}
    families: dict[str, list[_Held]] = defaultdict(list)
    for one in held:
        families[one.cell["role"] + one.cell["family"]].append(one)
    judged = {id(one): verdict for group in families.values() for one, verdict in _judge_family(group, run)}
    return run, [judged[id(one)] for one in held]


def _read_cells(folder: Path, run: dict[str, Any]) -> list[_Held]:
    seeds = range(run["seeds"])

    def records(path: str) -> dict[int, Record]:
        found = {seed: read_record(folder / path / f"seed-{seed}.json") for seed in seeds}
        return {seed: record for seed, record in found.items() if record is not None}

    arms: dict[str, dict[int, Record]] = {}
    for cell in run["cells"]:
        for path in (cell["path"], cell["baseline"]):
            if path not in arms:
                arms[path] = records(path)
    sides = screen(arms)
    scores = {c["path"]: records(f"{c['target']['label']}/{c['source']['label']}/similarity") for c in run["cells"]}
    return [_Held(c, sides[c["path"]], sides[c["baseline"]], scores[c["path"]]) for c in run["cells"]]


def _judge_family(group: list[_Held], run: dict[str, Any]) -> list[tuple[_Held, Verdict]]:
    settings, n_seeds = run["verdict"], run["seeds"]
    sides = np.full((2, len(group), n_seeds), np.nan)
    for row, held in enumerate(group):
        for side, arm in enumerate((held.own, held.base)):
            sides[side, row, held.pairs] = arm.accuracies(held.pairs)
    tau = np.array([held.tau() for held in group])
    seen = evidence(sides[0], sides[1], tau, welch=settings["pairing"] == "welch")
    screened = np.array([held.screened() for held in group])
    found = judge(seen, settings["alpha"], settings["margin"], screened)
    return [(held, _verdict(held, seen, found, row, run)) for row, held in enumerate(group)]


def _verdict(held: _Held, seen: Evidence, found: Judgement, row: int, run: dict[str, Any]) -> Verdict:
    cell, pairs, settings = held.cell, held.pairs, run["verdict"]
    word, n = str(found.verdict[row]), len(pairs)
    gains = held.own.accuracies(pairs) - held.base.accuracies(pairs)
    hurt = int((gains < 0).sum())
    outcome: dict[str, Any] = next((r.outcome for r in held.own.records.values() if r.status == "done"), {})
    f = outcome.get("n_train", 0) / outcome.get("pool", 1)
    mean, spread, noise = (float(a[row]) for a in (seen.mean, seen.spread, seen.tau))
    needed = stats.seeds_needed(mean, spread, noise, settings["margin"], settings["alpha"], family=len(found.verdict))
    planned = set(range(run["seeds"]))
    notes = tuple(note for note in dict.fromkeys(n for r in held.own.records.values() for n in _notes(r)))
    return Verdict(
        source=cell["source"]["label"],
        target=cell["target"]["label"],
        dataset=cell["target"]["dataset"],
        n_train=cell["target"]["n_train"],
        method=cell["method"]["label"],
        role=cell["role"],
        family=cell["family"],
        verdict=word,
        confirmed=bool(found.confirmed[row]),
        provisional=not (planned <= set(held.own.records) and planned <= set(held.base.records)),
        gain=mean if n else None,
        interval=(float(found.low[row]), float(found.high[row])) if n > 1 else None,
        wide_interval=_wide(seen, row, settings, f) if n > 1 and f > REUSED else None,
        n_pairs=n,
        n_planned=run["seeds"],
        p_adjusted=float(min(found.p_harm[row], found.p_benefit[row])),
        p_harm=float(found.p_harm[row]),
        p_benefit=float(found.p_benefit[row]),
        share_hurt=hurt / n if n else None,
        share_hurt_interval=stats.wilson(hurt, n),
        spread=spread,
        tau=noise,
        skewness=float(seen.skewness[row]),
        reuse=f,
        certifiable=settings["margin"] >= 2 * noise,
        seeds_needed=needed if word == "inconclusive" and n > 1 else None,
        failed=len(held.own.failed),
        baseline_failed=len(held.base.failed),
        accuracy=held.own.mean(),
        baseline_accuracy=held.base.mean(),
        baseline=cell["baseline"],
        expect=cell["expect"],
        as_expected=_as_expected(word, cell["expect"]) if n >= LEAST_PAIRS else None,
        unfrozen=cell["method"]["unfrozen"],
        source_accuracy=outcome.get("source_accuracy"),
        similarity=_mean_scores(held.scores),
        convergence=convergence(held.own.records, held.base.records, pairs, run["reach"].get(cell["baseline"])),
        cost=cost(held.own.records, held.base.records, pairs),
        notes=notes,
    )


def _wide(seen: Evidence, row: int, settings: dict[str, Any], f: float) -> tuple[float, float]:
    error = stats.standard_error(seen.spread[row], seen.n[row], seen.tau[row], settings["margin"], f)
    low, high = stats.interval(seen.mean[row], error, seen.freedom[row], 1 - settings["alpha"])
    return float(low), float(high)


def _as_expected(word: str, expect: str | None) -> bool | None:
    """Whether a control came out as it must; None where nothing is demanded or nothing can be said yet."""
    if expect in (None, "any") or word in ("invalid", "unstable"):
        return None
    if expect == "unflagged":
        return word in ("neutral", "inconclusive")
    return word == "negative"


def _mean_scores(scores: dict[int, Record]) -> dict[str, float]:
    """Mean over seeds of each similarity that applies."""
    values: dict[str, list[float]] = defaultdict(list)
    for record in scores.values():
        for name, value in record.outcome.get("scores", {}).items():
            if value is not None:
                values[name].append(value)
    return {name: float(np.mean(found)) for name, found in values.items()}


def _notes(record: Record) -> list[str]:
    failure = record.outcome.get("failure")
    seed = record.recipe["seed"]
    return [f"seed {seed} failed: {failure}"] if failure else [str(note) for note in record.outcome.get("notes", [])]
