"""What a cell of the page opens to: its learning curves, its seeds, its recipe, its records."""

import json
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from tlbench.curve import LearningCurve
from tlbench.judging import stats
from tlbench.judging.changes import p_text
from tlbench.judging.readings import curve_of
from tlbench.judging.report import sentences
from tlbench.judging.report.classes import class_table
from tlbench.judging.stats import Floats
from tlbench.judging.units import unit_of
from tlbench.judging.verdict import OVERLAP, CellRecords, ClassHarm, Verdict, disagreement, higher_is_better
from tlbench.records import Outcome, Record

WIDTH, HEIGHT, EDGE = 360, 180, 24  # of the small picture, in its own units
SHARED = ("target", "budget", "network", "input", "root_seed", "variant")  # of a recipe, the same for all of a suite


def details(cell: CellRecords, verdict: Verdict, harms: Sequence[ClassHarm] = (), *, brief: bool = False) -> Markup:
    """A cell's details; brief: without its seeds' rows and its recipe, which its records hold."""
    parts = [_facts(verdict), _curves(cell, verdict.metric), class_table(harms, brief=brief)]
    if not brief:
        parts += [_seeds(cell, verdict.metric), _recipe(cell)]
    parts.append(
        Markup('<p>records: <a href="{0}/">{0}</a>, scratch <a href="{1}/">{1}</a>').format(
            cell.path, cell.plan.baseline
        )
    )
    return Markup("").join(parts)


def _facts(v: Verdict) -> Markup:
    """What must be shown beside a verdict, in a line."""
    (low, high), unit = v.share_hurt_interval, unit_of(v.metric)
    said = [
        f"interval level {v.interval_level:.1%}",
        f"p harm {p_text(v.p_harm)}, p benefit {p_text(v.p_benefit)} (Holm)",
        f"spread over seeds {unit.plain(v.spread)} {unit.name}, test-set error {unit.plain(v.tau)}",
        f"skewness {v.skewness:+.1f}",
        f"share of seeds hurt, 95 % interval {low:.0%} to {high:.0%}",
    ]
    if v.source_accuracy is not None:
        said.append(f"the source's own accuracy {sentences.percent(v.source_accuracy)}")
    if v.reuse > OVERLAP:
        said.append(f"draws overlap ({v.reuse:.0%} of the pool): the interval is widened for that")
    if v.parameters and v.milliseconds and v.baseline_milliseconds:
        said.append(
            f"a prediction takes {v.parameters:,} parameters and {v.milliseconds:.3g} ms an item "
            f"(scratch {v.baseline_milliseconds:.3g} ms)"
        )
    said += [f"{name} {value:.3g}" for name, value in v.similarity.items()]
    said += [
        f"against {protocol}: {brief['verdict']} {sentences.points(brief['gain'], v.metric)}"
        for protocol, brief in v.by_protocol.items()
    ]
    said += [
        f"{name} {sentences.with_interval(shown['gain'], shown['interval'])}, not judged"
        for name, shown in v.others.items()
    ]
    return Markup("<p>{}.").format("; ".join(said))


def _curves(cell: CellRecords, metric: str) -> Markup:
    """Mean validation score by steps with its 95 % t band, the arm against scratch."""
    curves = {name: arm.curves() for name, arm in (("base", cell.base), ("own", cell.own))}
    scores = [score for own in curves.values() for curve in own for score in curve.validation_score]
    if not scores:
        return Markup("<p>No learning curves: this arm is not trained by steps.")
    ends = min(0.0, *scores), max(1.0, *scores)
    shown = f"{'' if higher_is_better([cell]) else 'minus '}validation {metric}"
    drawn = Markup("").join(_line(name, own, ends) for name, own in curves.items() if own)
    return Markup(
        '<svg class="curve" viewBox="0 0 {w} {h}" role="img" aria-label="{shown} by steps">'
        '<path class="frame" d="M{e} 4V{b}H{w}"/>{drawn}<text x="{e}" y="{l}">0</text>'
        '<text x="{w}" y="{l}" text-anchor="end">{steps} steps</text><text x="0" y="12">{high:.2g}</text>'
        '<text x="0" y="{b}">{low:.2g}</text></svg><p class="key"><b class="own">the arm</b>, '
        '<b class="base">scratch</b>: {shown}, mean and 95 % t interval over seeds'
    ).format(
        w=WIDTH,
        h=HEIGHT,
        e=EDGE,
        b=HEIGHT - EDGE + 8,
        l=HEIGHT - 4,
        drawn=drawn,
        steps=_last_step(cell),
        shown=shown,
        low=ends[0],
        high=ends[1],
    )


def _last_step(cell: CellRecords) -> int:
    curves = [curve_of(record) for arm in (cell.own, cell.base) for record in arm.records.values()]
    return max((curve.steps[-1] for curve in curves if curve), default=0)


def _line(name: str, curves: Sequence[LearningCurve], ends: tuple[float, float]) -> Markup:
    mean, low, high = stats.band(np.array([curve.validation_score for curve in curves]))
    steps = np.array(curves[0].steps, dtype=np.float64) / max(curves[0].steps[-1], 1)
    band = f"M{_path(steps, high, ends)}L{_path(steps[::-1], low[::-1], ends)}Z"
    middle = _path(steps, mean, ends)
    return Markup('<path class="{0} band" d="{1}"/><path class="{0}" d="M{2}"/>').format(name, band, middle)


def _path(x: Floats, y: Floats, ends: tuple[float, float]) -> str:
    """Points of a path between the picture's ends, whole units: it is small."""
    low, high = ends
    across = EDGE + x * (WIDTH - EDGE)
    down = 4 + (1 - np.clip((y - low) / (high - low), 0, 1)) * (HEIGHT - EDGE + 4)
    return "L".join(f"{a:.0f} {b:.0f}" for a, b in zip(across, down, strict=True))


def _seeds(cell: CellRecords, metric: str) -> Markup:
    """A row a seed; closing tags are left out as HTML allows, for a page of many."""
    head = ("seed", metric, "scratch", "gain", "only arm right", "only scratch right", "rate", "steps", "seconds", "")
    rows = []
    for seed in sorted(set(cell.own.records) | set(cell.base.records)):
        own, base = cell.own.records.get(seed), cell.base.records.get(seed)
        left_out = "" if seed in cell.pairs else "left out"
        rows.append(_cells(Markup("<td>"), [str(seed), *_seed_row(own, base, metric), left_out]))
    return Markup("<table class=seeds>{}{}</table>").format(_cells(Markup("<th>"), head), Markup("").join(rows))


def _seed_row(own: Record[Outcome] | None, base: Record[Outcome] | None, metric: str) -> list[str]:
    a, b = (record.outcome if record and record.status == "done" else None for record in (own, base))
    apart = disagreement(a, b) if a and b else None
    return [
        sentences.percent(a.judged.score if a else None, metric),
        sentences.percent(b.judged.score if b else None, metric),
        sentences.points(a.judged.value - b.judged.value, metric) if a and b else "-",
        *(map(str, apart) if apart else ("-", "-")),
        f"{a.learning_rate:g}" if a and a.learning_rate else "-",
        str(a.steps) if a else "-",
        f"{own.timing.seconds:.2f}" if own and a else "-",
    ]


def _cells(cell: Markup, texts: Sequence[str]) -> Markup:
    return Markup("<tr>") + Markup("").join(cell + escape(text) for text in texts)


def _recipe(cell: CellRecords) -> Markup:
    """What was asked of the arm, from its first record."""
    first = next(iter(cell.own.records.values()), None)
    if first is None:
        return Markup("<p>No record yet.")
    own = {key: value for key, value in first.recipe.items() if key not in SHARED and key != "seed"}
    return Markup(
        "<details><summary>recipe (see settings for what all arms share)</summary><pre>{}</pre></details><p>frozen: {}"
    ).format(json.dumps(own, indent=1), ", ".join(first.outcome.frozen) or "nothing")
