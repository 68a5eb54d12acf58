"""Cells with their records in, a verdict for each cell out."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from tlbench.judging import chances, stats
from tlbench.judging.readings import convergence, cost
from tlbench.judging.verdict.arm import Arm
from tlbench.judging.verdict.axes import CONVERGENCE, FINAL, AxisVerdict, judge_axis, judge_cost
from tlbench.judging.verdict.cell_records import CellRecords
from tlbench.judging.verdict.judge import LEAST_PAIRS
from tlbench.judging.verdict.others import others_of
from tlbench.judging.verdict.prediction_cost import prediction_cost
from tlbench.judging.verdict.shown import Verdict
from tlbench.records import Outcome, Record, Scores
from tlbench.runfile import Protocol, Run

Fields: TypeAlias = dict[str, Any]  # some of a verdict's


def judge_cells(run: Run, cells: list[CellRecords]) -> list[Verdict]:
    """The verdict of each cell, judged by family."""
    others = {protocol: _under(run, cells, protocol) for protocol in (cells[0].others if cells else {})}
    verdicts: dict[str, Verdict] = {}
    for group in _families(cells).values():
        final, clock = judge_axis(group, run, FINAL), judge_cost(group, run)
        early = judge_axis([cell.within_budget() for cell in group], run, CONVERGENCE)
        shrunken = _shrunken(final)
        for cell, judged, curve, timed, drawn in zip(group, final, early, clock, shrunken, strict=True):
            if judged is not None:
                verdict = _verdict(cell, judged, curve, run, len(group))
                by_protocol: dict[str, Fields] = {next(iter(cell.plan.baselines)): _brief(judged)}
                by_protocol |= {protocol: briefs[cell.path] for protocol, briefs in others.items()}
                cost = _cost(verdict.cost, timed)
                verdicts[cell.path] = replace(verdict, by_protocol=by_protocol, cost=cost, shrunken=drawn)
    return [verdicts[cell.path] for cell in cells]


def _shrunken(final: Sequence[AxisVerdict | None]) -> list[float | None]:
    """Each cell's gain drawn towards its family's, None where it has no error to be weighed by."""
    known = [judged for judged in final if judged is not None and judged.n > 1]
    gains, errors = (np.array([getattr(judged, name) for judged in known]) for name in ("mean", "error"))
    drawn = iter(stats.shrunken(gains, errors))
    return [float(next(drawn)) if judged is not None and judged.n > 1 else None for judged in final]


def _families(cells: list[CellRecords]) -> dict[str, list[CellRecords]]:
    """Cells that are corrected for together: those of a family, all controls, all that only stand beside others."""
    families: dict[str, list[CellRecords]] = defaultdict(list)
    for cell in cells:
        families[cell.plan.role if cell.plan.role != "cell" else f"cell {cell.plan.family}"].append(cell)
    return families


def _under(run: Run, cells: list[CellRecords], protocol: Protocol) -> dict[str, Fields]:
    """Each cell's verdict and gain against the baseline of another budget protocol."""
    briefs = {}
    there = [replace(c, own=c.others[protocol][0], base=c.others[protocol][1]) for c in cells]
    for group in _families(there).values():
        for cell, judged in zip(group, judge_axis(group, run, FINAL), strict=True):
            if judged is not None:
                briefs[cell.path] = _brief(judged)
    return briefs


def _brief(judged: AxisVerdict) -> Fields:
    interval = list(judged.interval) if judged.n > 1 else None
    return {"verdict": judged.verdict, "gain": judged.mean, "interval": interval}


def _verdict(cell: CellRecords, final: AxisVerdict, early: AxisVerdict | None, run: Run, family: int) -> Verdict:
    target_score, within = run.target_scores.get(cell.plan.baseline), cell.within_budget()
    return Verdict(
        **_who(cell, run),
        **_judged(cell, final),
        **_share_hurt(cell),
        **_sureness(final, run, family),
        **_limits(cell, final, run),
        **_arms(cell),
        **prediction_cost(cell),
        convergence=_convergence(within, early, target_score),
        cost=cost(within.own.records, within.base.records, within.pairs, target_score),
        by_protocol={},
        others=others_of(cell),
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
    n, expect = final.pairs, cell.plan.expect
    return {
        "verdict": final.verdict,
        "confirmed": final.confirmed,
        "provisional": cell.provisional(),
        "gain": final.mean if min(final.n, final.m) else None,
        "interval": final.interval if min(final.n, final.m) > 1 else None,
        "interval_level": final.level,
        "pooled": final.pooled,
        "n_pairs": n,
        "n_own": final.n,
        "n_base": final.m,
        "n_planned": cell.planned,
        "p_adjusted": final.p_adjusted,
        "p_harm": final.p_harm,
        "p_benefit": final.p_benefit,
        "as_expected": _as_expected(final.verdict, expect) if min(final.n, final.m) >= LEAST_PAIRS else None,
    }


def _share_hurt(cell: CellRecords) -> Fields:
    """At how many of its seeds the cell lost."""
    gains = cell.own.values(cell.pairs) - cell.base.values(cell.pairs)
    hurt, n = int((gains < 0).sum()), len(gains)
    return {"share_hurt": hurt / n if n else None, "share_hurt_interval": stats.wilson(hurt, n)}


def _sureness(final: AxisVerdict, run: Run, family: int) -> Fields:
    """How noisy the gain is, what that forbids to say, and what more seeds would bring."""
    settings, several = run.verdict, min(final.n, final.m) > 1
    truth = chances.Truth(final.mean, final.spread, final.tau, final.base_spread, settings.surplus, final.prior)
    last_look, last_level = np.array([float(run.looks[-1])]), settings.alpha * run.weights[-1]
    left = chances.verdict_chance(last_look, truth, settings.margin, last_level, family)
    needed = chances.seeds_needed(truth, settings.margin, settings.alpha, family)
    return {
        "spread": final.spread,
        "tau": final.tau,
        "skewness": final.skewness,
        "certifiable": settings.margin >= 2 * final.tau,
        "seeds_needed": needed if final.verdict == "inconclusive" and several else None,
        "chance_left": float(left[0]) if several else 1.0,
        "sees": final.sees if several else None,
    }


def _limits(cell: CellRecords, final: AxisVerdict, run: Run) -> Fields:
    """What the verdict is about, and what it leans on."""
    own, base = cell.own.values(cell.pairs), cell.base.values(cell.pairs)
    varied = len(own) > 2 and own.std() > 0 and base.std() > 0
    own_spread, base_spread = (_spread(arm.values(seeds)) for arm, seeds in _sides(cell))
    return {
        "protocol": next(iter(cell.plan.baselines)),
        "pairing": run.verdict.pairing,
        "own_spread": own_spread,
        "base_spread": base_spread,
        "pair_spread": final.pair_spread,
        "prior": final.prior,
        "correlation": float(np.corrcoef(own, base)[0, 1]) if varied else None,
        "reuse": cell.reuse,
        "draw": cell.plan.target.draw,
        "checkpoint": not cell.plan.source.varies and bool(cell.plan.source.spec),
        "at_edge": cell.own.mostly_at_edge(),
        "baseline_at_edge": cell.base.mostly_at_edge(),
        "left_out": _left_out(cell),
        "split": cell.split(),
    }


def _sides(cell: CellRecords) -> tuple[tuple[Arm, list[int]], ...]:
    return (cell.own, cell.own_seeds), (cell.base, cell.base_seeds)


def _spread(values: stats.Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _left_out(cell: CellRecords) -> tuple[str, ...]:
    """Which trials are not judged, and why."""
    sides = ("", cell.own, cell.planned), ("scratch ", cell.base, cell.surplus * cell.planned)
    return tuple(
        f"{side}seed {seed}: {why}" for side, arm, n in sides for seed, why in sorted(arm.failed.items()) if seed < n
    )


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
        "labelled": first.n_train + first.n_validation,
        "run_on": _mean_factor(cell.own),
        "baseline_run_on": _mean_factor(cell.base),
    }


def _mean_factor(arm: Arm) -> float | None:
    """By which factor an arm was trained beyond the suite's budget, on average."""
    factors = [arm.records[seed].outcome.run_on for seed in arm.good]
    return float(np.mean(factors)) if factors else None


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
