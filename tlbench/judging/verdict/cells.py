"""Cells with their records in, a verdict for each cell out."""

import math
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tlbench.judging import stats
from tlbench.judging.readings import convergence, cost
from tlbench.judging.verdict.axes import ACCURACY, CONVERGENCE, Finding, judge_axis, judge_cost
from tlbench.judging.verdict.held import Held
from tlbench.judging.verdict.judge import LEAST_PAIRS
from tlbench.records import Record

FUTILE = 0.1  # chance of any verdict by the last look, below which a cell gets no more seeds
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
    interval_level: float
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
    chance_left: float
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
    by_protocol: dict[str, dict[str, Any]]
    notes: tuple[str, ...]

    def may_be_decided(self) -> bool:
        """Whether more seeds are worth their time: not decided yet, and not hopeless by the last look."""
        return self.verdict in ("inconclusive", "unstable") and self.chance_left >= FUTILE

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def judge_cells(run: dict[str, Any], held: list[Held]) -> list[Verdict]:
    """The verdict of each cell, judged by family."""
    others = {protocol: _under(run, held, protocol) for protocol in (held[0].others if held else {})}
    judged: dict[int, Verdict] = {}
    for group in _families(held).values():
        final, early = (judge_axis(group, run, axis) for axis in (ACCURACY, CONVERGENCE))
        for one, accuracy, curve, clock in zip(group, final, early, judge_cost(group, run), strict=True):
            if accuracy is not None:
                found = _verdict(one, accuracy, curve, run, len(group))
                by_protocol = {next(iter(one.cell["baselines"])): _brief(accuracy)}
                by_protocol |= {protocol: cells[one.cell["path"]] for protocol, cells in others.items()}
                judged[id(one)] = replace(found, by_protocol=by_protocol, cost=_cost(found.cost, clock))
    return [judged[id(one)] for one in held]


def _families(held: list[Held]) -> dict[str, list[Held]]:
    """Cells that are corrected for together: those of a family, and all controls."""
    families: dict[str, list[Held]] = defaultdict(list)
    for one in held:
        families["control" if one.cell["role"] == "control" else f"cell {one.cell['family']}"].append(one)
    return families


def _under(run: dict[str, Any], held: list[Held], protocol: str) -> dict[str, dict[str, Any]]:
    """Each cell's verdict and gain against the baseline of another budget protocol."""
    found = {}
    for group in _families([replace(one, base=one.others[protocol]) for one in held]).values():
        for one, finding in zip(group, judge_axis(group, run, ACCURACY), strict=True):
            if finding is not None:
                found[one.cell["path"]] = _brief(finding)
    return found


def _brief(finding: Finding) -> dict[str, Any]:
    interval = list(finding.interval) if finding.n > 1 else None
    return {"verdict": finding.verdict, "gain": finding.mean, "interval": interval}


def _verdict(held: Held, found: Finding, early: Finding | None, run: dict[str, Any], family: int) -> Verdict:
    cell, pairs, settings = held.cell, held.pairs, run["verdict"]
    gains = [held.own.records[i].outcome["accuracy"] - held.base.records[i].outcome["accuracy"] for i in pairs]
    hurt, n = sum(gain < 0 for gain in gains), len(pairs)
    outcome: dict[str, Any] = next((r.outcome for r in held.own.records.values() if r.status == "done"), {})
    f = outcome.get("n_train", 0) / outcome.get("pool", 1)
    truth, margin = stats.Truth(found.mean, found.spread, found.tau), settings["margin"]
    level = settings["alpha"] * run["weights"][-1]
    left = stats.verdict_chance(np.array([float(run["looks"][-1])]), truth, margin, level, family)
    needed = stats.seeds_needed(truth, margin, settings["alpha"], family)
    return Verdict(
        source=cell["source"]["label"],
        target=cell["target"]["label"],
        dataset=cell["target"]["dataset"],
        n_train=cell["target"]["n_train"],
        method=cell["method"]["label"],
        role=cell["role"],
        family=cell["family"],
        verdict=found.verdict,
        confirmed=found.confirmed,
        provisional=held.provisional(),
        gain=found.mean if n else None,
        interval=found.interval if n > 1 else None,
        interval_level=found.level,
        wide_interval=_wide(found, margin, f) if n > 1 and f > REUSED else None,
        n_pairs=n,
        n_planned=held.planned,
        p_adjusted=found.p_adjusted,
        p_harm=found.p_harm,
        p_benefit=found.p_benefit,
        share_hurt=hurt / n if n else None,
        share_hurt_interval=stats.wilson(hurt, n),
        spread=found.spread,
        tau=found.tau,
        skewness=found.skewness,
        reuse=f,
        certifiable=margin >= 2 * found.tau,
        seeds_needed=needed if found.verdict == "inconclusive" and n > 1 else None,
        chance_left=float(left[0]) if n > 1 else 1.0,
        failed=len(held.own.failed),
        baseline_failed=len(held.base.failed),
        accuracy=held.own.mean(),
        baseline_accuracy=held.base.mean(),
        baseline=cell["baseline"],
        expect=cell["expect"],
        as_expected=_as_expected(found.verdict, cell["expect"]) if n >= LEAST_PAIRS else None,
        unfrozen=cell["method"]["unfrozen"],
        source_accuracy=outcome.get("source_accuracy"),
        similarity=_mean_scores(held.scores),
        convergence=_convergence(held, early, run),
        cost=cost(held.own.records, held.base.records, pairs, run["reach"].get(cell["baseline"])),
        by_protocol={},
        notes=tuple(dict.fromkeys(note for r in held.own.records.values() for note in _notes(r))),
    )


def _convergence(held: Held, early: Finding | None, run: dict[str, Any]) -> dict[str, Any] | None:
    """The axis's verdict on the area above chance, and the curve's readings beside it; None without curves."""
    shown = convergence(held.own.records, held.base.records, held.pairs, run["reach"].get(held.cell["baseline"]))
    if early is None or shown is None:
        return None
    return shown | {
        "verdict": early.verdict,
        "p_adjusted": early.p_adjusted,
        "area": {"mean": early.mean, "interval": list(early.interval) if early.n > 1 else None},
    }


def _cost(shown: dict[str, Any], clock: Finding | None) -> dict[str, Any]:
    """The axis's verdict where a timing pass was made: the ratio of the baseline's seconds to the arm's."""
    if clock is None:
        return shown
    ratio = [math.exp(end) for end in clock.interval] if clock.n > 1 else None
    judged = {"estimated": False, "verdict": clock.verdict, "p_adjusted": clock.p_adjusted}
    return shown | judged | {"speedup": math.exp(clock.mean), "speedup_interval": ratio}


def _wide(found: Finding, margin: float, f: float) -> tuple[float, float]:
    spread, n, tau = (np.array(value) for value in (found.spread, float(found.n), found.tau))
    error = stats.standard_error(spread, n, tau, stats.FLOOR * margin, f)
    low, high = stats.interval(np.array(found.mean), error, np.array(found.freedom), found.level)
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
