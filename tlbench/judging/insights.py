"""What a run says beyond its cells: where gains come from, where harm enters, what is open, what limits it."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from tlbench.judging import stats
from tlbench.judging.verdict import OVERLAP, Verdict
from tlbench.runfile import Run

DRAWS = 4000


def insights(verdicts: Iterable[Verdict]) -> list[str]:
    """All of them, a line each."""
    cells = [v for v in verdicts if v.leak != "invalid"]
    return [*protocols(cells), *attribution(cells), *depth(cells), *crossover(cells), *forecast(cells)]


def protocols(verdicts: list[Verdict]) -> list[str]:
    """For each judged cell, how its verdict changes with the baseline's budget; nothing with one protocol."""
    lines = []
    for v in verdicts:
        if v.role == "cell" and len(v.by_protocol) > 1:
            said = [f"{p} {brief['verdict']} ({100 * brief['gain']:+.1f})" for p, brief in v.by_protocol.items()]
            lines.append(f"{v.target}/{v.source}/{v.method} by the baseline's budget: {', '.join(said)}")
    return lines


def attribution(verdicts: list[Verdict]) -> list[str]:
    """How much of a gain random weights of the same per-layer statistics give already (Raghu et al. 2019)."""
    matched = {(v.target, v.source.removeprefix("matched-"), v.method): v for v in verdicts if v.role == "control"}
    lines = []
    for v in verdicts:
        twin = matched.get((v.target, v.source, v.method))
        if v.role != "cell" or twin is None or not twin.source.startswith("matched-") or v.gain is None:
            continue
        scaling = twin.gain or 0.0
        what = f"{v.target}: of {v.source} by {v.method}, {100 * v.gain:+.1f} points"
        scaled = f"scaling alone (weights redrawn with the same statistics) gives {100 * scaling:+.1f}"
        lines.append(f"{what}, {scaled}, features the other {100 * (v.gain - scaling):+.1f}")
    return lines


def depth(verdicts: list[Verdict]) -> list[str]:
    """For each source and target with a sweep over unfrozen blocks, the depth at which harm enters."""
    sweeps: dict[tuple[str, str], dict[int, Verdict]] = defaultdict(dict)
    for v in verdicts:
        if v.role == "cell" and v.unfrozen is not None:
            sweeps[(v.target, v.source)][v.unfrozen] = v
    lines = []
    for (target, source), sweep in sweeps.items():
        harmed = [k for k, v in sorted(sweep.items()) if v.verdict == "negative"]
        if len(sweep) < 2:
            continue
        if not harmed:
            lines.append(f"{target} from {source}: no depth of freezing is shown to hurt")
            continue
        free = [k for k in sorted(sweep) if k > harmed[-1]]
        until = f", with {free[0]} it is no longer shown" if free else ", and so at every depth tried"
        lines.append(f"{target} from {source}: hurts with {_blocks(harmed[-1])} unfrozen{until}")
    return lines


def _blocks(k: int) -> str:
    return "the head alone" if k == 0 else f"the last {k} block{'s' if k > 1 else ''}"


def crossover(verdicts: list[Verdict]) -> list[str]:
    """For each source and method at several n_train, where help turns to harm, with an interval."""
    lines = []
    for (dataset, source, method), sweep in sweeps_over_data(verdicts).items():
        n = np.log([float(v.n_train) for v in sweep])
        means = np.array([v.gain or 0.0 for v in sweep])
        errors = np.array([_error(v) for v in sweep])
        place = stats.crossing(n, means)
        if place is None:
            sign = "helps" if means.min() > 0 else "hurts" if means.max() < 0 else "turns back and forth"
            sizes = f"{sweep[0].n_train} to {sweep[-1].n_train}"
            lines.append(f"{dataset} from {source} by {method}: {sign} on average at every n_train from {sizes}")
            continue
        random = np.random.default_rng(0)
        drawn = [stats.crossing(n, random.normal(means, errors)) for _ in range(DRAWS)]
        inside = np.exp([place for place in drawn if place is not None])
        low, high = np.quantile(inside, [0.025, 0.975])
        lines.append(
            f"{dataset} from {source} by {method}: help turns to harm at about n_train {np.exp(place):.0f} "
            f"[{low:.0f}, {high:.0f}]; {len(inside) / DRAWS:.0%} of redrawn curves cross within the range"
        )
    return lines


def forecast(verdicts: list[Verdict]) -> list[str]:
    """For each similarity and method, its rank correlation with the gain, with an interval where targets are enough."""
    cells = [v for v in verdicts if v.role == "cell" and v.gain is not None]
    lines = []
    for method in dict.fromkeys(v.method for v in cells):
        for name in dict.fromkeys(name for v in cells for name in v.similarity):
            here = [v for v in cells if v.method == method and name in v.similarity]
            x, y = np.array([v.similarity[name] for v in here]), np.array([v.gain or 0.0 for v in here])
            rank = stats.rank_correlation(x, y)
            if rank is None:
                continue
            targets = np.unique([v.target for v in here], return_inverse=True)[1].astype(np.float64)
            ends = stats.rank_correlation_interval(x, y, targets, np.random.default_rng(0))
            span = f" [{ends[0]:+.2f}, {ends[1]:+.2f}] over targets" if ends else " (too few targets for an interval)"
            lines.append(f"{name} and the gain by {method}: rank correlation {rank:+.2f} over {len(here)} cells{span}")
    return lines


def sweeps_over_data(verdicts: list[Verdict]) -> dict[tuple[str, str, str], list[Verdict]]:
    """Judged cells of one dataset, source and method at two or more n_train, smallest first."""
    sweeps: dict[tuple[str, str, str], list[Verdict]] = defaultdict(list)
    for v in verdicts:
        if v.role == "cell" and v.gain is not None and v.interval is not None:
            sweeps[(v.dataset, v.source, v.method)].append(v)
    ordered = {key: sorted(sweep, key=lambda v: v.n_train) for key, sweep in sweeps.items()}
    return {key: sweep for key, sweep in ordered.items() if len({v.n_train for v in sweep}) > 1}


def _error(v: Verdict) -> float:
    """The standard error of a mean gain, without the floor that verdicts put under it."""
    return float(np.sqrt(v.spread**2 / max(v.n_pairs, 1) + v.tau**2))


def _level(run: Run) -> str:
    looks = zip(run.looks, run.weights, strict=True)
    levels = [f"{100 * (1 - run.verdict.alpha * weight):g} % at {n} seeds" for n, weight in looks]
    return ", ".join(levels)


def limits(run: Run, verdicts: list[Verdict]) -> list[str]:
    """What the reader must know before leaning on the table."""
    settings, rates = run.verdict, run.suite.budget["learning_rates"]
    gains = (
        f"Gains are {run.suite.metric} points (hundredths) over from-scratch ({settings.pairing} by seed), positive is "
        f"better; a cell is flagged at alpha {settings.alpha:g} (Holm over its family, each direction at half) beyond "
        f"a margin of {100 * settings.margin:g} points; convergence beyond "
        f"{100 * settings.convergence_margin:g}. Intervals: {_level(run)}, a cell, not simultaneous."
    )
    lines = [*dict.fromkeys(f"{v.target}: {v.notes[0]}" for v in verdicts if v.leak), gains]
    grid = ", ".join(f"{rate:g}" for rate in rates)
    if len(rates) > 1:
        lines.append(f"Learning rate chosen in each trial on its own validation draw from {grid}, for every arm alike.")
    else:
        lines.append(f"One learning rate ({grid}) for every arm, not tuned for each: a limitation.")
    late = [v for v in verdicts if v.convergence and v.convergence["baseline_still_improving"] > 0.5]
    if late:
        names = ", ".join(sorted({v.target for v in late}))
        lines.append(f"From-scratch was still improving at the end on {names}: a longer budget may shrink gains.")
    if any(not v.certifiable for v in verdicts):
        lines.append("On some targets the test set is too small to certify the margin (it is below 2 tau).")
    for name, f in sorted({(v.target, v.reuse) for v in verdicts if v.reuse > OVERLAP}):
        lines.append(f"{name}: draws take {f:.0%} of the pool and overlap: its intervals are widened for that.")
    if any(v.n_pairs < 5 for v in verdicts):
        lines.append("Below 5 pairs nothing but inconclusive, unstable or invalid may be said.")
    skewed = [v for v in verdicts if abs(v.skewness) > 1 and v.n_pairs >= 5]
    return lines + [f"{v.target}/{v.source}/{v.method}: gains are skewed ({v.skewness:+.1f})." for v in skewed]


def needs(verdicts: list[Verdict]) -> list[str]:
    """For each undecided cell, the seeds that would decide it."""
    lines = []
    for v in verdicts:
        if v.verdict == "inconclusive" and v.role == "cell" and v.n_pairs > 1:
            more = f"{max(0, v.seeds_needed - v.n_pairs)} further seeds" if v.seeds_needed else "more than 1000 seeds"
            lines.append(f"{v.target}/{v.source}/{v.method}: {more} would likely decide it")
    return lines
