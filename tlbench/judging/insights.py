"""What a run says beyond its cells: where gains come from, at which depth and size they change, what is open."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tlbench.judging import stats
from tlbench.judging.differences import Difference, differences, steps_of
from tlbench.judging.units import unit_of
from tlbench.judging.verdict import (
    IMAGES,
    LASTING,
    Judged,
    Verdict,
    cell_of,
    method_of,
    overlapping,
    told,
    told_source,
    told_target,
    typed,
    within,
)

DRAWS = 4000
AT_HAND = 10  # times the seeds at hand, beyond which it is not said how many more would decide


def insights(judged: Judged) -> list[list[str]]:
    """All of them, a list of lines a kind."""
    cells = [v for v in judged.verdicts if v.leak != "invalid"]
    kinds = protocols(cells), beside(judged), attribution(judged), depth(judged), crossover(judged), forecast(cells)
    return [lines for lines in kinds if lines]


def protocols(verdicts: Iterable[Verdict]) -> list[str]:
    """For each cell whose verdict changes with the budget that both sides had, in its own words; nothing with one."""
    lines, same = [], defaultdict[str, int](int)
    for v in verdicts:
        if v.role != "cell" or len(v.by_protocol) < 2:
            continue
        if len({brief["verdict"] for brief in v.by_protocol.values()}) == 1:
            same[" and ".join(LASTING[protocol] for protocol in v.by_protocol)] += 1
            continue
        unit = unit_of(v.metric)
        said = [f"{b['verdict']} {LASTING[p]} ({unit.signed(b['gain'])})" for p, b in v.by_protocol.items()]
        lines.append(f"{told(v)}: {', '.join(said)}")
    return lines + [f"{n} {'cell has' if n == 1 else 'cells have'} one verdict {where}" for where, n in same.items()]


def beside(judged: Judged) -> list[str]:
    """For each probe, what the convex head on the same features reaches, and whether the probe was trained out."""
    pairs = heads(judged.verdicts)
    tested = {id(d.first): d for d in differences(judged, pairs)}
    lines = []
    for probe, head in pairs:
        unit, found = unit_of(probe.metric), tested.get(id(probe))
        text = f"{told(probe)} {unit.plain(probe.score)}, the convex head on the same features {unit.plain(head.score)}"
        if found:
            text += f": {found.text()} {unit.name}"
            text += ", so the probe is not trained out" if found.shown and found.mean > 0 else ""
        lines.append(text)
    return lines


def heads(verdicts: Iterable[Verdict]) -> list[tuple[Verdict, Verdict]]:
    """Each probe with the convex head that was run beside it."""
    found = list(verdicts)
    convex = {(v.target, v.source): v for v in found if v.role == "beside"}
    probes = [v for v in found if v.role != "beside" and v.unfrozen == 0]
    return [(v, convex[(v.target, v.source)]) for v in probes if (v.target, v.source) in convex]


def attribution(judged: Judged) -> list[str]:
    """How much of a gain random weights of the same per-layer statistics give already (Raghu et al. 2019)."""
    matched = {
        (v.target, v.source.removeprefix("matched-"), v.method): v
        for v in judged.verdicts
        if v.role == "control" and v.source.startswith("matched-")
    }
    pairs = [
        (twin, v)
        for v in judged.verdicts
        if v.role == "cell" and v.gain is not None and (twin := matched.get((v.target, v.source, v.method)))
    ]
    tested = {id(d.second): f"{d.text()} at the {d.n} seeds that both have" for d in differences(judged, pairs)}
    lines = []
    for twin, v in pairs:
        unit, scaling = unit_of(v.metric), twin.gain or 0.0
        what = f"{told_target(v)}: of {told_source(v)} by {method_of(v)}, {unit.signed(v.gain)} {unit.name}"
        scaled = f"scaling alone (weights redrawn with the same statistics) gives {unit.signed(scaling)}"
        features = tested.get(id(v), unit.signed((v.gain or 0.0) - scaling))
        lines.append(f"{what}, {scaled}, features the other {features}")
    return lines


def depth(judged: Judged) -> list[str]:
    """For each source and target with a sweep over unfrozen blocks, where harm is shown and where the gain changes."""
    return [f"{where} from {source}: {harm}; {changes}" for where, source, harm, changes in depth_rows(judged)]


DEPTHS = ("target", "source", "harm", "changes of the gain that are shown")


def depth_rows(judged: Judged) -> list[tuple[str, str, str, str]]:
    """The same as rows."""
    sweeps: dict[tuple[str, str], dict[int, Verdict]] = defaultdict(dict)
    for v in judged.verdicts:
        if v.role == "cell" and v.unfrozen is not None and v.leak != "invalid":
            sweeps[(v.target, v.source)].setdefault(v.unfrozen, v)
    rows = []
    for held in sweeps.values():
        sweep = [v for _, v in sorted(held.items())]
        if len(sweep) < 2:
            continue
        harmed = " and ".join(_blocks(v) for v in sweep if v.verdict == "negative")
        harm = f"negative with {harmed}" if harmed else "no depth of freezing is shown to hurt"
        changes = [f"by {d.text()} from {method_of(d.first)} to {method_of(d.second)}" for d in _shown(judged, sweep)]
        changed = f"the gain changes {', '.join(changes)}" if changes else "no change between depths is shown"
        rows.append((told_target(sweep[0]), told_source(sweep[0]), harm, f"{changed}{within(sweep[0])}"))
    return rows


def _shown(judged: Judged, sweep: Sequence[Verdict]) -> list[Difference]:
    """The changes along a sweep that are significant: of neighbours; of its ends where none of those is."""
    shown = [d for d in differences(judged, steps_of(sweep)) if d.shown]
    return [d for d in shown if (d.first, d.second) != (sweep[0], sweep[-1])] or shown


def _blocks(v: Verdict) -> str:
    k = v.unfrozen or 0
    return f"{('the head alone', 'the last block')[k] if k < 2 else f'the last {k} blocks'} ({method_of(v)})"


def crossover(judged: Judged) -> list[str]:
    """For each source and method at several n_train, where the gain changes, and where help turns to harm."""
    return [f"{where} from {source} by {method}: {said}" for where, source, method, said in size_rows(judged)]


SIZES = ("dataset", "source", "method", "changes of the gain that are shown")


def size_rows(judged: Judged) -> list[tuple[str, str, str, str]]:
    """The same as rows."""
    rows = []
    for sweep in sweeps_over_data(judged.verdicts).values():
        first, last = sweep[0], sweep[-1]
        images = f" ({IMAGES})" if any(v.draw == "all" for v in sweep) else ""
        shown = _shown(judged, sweep)
        changes = [f"by {d.text()} from n_train {d.first.n_train} to {d.second.n_train}" for d in shown]
        said = f"the gain changes {', '.join(changes)}{_turn(sweep, shown)}"
        if not shown:
            said = f"no change between n_train {first.n_train} and {last.n_train} is shown"
        where = f"{typed(first.dataset_spec, first.dataset)}{images}"
        rows.append((where, told_source(first), method_of(first), f"{said}{within(first)}"))
    return rows


def _turn(sweep: Sequence[Verdict], shown: Sequence[Difference]) -> str:
    """Where the gain passes zero, if a fall across it is shown; help and harm are said of flagged cells alone."""
    n, means = np.log([float(v.n_train) for v in sweep]), np.array([v.gain or 0.0 for v in sweep])
    place = stats.crossing(n, means)
    if place is None or not any(
        d.mean < 0 and np.log(d.first.n_train) <= place <= np.log(d.second.n_train) for d in shown
    ):
        return ""
    random, errors = np.random.default_rng(0), np.array([_error(v) for v in sweep])
    drawn = [stats.crossing(n, random.normal(means, errors)) for _ in range(DRAWS)]
    inside = np.exp([found for found in drawn if found is not None])
    low, high = np.quantile(inside, [0.025, 0.975])
    helped = any(v.verdict == "positive" for v, at in zip(sweep, n, strict=True) if at <= place)
    hurt = any(v.verdict == "negative" for v, at in zip(sweep, n, strict=True) if at >= place)
    return (
        f"; {'help turns to harm' if helped and hurt else 'its mean passes zero'} at about n_train {np.exp(place):.0f} "
        f"[{low:.0f}, {high:.0f}] ({len(inside) / DRAWS:.0%} of redrawn curves cross within the range)"
    )


FORECASTS = ("similarity", "method", "rank correlation with the gain [interval over targets]", "cells")


def forecast_rows(verdicts: Iterable[Verdict]) -> list[tuple[str, str, str, str]]:
    """For each similarity and method, its rank correlation with the gain, with an interval where targets are enough."""
    cells = [v for v in verdicts if v.role == "cell" and v.gain is not None and v.leak != "invalid"]
    rows = []
    for method in dict.fromkeys(v.method for v in cells):
        for name in dict.fromkeys(name for v in cells for name in v.similarity):
            here = [v for v in cells if v.method == method and name in v.similarity]
            x, y = np.array([v.similarity[name] for v in here]), np.array([v.gain or 0.0 for v in here])
            rank = stats.rank_correlation(x, y)
            if rank is None:
                continue
            targets = np.unique([v.target for v in here], return_inverse=True)[1].astype(np.float64)
            ends = stats.rank_correlation_interval(x, y, targets, np.random.default_rng(0))
            span = f" [{ends[0]:+.2f}, {ends[1]:+.2f}]" if ends else ""
            rows.append((name, method_of(here[0]), f"{rank:+.2f}{span}", str(len(here))))
    return rows


def forecast(verdicts: Iterable[Verdict]) -> list[str]:
    """The same, a line a method."""
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, method, correlation, cells in forecast_rows(verdicts):
        lines[(method, cells)].append(f"{name} {correlation}")
    few = "too few targets for an interval"
    return [
        f"Rank correlation with the gain by {method} over {cells} cells: {', '.join(said)}"
        f"{'; intervals over targets' if '[' in ''.join(said) else f' ({few})'}"
        for (method, cells), said in lines.items()
    ]


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
    if v.pairing == "welch":
        seeds = v.own_spread**2 / max(v.n_own, 1) + v.base_spread**2 / max(v.n_base, 1)
    else:
        seeds = v.spread**2 / max(v.n_pairs, 1)
    return float(np.sqrt(seeds + v.pair_spread**2 * overlapping(v.reuse) + v.tau**2))


class Need(NamedTuple):
    """An undecided cell and how many further seeds would decide it, in words; about: the number, where it is told."""

    cell: str
    seeds: str
    about: int | None


NEEDS = ("cell", "further seeds, if the true gain equals this estimate")


def needs(verdicts: Iterable[Verdict]) -> list[Need]:
    """For each undecided cell, the seeds that would decide it if its true gain were what it seems."""
    return [
        _need(v) for v in verdicts if v.verdict == "inconclusive" and v.role == "cell" and min(v.n_pairs, v.n_own) > 1
    ]


def _need(v: Verdict) -> Need:
    at_hand = max(v.n_own, v.n_pairs)
    further = None if v.seeds_needed is None else max(1, v.seeds_needed - at_hand)
    if further is None or further > AT_HAND * at_hand:
        return Need(cell_of(v), f"more than {AT_HAND} times the seeds at hand", None)
    return Need(cell_of(v), f"about {further}", further)


def needed(verdicts: Iterable[Verdict]) -> list[str]:
    """The same in a sentence."""
    found = needs(verdicts)
    known = sorted(need.about for need in found if need.about is not None)
    parts, beyond = list[str](), len(found) - len(known)
    if known:
        span = f"{known[0]} to {known[-1]}" if known[0] < known[-1] else str(known[0])
        noun = "seed" if span == "1" else "seeds"
        verb = "is" if len(known) == 1 else "are"
        parts.append(
            f"{len(known)} {verb} likely decided by about {span} further {noun} if the true gain equals this estimate"
        )
    if beyond:
        parts.append(f"{beyond} would need more than {AT_HAND} times the seeds at hand")
    return [f"Of {len(found)} undecided cell{'' if len(found) == 1 else 's'} {'; '.join(parts)}."] if found else []
