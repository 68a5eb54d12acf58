"""What a cell of the page opens to: its learning curves, what its verdict stands on, its seeds, recipe and records."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup, escape

from tlbench.judging.changes import p_text
from tlbench.judging.report import sentences
from tlbench.judging.report.classes import class_table
from tlbench.judging.report.pictures import curves
from tlbench.judging.units import unit_of
from tlbench.judging.verdict import LASTING, OVERLAP, CellRecords, ClassHarm, Verdict, cell_of, disagreement, method_of
from tlbench.records import Outcome, Record

SHARED = ("target", "budget", "network", "input", "root_seed", "variant")  # of a recipe, the same for all of a suite
MOST_LEFT_OUT = 8  # trials that are named at once


def details(
    cell: CellRecords,
    verdict: Verdict,
    harms: Sequence[ClassHarm] = (),
    head: Verdict | None = None,
    *,
    brief: bool = False,
) -> Markup:
    """A cell's details; brief: without its seeds' rows and its recipe, which its records hold.

    harms: what it did by class. head: the convex head's verdict, judged apart, to be read beside a probe's.
    """
    parts = [
        Markup("<h3>{}</h3>").format(cell_of(verdict)),
        Markup('<div class="beside"><div>{}</div><div>{}</div></div>').format(curves(cell, verdict), _facts(verdict)),
        _readings(verdict, head),
        _left_out(verdict),
        class_table(harms, brief=brief),
    ]
    if not brief:
        parts += [_seeds(cell, verdict.metric), _recipe(cell)]
    parts.append(
        Markup('<p>Records: <a href="{0}/">{0}</a>, scratch <a href="{1}/">{1}</a>').format(
            cell.path, cell.plan.baseline
        )
    )
    return Markup("").join(parts)


def _facts(v: Verdict) -> Markup:
    """What must be shown beside a verdict, a row each."""
    rows = [*_sureness(v), *_design(v), *_arms(v), *((name, f"{value:.3g}") for name, value in v.similarity.items())]
    lines = (Markup("<tr><th scope=row>{}<td>{}").format(name, value) for name, value in rows)
    return Markup("<table class=facts>{}</table>").format(Markup("").join(lines))


def _sureness(v: Verdict) -> Iterable[tuple[str, str]]:
    (low, high), unit = v.share_hurt_interval, unit_of(v.metric)
    yield (
        "gain",
        f"{sentences.gain_text(v)} {unit.name}, interval at {v.interval_level:.1%}{', by pooled variance' * v.pooled}",
    )
    if v.shrunken is not None:
        yield "expected on repetition", f"about {unit.signed(v.shrunken)} (shrunken towards its family)"
    yield "p harm, p benefit (Holm)", f"{p_text(v.p_harm)}, {p_text(v.p_benefit)}"
    if v.sees is not None:
        yield "smallest gain or loss seen with power 0.8", unit.plain(v.sees)
    if v.share_hurt is not None:
        yield "seeds hurt", f"{v.share_hurt:.0%}, 95 % interval {low:.0%} to {high:.0%}"


def _design(v: Verdict) -> Iterable[tuple[str, str]]:
    unit = unit_of(v.metric)
    paired = "paired by seed" if v.pairing == "paired" else "not paired (Welch)"
    yield "trials, the arm and scratch", f"{v.n_own} and {v.n_base}, {paired}"
    if v.correlation is not None:
        yield "correlation at equal seeds", f"{v.correlation:+.2f}"
    yield "spread over seeds", f"{unit.plain(v.spread)} (skewness {v.skewness:+.1f})"
    if v.split is not None:
        parts = (f"{name} {unit.plain(getattr(v.split, name))}" for name in ("source", "data", "rest"))
        yield "spread of the arm by", f"{', '.join(parts)} (n = {v.split.n})"
    yield "test-set error", f"{100 * v.tau:.2f}" if unit.scale > 1 else unit.plain(v.tau)
    yield "judged", LASTING[v.protocol]
    if v.draw == "all":
        yield "images", "one draw for all seeds: a verdict about these"
    elif v.reuse > OVERLAP:
        yield "draws overlap", f"{v.reuse:.0%} of the pool: the interval is widened for that"


def _arms(v: Verdict) -> Iterable[tuple[str, str]]:
    if v.labelled:
        yield "labelled items in all", f"{v.labelled}, of them {v.n_train} to train on"
    if v.checkpoint:
        yield "source", "one checkpoint: a verdict about it"
    if v.source_accuracy is not None:
        yield "the source's own accuracy", sentences.percent(v.source_accuracy)
    if v.parameters and v.milliseconds and v.baseline_milliseconds:
        cost = f"{v.parameters:,} parameters, {v.milliseconds:.3g} ms an item"
        yield "a prediction takes", f"{cost} (scratch {v.baseline_milliseconds:.3g} ms)"
    edges = [name for name, there in (("the arm", v.at_edge), ("scratch", v.baseline_at_edge)) if there]
    if edges:
        yield "not tuned out", f"{' and '.join(edges)}: most seeds chose the smallest or the largest rate"


def _readings(v: Verdict, head: Verdict | None) -> Markup:
    """The same cell read otherwise: under the other budgets, by other metrics, and by the convex head beside it."""
    rows: list[tuple[str, str, str, dict[str, Any], float | None, float | None]] = [
        (LASTING[name], one["verdict"], v.metric, one, None, None)
        for name, one in v.by_protocol.items()
        if len(v.by_protocol) > 1
    ]
    rows += [(name, "-", name, one, one["score"], one["baseline_score"]) for name, one in v.others.items()]
    if head is not None:
        gain = {"gain": head.gain, "interval": head.interval}
        rows.append((f"{method_of(head)} beside it", head.verdict, v.metric, gain, head.score, None))
    if not rows:
        return Markup("")
    told = (
        (name, word, unit_of(metric).ranged(one["gain"], one["interval"]), _score(own, metric), _score(base, metric))
        for name, word, metric, one, own, base in rows
    )
    titles = _cells(Markup("<th>"), ("read otherwise", "verdict", "gain [interval]", "score", "scratch"))
    return Markup('<div class="box"><table class=otherwise>{}{}</table></div>').format(
        titles, Markup("").join(_cells(Markup("<td>"), row) for row in told)
    )


def _score(value: float | None, metric: str) -> str:
    return "" if value is None else sentences.percent(value, metric)


def _left_out(v: Verdict) -> Markup:
    """Which trials are not judged, and why."""
    if not v.left_out:
        return Markup("")
    shown, rest = "; ".join(v.left_out[:MOST_LEFT_OUT]), len(v.left_out) - MOST_LEFT_OUT
    more = f"; and {rest} more" if rest > 0 else ""
    return Markup("<p>Not judged: {}{}.").format(shown, more)


def _seeds(cell: CellRecords, metric: str) -> Markup:
    """A row a seed; closing tags are left out as HTML allows, for a page of many."""
    head = ("seed", metric, "scratch", "gain", "only arm right", "only scratch right", "rate", "steps", "seconds", "")
    rows = []
    for seed in sorted(set(cell.own.records) | set(cell.base.records)):
        own, base = cell.own.records.get(seed), cell.base.records.get(seed)
        rows.append(_cells(Markup("<td>"), [str(seed), *_seed_row(own, base, metric), _why_not(cell, seed)]))
    return Markup(
        '<details><summary>seeds</summary><div class="box"><table class=seeds>{}{}</table></div></details>'
    ).format(_cells(Markup("<th>"), head), Markup("").join(rows))


def _why_not(cell: CellRecords, seed: int) -> str:
    """Why a seed is not judged; nothing where it is, on either side."""
    sides = ("", cell.own), ("scratch ", cell.base)
    failed = [f"{side}{arm.failed[seed]}" for side, arm in sides if seed in arm.failed]
    judged = seed in cell.own_seeds or seed in cell.base_seeds
    return "; ".join(failed) or ("" if judged else "left out")


def _seed_row(own: Record[Outcome] | None, base: Record[Outcome] | None, metric: str) -> list[str]:
    a, b = (record.outcome if record and record.status == "done" else None for record in (own, base))
    apart = disagreement(a, b) if a and b else None
    return [
        sentences.percent(a.judged.score if a else None, metric),
        sentences.percent(b.judged.score if b else None, metric),
        sentences.points(a.judged.value - b.judged.value, metric) if a and b else "-",
        *(map(str, apart) if apart else ("-", "-")),
        f"{a.learning_rate:g}{' (edge)' * a.at_edge}" if a and a.learning_rate else "-",
        f"{a.steps}{f' (x{a.run_on})' * (a.run_on > 1)}" if a else "-",
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
    frozen = ", ".join(first.outcome.frozen) or "nothing"
    return Markup(
        "<details><summary>recipe (see settings for what all arms share)</summary><pre>{}</pre><p>Frozen: {}</details>"
    ).format(json.dumps(own, indent=1), frozen)
