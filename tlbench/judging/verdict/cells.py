"""Cells with their records in, a verdict for each cell out."""

import math
from collections import defaultdict
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from tlbench.judging import stats
from tlbench.judging.readings import convergence, cost
from tlbench.judging.verdict.axes import CONVERGENCE, FINAL, AxisVerdict, judge_axis, judge_cost
from tlbench.judging.verdict.cell_records import CellRecords
from tlbench.judging.verdict.judge import LEAST_PAIRS
from tlbench.judging.verdict.prediction_cost import prediction_cost
from tlbench.judging.verdict.shown import Verdict
from tlbench.records import Outcome, Record, Scores
from tlbench.runfile import Protocol, Run

REUSED = 0.2  # share of the pool in every draw, above which a second, wider interval is given
Fields: TypeAlias = dict[str, Any]  # some of a verdict's


def judge_cells(run: Run, cells: list[CellRecords]) -> list[Verdict]:
    """The verdict of each cell, judged by family."""
    others = {protocol: _under(run, cells, protocol) for protocol in (cells[0].others if cells else {})}
    verdicts: dict[str, Verdict] = {}
    for group in _families(cells).values():
        final, early = (judge_axis(group, run, axis) for axis in (FINAL, CONVERGENCE))
        for cell, judged, curve, clock in zip(group, final, early, judge_cost(group, run), strict=True):
            if judged is not None:
                verdict = _verdict(cell, judged, curve, run, len(group))
                by_protocol: dict[str, Fields] = {next(iter(cell.plan.baselines)): _brief(judged)}
                by_protocol |= {protocol: briefs[cell.path] for protocol, briefs in others.items()}
                verdicts[cell.path] = replace(verdict, by_protocol=by_protocol, cost=_cost(verdict.cost, clock))
    return [verdicts[cell.path] for cell in cells]


def _families(cells: list[CellRecords]) -> dict[str, list[CellRecords]]:
    """Cells that are corrected for together: those of a family, and all controls."""
    families: dict[str, list[CellRecords]] = defaultdict(list)
    for cell in cells:
        families["control" if cell.plan.role == "control" else f"cell {cell.plan.family}"].append(cell)
    return families


def _under(run: Run, cells: list[CellRecords], protocol: Protocol) -> dict[str, Fields]:
    """Each cell's verdict and gain against the baseline of another budget protocol."""
    briefs = {}
    for group in _families([replace(cell, base=cell.others[protocol]) for cell in cells]).values():
        for cell, judged in zip(group, judge_axis(group, run, FINAL), strict=True):
            if judged is not None:
                briefs[cell.path] = _brief(judged)
    return briefs


def _brief(judged: AxisVerdict) -> Fields:
    interval = list(judged.interval) if judged.n > 1 else None
    return {"verdict": judged.verdict, "gain": judged.mean, "interval": interval}


def _verdict(cell: CellRecords, final: AxisVerdict, early: AxisVerdict | None, run: Run, family: int) -> Verdict:
    target_score = run.target_scores.get(cell.plan.baseline)
    return Verdict(
        **_who(cell, run),
        **_judged(cell, final),
        **_share_hurt(cell),
        **_sureness(cell, final, run, family),
        **_arms(cell),
        **prediction_cost(cell),
        convergence=_convergence(cell, early, target_score),
        cost=cost(cell.own.records, cell.base.records, cell.pairs, target_score),
        by_protocol={},
    )


def _who(cell: CellRecords, run: Run) -> Fields:
    """What the cell is, and what it is for."""
    plan = cell.plan
    return {
        "source": plan.source.label,
        "source_spec": plan.source.spec,
        "target": plan.target.label,
        "dataset": plan.target.dataset,
        "dataset_spec": plan.target.spec,
        "n_train": plan.target.n_train,
        "method": plan.method.label,
        "method_spec": plan.method.spec,
        "metric": run.suite.metric,
        "role": plan.role,
        "family": plan.family,
        "baseline": plan.baseline,
        "expect": plan.expect,
        "unfrozen": plan.method.unfrozen,
    }


def _judged(cell: CellRecords, final: AxisVerdict) -> Fields:
    """How the cell came out on the judged metric."""
    n, expect = len(cell.pairs), cell.plan.expect
    return {
        "verdict": final.verdict,
        "confirmed": final.confirmed,
        "provisional": cell.provisional(),
        "gain": final.mean if n else None,
        "interval": final.interval if n > 1 else None,
        "interval_level": final.level,
        "n_pairs": n,
        "n_planned": cell.planned,
        "p_adjusted": final.p_adjusted,
        "p_harm": final.p_harm,
        "p_benefit": final.p_benefit,
        "as_expected": _as_expected(final.verdict, expect) if n >= LEAST_PAIRS else None,
    }


def _share_hurt(cell: CellRecords) -> Fields:
    """At how many of its seeds the cell lost."""
    gains = cell.own.values(cell.pairs) - cell.base.values(cell.pairs)
    hurt, n = int((gains < 0).sum()), len(gains)
    return {"share_hurt": hurt / n if n else None, "share_hurt_interval": stats.wilson(hurt, n)}


def _sureness(cell: CellRecords, final: AxisVerdict, run: Run, family: int) -> Fields:
    """How noisy the gain is, what that forbids to say, and what more seeds would bring."""
    settings, several = run.verdict, final.n > 1
    first = next((r.outcome for r in cell.own.records.values() if r.status == "done"), Outcome())
    reuse = first.n_train / first.pool
    truth = stats.Truth(final.mean, final.spread, final.tau)
    last_look, last_level = np.array([float(run.looks[-1])]), settings.alpha * run.weights[-1]
    left = stats.verdict_chance(last_look, truth, settings.margin, last_level, family)
    needed = stats.seeds_needed(truth, settings.margin, settings.alpha, family)
    return {
        "wide_interval": _wide(final, settings.margin, reuse) if several and reuse > REUSED else None,
        "spread": final.spread,
        "tau": final.tau,
        "skewness": final.skewness,
        "reuse": reuse,
        "certifiable": settings.margin >= 2 * final.tau,
        "seeds_needed": needed if final.verdict == "inconclusive" and several else None,
        "chance_left": float(left[0]) if several else 1.0,
    }


def _arms(cell: CellRecords) -> Fields:
    """The two arms by themselves, and what is known of the source."""
    own, leak = cell.own.records.values(), [cell.plan.leak.text] if cell.plan.leak else []
    first = next((record.outcome for record in own if record.status == "done"), Outcome())
    return {
        "failed": len(cell.own.failed),
        "baseline_failed": len(cell.base.failed),
        "score": cell.own.mean_score(),
        "baseline_score": cell.base.mean_score(),
        "source_accuracy": first.source_accuracy,
        "similarity": _mean_scores(cell.scores),
        "notes": tuple(dict.fromkeys([*leak, *(note for record in own for note in _notes(record))])),
        "leak": cell.plan.leak and cell.plan.leak.handling,
    }


def _convergence(cell: CellRecords, early: AxisVerdict | None, target_score: float | None) -> Fields | None:
    """The axis's verdict on the area above chance, and the curve's readings beside it; None without curves."""
    shown = convergence(cell.own.records, cell.base.records, cell.pairs, target_score)
    if early is None or shown is None:
        return None
    return shown | {
        "verdict": early.verdict,
        "p_adjusted": early.p_adjusted,
        "area": {"mean": early.mean, "interval": list(early.interval) if early.n > 1 else None},
    }


def _cost(shown: Fields, clock: AxisVerdict | None) -> Fields:
    """The axis's verdict where a timing pass was made: the ratio of the baseline's seconds to the arm's."""
    if clock is None:
        return shown
    ratio = [math.exp(end) for end in clock.interval] if clock.n > 1 else None
    judged = {"estimated": False, "verdict": clock.verdict, "p_adjusted": clock.p_adjusted}
    return shown | judged | {"speedup": math.exp(clock.mean), "speedup_interval": ratio}


def _wide(final: AxisVerdict, margin: float, reuse: float) -> tuple[float, float]:
    spread, n, tau = (np.array(value) for value in (final.spread, float(final.n), final.tau))
    error = stats.standard_error(spread, n, tau, stats.FLOOR * margin, reuse)
    low, high = stats.interval(np.array(final.mean), error, np.array(final.freedom), final.level)
    return float(low), float(high)


def _as_expected(word: str, expect: str | None) -> bool | None:
    """Whether a control came out as it must; None where nothing is demanded or nothing can be said yet."""
    if expect in (None, "any") or word in ("invalid", "unstable"):
        return None
    if expect == "unflagged":
        return word in ("neutral", "inconclusive")
    return word == "negative"


def _mean_scores(scores: dict[int, Record[Scores]]) -> dict[str, float]:
    """Mean over seeds of each similarity that applies."""
    values: dict[str, list[float]] = defaultdict(list)
    for record in scores.values():
        for name, value in record.outcome.scores.items():
            if value is not None:
                values[name].append(value)
    return {name: float(np.mean(own)) for name, own in values.items()}


def _notes(record: Record[Outcome]) -> list[str]:
    failure = record.outcome.failure
    return [f"seed {record.recipe['seed']} failed: {failure}"] if failure else list(record.outcome.notes)
