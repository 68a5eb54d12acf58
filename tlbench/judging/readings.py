"""Readings of the two axes beside the final score, from records: convergence and cost, paired like the gain."""

from dataclasses import replace
from typing import Any

import numpy as np

from tlbench.curve import LearningCurve
from tlbench.judging import stats
from tlbench.records import Outcome, Record

REACHED = 0.95  # of the baseline's final validation score: the target of "steps to target"
IMPROVING = 2  # of the metric's margin: a rise over the last quarter of the budget beyond which it was too short
FIRST = 5  # baseline seeds that set it


def curve_of(record: Record[Outcome]) -> LearningCurve | None:
    """A record's learning curve with its seconds; None where the arm has none."""
    curve = record.outcome.curve
    return curve and replace(curve, seconds=record.timing.curve_seconds or (0.0,) * len(curve.steps))


def target_score(baseline: dict[int, Record[Outcome]]) -> float | None:
    """The validation score to be reached: nearly the mean final one of the first five baseline seeds.

    Below zero, as a loss is that was turned round, nearly all of the way there from a guess; None where that is none.
    """
    first = [baseline[seed] for seed in sorted(baseline)[:FIRST] if baseline[seed].status == "done"]
    final = [
        (curve.validation_score[-1], made.outcome.validation_chance) for made in first if (curve := curve_of(made))
    ]
    if not final:
        return None
    mean, chance = (float(value) for value in np.mean(final, 0))
    if mean >= 0:
        return REACHED * mean
    return chance + REACHED * (mean - chance) if mean > chance else None


def convergence(
    own: dict[int, Record[Outcome]], base: dict[int, Record[Outcome]], pairs: list[int], target: float | None
) -> dict[str, Any] | None:
    """Paired differences of the learning curves' readings; None where an arm has no curve.

    area, jumpstart, asymptote: mean difference in validation score with its 95 % t interval; slope: the same, per
    thousand steps; log2_speedup: median paired log2 of baseline steps over own steps to `target` (null: infinite), with
    how many of the pairs are censored.
    """
    curves = [(curve_of(own[seed]), curve_of(base[seed]), own[seed].outcome) for seed in pairs]
    both = [(a, b, outcome.validation_chance) for a, b, outcome in curves if a is not None and b is not None]
    rise = IMPROVING * curves[0][2].judged.margin if both else 0.0
    if not both:
        return None
    readings: dict[str, Any] = _differences(
        area=[a.area(p) - b.area(p) for a, b, p in both],
        jumpstart=[a.jumpstart() - b.jumpstart() for a, b, _ in both],
        slope=[a.slope() - b.slope() for a, b, _ in both],
        asymptote=[a.asymptote() - b.asymptote() for a, b, _ in both],
    )
    readings["baseline_still_improving"] = float(np.mean([b.still_improving(rise) for _, b, _ in both]))
    if target is not None:
        steps = [(a.steps_to(target), b.steps_to(target)) for a, b, _ in both]
        ratio, censored = stats.median_log2_ratio([a for a, _ in steps], [b for _, b in steps])
        readings |= {
            "target_accuracy": target,
            "steps_to_target": [a for a, _ in steps],
            "baseline_steps_to_target": [b for _, b in steps],
            "mean_steps_within_budget": stats.restricted_mean([a for a, _ in steps], both[0][0].steps[-1]),
            "baseline_mean_steps_within_budget": stats.restricted_mean([b for _, b in steps], both[0][1].steps[-1]),
            "log2_speedup": ratio,
            "censored_pairs": censored,
        }
    return readings


def _seconds_to(record: Record[Outcome], target: float | None) -> float | None:
    """The trial's clock when the target was reached; None for never, and for an arm without a curve."""
    curve = curve_of(record)
    steps = None if curve is None or target is None else curve.steps_to(target)
    return None if curve is None or steps is None else curve.seconds[curve.steps.index(steps)]


def cost(
    own: dict[int, Record[Outcome]], base: dict[int, Record[Outcome]], pairs: list[int], target: float | None = None
) -> dict[str, Any]:
    """Steps and seconds of both sides, `estimated` since trials may have shared the machine; pretraining apart."""
    if not pairs:
        return {"estimated": True}
    seconds = [(own[seed].timing.seconds, base[seed].timing.seconds) for seed in pairs]
    ratios = np.log([b / max(a, 1e-9) for a, b in seconds])
    pretraining = own[pairs[0]].timing.source_seconds
    saved = float(np.mean([b - a for a, b in seconds]))
    return {
        "estimated": True,
        "seconds": float(np.mean([a for a, _ in seconds])),
        "baseline_seconds": float(np.mean([b for _, b in seconds])),
        "speedup": float(np.exp(ratios.mean())),
        "seconds_to_target": [_seconds_to(own[seed], target) for seed in pairs],
        "baseline_seconds_to_target": [_seconds_to(base[seed], target) for seed in pairs],
        "steps": own[pairs[0]].outcome.steps,
        "baseline_steps": base[pairs[0]].outcome.steps,
        "source_seconds": pretraining,
        "targets_to_amortise": int(np.ceil(pretraining / saved)) if pretraining and saved > 0 else None,
    }


def _differences(**values: list[float]) -> dict[str, Any]:
    """Mean and 95 % t interval of each reading's paired differences."""
    n, mean, spread, _ = stats.moments(np.array(list(values.values())))
    low, high = stats.interval(mean, spread / np.sqrt(n), n - 1, 0.95)
    return {
        name: {"mean": float(mean[i]), "interval": [float(low[i]), float(high[i])] if n[i] > 1 else None}
        for i, name in enumerate(values)
    }
