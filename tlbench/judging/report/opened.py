"""What a cell of the page opens to: its learning curves, its seeds, its recipe, its records."""

import json
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from tlbench.judging import stats
from tlbench.judging.changes import p_text
from tlbench.judging.readings import curve_of
from tlbench.judging.report import words
from tlbench.judging.stats import Floats
from tlbench.judging.verdict import Held, Side, Verdict, disagreement
from tlbench.records import Record

WIDTH, HEIGHT, EDGE = 360, 180, 24  # of the small picture, in its own units
SHARED = ("target", "budget", "network", "input", "root_seed", "variant")  # of a recipe, the same for all of a suite


def opened(held: Held, verdict: Verdict, *, brief: bool = False) -> Markup:
    """A cell's details; brief: without its seeds' rows and its recipe, which its records hold."""
    parts = [_facts(verdict), _curves(held)]
    if not brief:
        parts += [_seeds(held), _recipe(held)]
    parts.append(
        Markup('<p>records: <a href="{0}/">{0}</a>, scratch <a href="{1}/">{1}</a>').format(
            held.cell["path"], held.cell["baseline"]
        )
    )
    return Markup("").join(parts)


def _facts(v: Verdict) -> Markup:
    """What must be shown beside a verdict, in a line."""
    low, high = v.share_hurt_interval
    said = [
        f"interval level {v.interval_level:.1%}",
        f"p harm {p_text(v.p_harm)}, p benefit {p_text(v.p_benefit)} (Holm)",
        f"spread over seeds {100 * v.spread:.2f} points, test-set error {100 * v.tau:.2f}, skewness {v.skewness:+.1f}",
        f"share of seeds hurt, 95 % interval {low:.0%} to {high:.0%}",
    ]
    if v.source_accuracy is not None:
        said.append(f"the source's own accuracy {words.percent(v.source_accuracy)}")
    if v.wide_interval:
        said.append(
            f"draws overlap ({v.reuse:.0%} of the pool): wider interval {words.with_interval(v.gain, v.wide_interval)}"
        )
    said += [f"{name} {value:.3g}" for name, value in v.similarity.items()]
    said += [
        f"against {protocol}: {one['verdict']} {words.points(one['gain'])}" for protocol, one in v.by_protocol.items()
    ]
    return Markup("<p>{}.").format("; ".join(said))


def _curves(held: Held) -> Markup:
    """Mean validation accuracy by steps with its 95 % t band, the arm against scratch."""
    lines = [line for name, side in (("base", held.base), ("own", held.own)) if (line := _line(name, side))]
    if not lines:
        return Markup("<p>No learning curves: this arm is not trained by steps.")
    drawn = Markup("").join(lines)
    return Markup(
        '<svg class="curve" viewBox="0 0 {w} {h}" role="img" aria-label="validation accuracy by steps">'
        '<path class="frame" d="M{e} 4V{b}H{w}"/>{drawn}<text x="{e}" y="{l}">0</text>'
        '<text x="{w}" y="{l}" text-anchor="end">{steps} steps</text><text x="0" y="12">1</text>'
        '<text x="0" y="{b}">0</text></svg><p class="key"><b class="own">the arm</b>, <b class="base">scratch</b>: '
        "validation accuracy, mean and 95 % t interval over seeds"
    ).format(w=WIDTH, h=HEIGHT, e=EDGE, b=HEIGHT - EDGE + 8, l=HEIGHT - 4, drawn=drawn, steps=_last_step(held))


def _last_step(held: Held) -> int:
    curves = [curve_of(record) for side in (held.own, held.base) for record in side.records.values()]
    return max((curve.steps[-1] for curve in curves if curve), default=0)


def _line(name: str, side: Side) -> Markup:
    curves = side.curves()
    if not curves:
        return Markup()
    mean, low, high = stats.band(np.array([curve.validation_accuracy for curve in curves]))
    steps = np.array(curves[0].steps, dtype=np.float64) / max(curves[0].steps[-1], 1)
    band = f"M{_path(steps, high)}L{_path(steps[::-1], low[::-1])}Z"
    return Markup('<path class="{0} band" d="{1}"/><path class="{0}" d="M{2}"/>').format(name, band, _path(steps, mean))


def _path(x: Floats, y: Floats) -> str:
    """Points of a path, whole units: the picture is small."""
    across = EDGE + x * (WIDTH - EDGE)
    down = 4 + (1 - np.clip(y, 0, 1)) * (HEIGHT - EDGE + 4)
    return "L".join(f"{a:.0f} {b:.0f}" for a, b in zip(across, down, strict=True))


def _seeds(held: Held) -> Markup:
    """A row a seed; closing tags are left out as HTML allows, for a page of many."""
    head = (
        "seed",
        "accuracy",
        "scratch",
        "gain",
        "only arm right",
        "only scratch right",
        "rate",
        "steps",
        "seconds",
        "",
    )
    rows = []
    for seed in sorted(set(held.own.records) | set(held.base.records)):
        own, base = held.own.records.get(seed), held.base.records.get(seed)
        left_out = "" if seed in held.pairs else "left out"
        rows.append(_cells(Markup("<td>"), [str(seed), *_seed_row(own, base), left_out]))
    return Markup("<table class=seeds>{}{}</table>").format(_cells(Markup("<th>"), head), Markup("").join(rows))


def _seed_row(own: Record | None, base: Record | None) -> list[str]:
    a, b = ({} if one is None else one.outcome for one in (own, base))
    both = "accuracy" in a and "accuracy" in b
    apart = disagreement(a, b) if both else None
    return [
        words.percent(a.get("accuracy")),
        words.percent(b.get("accuracy")),
        words.points(a["accuracy"] - b["accuracy"]) if both else "-",
        *(map(str, apart) if apart else ("-", "-")),
        f"{a['learning_rate']:g}" if a.get("learning_rate") else "-",
        str(a.get("steps", "-")),
        f"{own.timing['seconds']:.2f}" if own and "seconds" in own.timing else "-",
    ]


def _cells(cell: Markup, texts: Sequence[str]) -> Markup:
    return Markup("<tr>") + Markup("").join(cell + escape(text) for text in texts)


def _recipe(held: Held) -> Markup:
    """What was asked of the arm, from its first record."""
    first = next(iter(held.own.records.values()), None)
    if first is None:
        return Markup("<p>No record yet.")
    own = {key: value for key, value in first.recipe.items() if key not in SHARED and key != "seed"}
    frozen = ", ".join(first.outcome.get("frozen", [])) or "nothing"
    return Markup(
        "<details><summary>recipe (see settings for what all arms share)</summary><pre>{}</pre></details><p>frozen: {}"
    ).format(json.dumps(own, indent=1), frozen)
