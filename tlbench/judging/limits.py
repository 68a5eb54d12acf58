"""What a reader must know before leaning on a run's verdicts: design, budget, choice of rates, what was left out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tlbench.judging.units import unit_of
from tlbench.judging.verdict import OVERLAP, Verdict, cell_of, source_of, target_of
from tlbench.runfile import SURPLUS, Run

EDGE = "Not tuned out (most seeds chose the smallest or largest rate)"
STILL = "still improving at the end"
FAMILIES = "Other root seeds and other suites are other families: looking at several is not corrected for."


def limits(run: Run, verdicts: Sequence[Verdict]) -> list[str]:
    """All of them, a line each."""
    lines = [
        *_late(run),
        *dict.fromkeys(f"{target_of(v)}: {v.notes[0]}" for v in verdicts if v.leak),
        _gains(run),
        _design(run, verdicts),
    ]
    return [*lines, *budget(verdicts), *_choice(run, verdicts), *_noise(verdicts), *_about(verdicts), FAMILIES]


def _gains(run: Run) -> str:
    settings, unit = run.verdict, unit_of(run.suite.metric)
    return (
        f"Gains are {run.suite.metric} {unit.name} over from-scratch, positive is better; a cell is flagged at alpha "
        f"{settings.alpha:g} (Holm over its family, each direction at half) beyond a margin of "
        f"{unit.short(settings.margin)} {unit.name}; convergence beyond {unit.short(settings.convergence_margin)}. "
        f"Intervals: {_level(run)}, a cell, not simultaneous."
    )


def _level(run: Run) -> str:
    looks = zip(run.looks, run.weights, strict=True)
    levels = [f"{100 * (1 - run.verdict.alpha * weight):g} % at {n} seeds" for n, weight in looks]
    return ", ".join(levels)


def _design(run: Run, verdicts: Sequence[Verdict]) -> str:
    """Paired or not and why, the seeds of either side, and how far both move together."""
    known = [v.correlation for v in verdicts if v.role == "cell" and v.correlation is not None]
    moved = f"; both sides correlate {np.mean(known):+.2f} by seed on average" if known else ""
    why = f" ({run.design})" if run.design else ""
    if run.verdict.pairing == "paired":
        return f"Design: gains paired by seed{why}, n = {_span(v.n_pairs for v in verdicts)}{moved}."
    sides = f"n = {_span(v.n_own for v in verdicts)} seeds an arm, m = {_span(v.n_base for v in verdicts)} of scratch"
    return f"Design: not paired, intervals are Welch's{why}: {sides}{moved}."


def _span(values: Iterable[int]) -> str:
    found = sorted({*values}) or [0]
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def budget(verdicts: Sequence[Verdict]) -> list[str]:
    """How long both sides were trained, and what that leaves open."""
    lines, within = [], [v for v in verdicts if v.protocol != "plateau" and v.role != "beside"]
    if within:
        lines.append("Scratch was not run to its plateau: every verdict holds within the budget that both sides had.")
        late = [v for v in within if v.convergence and v.convergence["baseline_still_improving"] > 0.5]
        names = ", ".join(sorted({target_of(v) for v in late}))
        lines += [f"From-scratch was {STILL} on {names}: a longer budget may shrink gains."] if late else []
    factors = [
        v for v in verdicts if v.protocol == "plateau" and v.run_on is not None and v.baseline_run_on is not None
    ]
    if any(max(v.run_on or 1, v.baseline_run_on or 1) > 1 for v in factors):
        scratch, own = (_factors(factors, name) for name in ("baseline_run_on", "run_on"))
        lines.append(f"Run on to the plateau, in budgets on average: scratch {scratch}, the other arms {own}.")
    return lines


def _factors(verdicts: Sequence[Verdict], name: str) -> str:
    """The mean factor by target; as one span where there are many targets."""
    by_target: dict[str, list[float]] = defaultdict(list)
    for v in verdicts:
        by_target[target_of(v)].append(getattr(v, name))
    means = {target: float(np.mean(values)) for target, values in by_target.items()}
    if len(means) > 3:
        return f"{min(means.values()):.1f} to {max(means.values()):.1f} by target"
    return ", ".join(f"{mean:.1f} ({target})" for target, mean in means.items())


def _choice(run: Run, verdicts: Sequence[Verdict]) -> list[str]:
    """How rates were chosen, on how many items, and who was not tuned out."""
    rates = run.suite.budget["learning_rates"]
    grid = ", ".join(f"{rate:g}" for rate in rates)
    if len(rates) > 1:
        heads = ", ".join(f"{rate:g}" for rate in run.suite.budget.get("head_rates") or ())
        alike = f"; from as many, {heads}, where the head alone learns" if heads else ", for every arm alike"
        lines = [f"Learning rate chosen in each trial on its own validation draw from {grid}{alike}."]
    else:
        lines = [f"One learning rate ({grid}) for every arm, not tuned for each: a limitation."]
    edges = [
        *(cell_of(v) for v in verdicts if v.at_edge),
        *dict.fromkeys(f"{_scratch(v)} on {target_of(v)}" for v in verdicts if v.baseline_at_edge),
    ]
    lines += [f"{EDGE}: {'; '.join(edges)}."] if edges and len(rates) > 1 else []
    used = dict.fromkeys(f"{target_of(v)}: {v.labelled}" for v in verdicts if v.labelled)
    return lines + ([f"Labelled items used in all, to train and to validate on: {', '.join(used)}."] if used else [])


def _scratch(v: Verdict) -> str:
    return v.baseline.rpartition("/")[2]


def _noise(verdicts: Sequence[Verdict]) -> list[str]:
    """What widens intervals, and what the seeds do not allow to be said."""
    lines = []
    if any(not v.certifiable for v in verdicts):
        lines.append("On some targets the test set is too small to certify the margin (it is below 2 tau).")
    overlap = dict.fromkeys(f"{target_of(v)}: {v.reuse:.0%}" for v in verdicts if v.reuse > OVERLAP)
    if overlap:
        shares = ", ".join(overlap)
        lines.append(
            f"Draws overlap, by their share of the pool: {shares}; intervals are widened for it, conservatively."
        )
    if any(v.pooled for v in verdicts):
        lines.append(
            "By pooled variance: flagged by the family's pooled spread; the printed interval, by the cell's own, "
            "contains 0."
        )
    if any(v.n_pairs < 5 for v in verdicts):
        lines.append("Below 5 pairs nothing but inconclusive, unstable or invalid may be said.")
    return lines + _listed(
        verdicts,
        "Skewed gains (skewness beyond 1)",
        lambda v: f"{v.skewness:+.1f}" if v.role == "cell" and abs(v.skewness) > 1 and v.n_pairs >= 5 else "",
    )


def _listed(verdicts: Iterable[Verdict], title: str, value: Callable[[Verdict], str]) -> list[str]:
    """Cells with something to be said of each, in a line."""
    said = [f"{cell_of(v)} {text}" for v in verdicts if (text := value(v))]
    return [f"{title}: {'; '.join(said)}."] if said else []


def _about(verdicts: Sequence[Verdict]) -> list[str]:
    """What the verdicts are about: one draw, one checkpoint; and the trials that they leave out."""
    lines, once = [], dict.fromkeys(target_of(v) for v in verdicts if v.draw == "all")
    if once:
        lines.append(f"One draw for all seeds on {', '.join(once)}: its verdicts hold with these images.")
    single = dict.fromkeys(source_of(v) for v in verdicts if v.checkpoint and v.role == "cell")
    if single:
        lines.append(
            f"One checkpoint each, not trained anew by seed: {', '.join(single)}; verdicts are about this checkpoint."
        )
    rows = left_out(verdicts)
    return lines + [f"Left out: {arm}, n {n}: {why}." for arm, n, why in rows]


LEFT_OUT = ("arm", "n", "left out")


def left_out(verdicts: Iterable[Verdict]) -> list[tuple[str, str, str]]:
    """Rows of the arms with trials that are not judged: the arm, how many of its planned ones are, and why not."""
    rows: dict[str, tuple[str, str, str]] = {}
    for v in verdicts:
        own = [text for text in v.left_out if not text.startswith("scratch ")]
        base = [text.removeprefix("scratch ") for text in v.left_out if text.startswith("scratch ")]
        arms = (cell_of(v), own, v.n_planned), (f"{_scratch(v)} on {target_of(v)}", base, _base_planned(v))
        for arm, reasons, planned in arms:
            if reasons:
                rows.setdefault(arm, (arm, f"{planned - len(reasons)}/{planned}", "; ".join(reasons)))
    return list(rows.values())


def _base_planned(v: Verdict) -> int:
    return v.n_planned * (SURPLUS if v.pairing == "welch" else 1)


def _late(run: Run) -> list[str]:
    """That verdicts were shown before further looks were planned: what comes first, since it is about all of them."""
    joint = f"{200 * run.verdict.alpha:g} %"
    return [f"First reported at full level; joint level up to twice alpha ({joint})."] if run.late else []
