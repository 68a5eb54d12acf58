"""Verdicts as a terminal table, a markdown page with figures, and JSON; made from records alone, without torch."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tlbench.figures import draw_figures
from tlbench.insights import insights, limits, needs
from tlbench.records import SCHEMA_VERSION, write_text
from tlbench.verdict import Starts, Verdict

WIDE = 130  # columns of a terminal that the whole table needs
ORDER = ("negative", "unstable", "invalid", "inconclusive", "neutral", "positive")
FLAGS = {
    "negative": "!! NEGATIVE",
    "positive": "++ positive",
    "neutral": "== neutral",
    "inconclusive": "?  inconclusive",
}
STYLES = {"negative": "bold red", "positive": "green", "unstable": "bold yellow", "invalid": "bold yellow"}
COLUMNS = ("verdict", "target", "source", "method", "gain [interval]", "n", "hurt", "p (Holm)", "scratch", "accuracy")


def worst_first(found: Iterable[Verdict]) -> list[Verdict]:
    """Negative cells first, the most harmful at the top."""
    return sorted(found, key=lambda v: (ORDER.index(v.verdict), v.gain if v.gain is not None else 0.0))


def flag(verdict: Verdict) -> str:
    """The verdict in a word that needs no colour."""
    word = FLAGS.get(verdict.verdict, f"!  {verdict.verdict}")
    return word + (" (confirmed)" if verdict.confirmed else "") + (" (provisional)" if verdict.provisional else "")


def points(value: float | None) -> str:
    """An accuracy difference in points, signed."""
    return "-" if value is None else f"{100 * value:+.1f}"


def gain_text(verdict: Verdict) -> str:
    """The gain in points with its interval."""
    return _with_interval(verdict.gain, verdict.interval)


def _with_interval(value: float | None, low_high: Sequence[float] | None) -> str:
    return points(value) + (f" [{points(low_high[0])}, {points(low_high[1])}]" if low_high else "")


def row(verdict: Verdict) -> tuple[str, ...]:
    """A cell's row under `COLUMNS`."""
    hurt = "-" if verdict.share_hurt is None else f"{verdict.share_hurt:.0%}"
    return (
        flag(verdict),
        verdict.target,
        verdict.source,
        verdict.method,
        gain_text(verdict),
        f"{verdict.n_pairs}/{verdict.n_planned}",
        hurt,
        _p_text(verdict),
        _percent(verdict.baseline_accuracy),
        _percent(verdict.accuracy),
    )


def _p_text(verdict: Verdict) -> str:
    if verdict.n_pairs < 2:
        return "-"
    return f"{verdict.p_adjusted:.4f}" if verdict.p_adjusted >= 0.0001 else "<0.0001"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def headline(found: list[Verdict]) -> str:
    """The answer in a sentence or two."""
    judged = [v for v in found if v.role == "cell"]
    harm = [v for v in judged if v.verdict == "negative"]
    help_ = [v for v in judged if v.verdict == "positive"]
    open_ = len(judged) - len(harm) - len(help_)
    missing = sum(v.provisional for v in found)
    text = f"Unfinished: {missing} of {len(found)} cells lack planned trials; run again. " if missing else ""
    text += f"Of {len(judged)} cells, {len(help_)} are positive, {len(harm)} negative, {open_} neither."
    if harm:
        worst = min(harm, key=lambda v: v.gain or 0.0)
        text += f" Worst: {worst.source} by {worst.method} on {worst.target}, {gain_text(worst)} points."
    if help_:
        best = max(help_, key=lambda v: v.gain or 0.0)
        text += f" Best: {best.source} by {best.method} on {best.target}, {gain_text(best)} points."
    return text


def calibration(found: list[Verdict]) -> list[str]:
    """What each kind of control should have said, and what it said."""
    lines = []
    asked = {"unflagged": "must not be flagged", "negative": "must be negative", "any": "no demand"}
    for control in (v for v in found if v.role == "control"):
        said = {True: "as it must", False: "NOT AS IT MUST", None: "shown"}[control.as_expected]
        demand = asked[control.expect or "any"]
        name = f"{control.source} by {control.method} on {control.target}"
        lines.append(f"{name}: {demand}; {control.verdict}, {gain_text(control)}: {said}")
    return lines


def _difference(found: dict[str, Any] | None, name: str) -> str:
    return "n/a" if not found else points(found[name]["mean"])


def _never(curve: dict[str, Any]) -> str:
    """Which side does not arrive within the budget."""
    own, base = (curve[name].count(None) for name in ("steps_to_target", "baseline_steps_to_target"))
    return "scratch > budget" if base > own else "> budget"


def _cost_text(cost: dict[str, Any]) -> str:
    if cost["estimated"]:
        return f"estimated {cost['speedup']:.2f}x" if "speedup" in cost else "-"
    ends = cost["speedup_interval"]
    span = f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else ""
    return f"{FLAGS.get(cost['verdict'], cost['verdict'])} {cost['speedup']:.2f}x{span}"


def readings_row(v: Verdict) -> tuple[str, ...]:
    """Convergence of a cell, its verdict and readings, and cost, which is not judged."""
    curve, seconds = v.convergence, v.cost.get("seconds")
    speed = "n/a"
    if curve and "log2_speedup" in curve:
        ratio, n = curve["log2_speedup"], len(curve["steps_to_target"])
        held = f" ({curve['censored_pairs']}/{n} censored)" if curve["censored_pairs"] else ""
        speed = (_never(curve) if ratio is None else f"{2**ratio:.2f}x") + held
    return (
        v.target,
        v.source,
        v.method,
        f"{FLAGS.get(v.verdict, v.verdict)} {points(v.gain)}",
        "not applicable" if not curve else FLAGS.get(curve["verdict"], curve["verdict"]),
        "n/a" if not curve else _with_interval(curve["area"]["mean"], curve["area"]["interval"]),
        *(_difference(curve, name) for name in ("jumpstart", "asymptote")),
        speed,
        _cost_text(v.cost),
        "-" if seconds is None else f"{seconds:.2f}",
        "-" if seconds is None else f"{v.cost['baseline_seconds']:.2f}",
        ", ".join(f"{name} {value:.3g}" for name, value in v.similarity.items()) or "-",
    )


CURVE_TITLE = "the three axes: final accuracy, convergence (area under the curve), cost (judged where timed: --timing)"
READINGS = (
    "target",
    "source",
    "method",
    "final accuracy",
    "convergence",
    "area [interval]",
    "jumpstart",
    "asymptote",
    "steps",
    "cost",
    "seconds",
    "scratch s",
    "similarity",
)


def terminal(
    run: dict[str, Any], found: list[Verdict], starts: Sequence[Starts] = (), *, narrow: bool = False
) -> RenderableType:
    """The report for a terminal; narrow: only the columns that matter most."""
    parts: list[RenderableType] = [Text(start.sentence(), style="bold") for start in starts]
    parts += [Text(line) for line in calibration(found)]
    parts.append(Text(headline(found), style="bold"))
    for title, role in (("verdicts, worst first", "cell"), ("controls", "control")):
        chosen = worst_first(v for v in found if v.role == role)
        if chosen:
            columns = COLUMNS[:6] if narrow else COLUMNS
            rows = [(row(v)[: len(columns)], STYLES.get(v.verdict, "")) for v in chosen]
            parts.append(_table(f"{run['suite']['name']}: {title}", columns, rows))
    shown = [(readings_row(v), "") for v in found if v.role == "cell"]
    if narrow:
        parts.append(Text("convergence, cost and similarity: in report.md, or in a wider terminal"))
    else:
        parts.append(_table(CURVE_TITLE, READINGS, shown))
    parts += [Text(line) for line in [*insights(found), *needs(found), *limits(run, found)]]
    return Group(*parts)


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[tuple[str, ...], str]]) -> Table:
    table = Table(
        *(escape(name) for name in columns),
        title=escape(title),
        title_justify="left",
        header_style="bold",
        pad_edge=False,
    )
    for cells, style in rows:
        table.add_row(*(escape(cell) for cell in cells), style=style)
    return table


def as_json(run: dict[str, Any], found: list[Verdict], starts: Sequence[Starts] = ()) -> dict[str, Any]:
    """The report as plain data; accuracies in [0, 1]."""
    return {
        "schema_version": SCHEMA_VERSION,
        "suite": run["suite"]["name"],
        "starts": [asdict(start) for start in starts],
        "cells": [verdict.as_dict() for verdict in worst_first(found)],
    }


def markdown(run: dict[str, Any], found: list[Verdict], figures: list[Path], starts: Sequence[Starts] = ()) -> str:
    """The report as a markdown page."""
    suite, where = run["suite"], run["environment"]
    title, answer = _plain(suite["name"]), _plain(headline(found))
    lines = [f"# {title}", "", suite["description"], ""]
    lines += [f"- **{_plain(start.sentence())}**" for start in starts]
    lines += ["", f"**{answer}**", "", "## Calibration", ""]
    lines += [f"- {_plain(line)}" for line in calibration(found)] or ["No controls were run."]
    for part, role in (("Verdicts, worst first", "cell"), ("Controls", "control")):
        chosen = worst_first(v for v in found if v.role == role)
        if chosen:
            lines += ["", f"## {part}", "", *_markdown_table(COLUMNS, [row(v) for v in chosen])]
    shown = [readings_row(v) for v in found if v.role == "cell"]
    lines += ["", "## The three axes", "", _plain(CURVE_TITLE), ""]
    lines += _markdown_table(READINGS, shown)
    said = [*insights(found), *needs(found), *limits(run, found)]
    lines += ["", "## How to read this", "", *(f"- {_plain(line)}" for line in said)]
    lines += ["", "## Figures", "", *(f"![{path.stem}](figures/{path.name})" for path in figures)]
    lines += ["", "## Notes", "", *(f"- {_plain(note)}" for note in _all_notes(run, found))]
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items() if version)
    lines += ["", "## Environment", "", f"{where['device']}, {where['machine']['processor']}; {versions}"]
    lines += [f"Commit {where['commit']}{' (dirty)' if where['dirty'] else ''}, code {where['code']}.", ""]
    return "\n".join(lines)


def _all_notes(run: dict[str, Any], found: list[Verdict]) -> list[str]:
    own = [f"{v.target}/{v.source}/{v.method}: {note}" for v in found for note in v.notes]
    return [*run["notes"], *run["skipped"], *own] or ["none"]


def _plain(text: str) -> str:
    """Text that markdown and HTML leave as it is."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return text


def _markdown_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return lines + ["| " + " | ".join(_plain(cell) for cell in cells) + " |" for cells in rows]


def render(folder: Path, run: dict[str, Any], found: list[Verdict], starts: Sequence[Starts] = ()) -> Path:
    """Writes `report.md` and `figures/` into the run's folder; the page's path."""
    page = folder / "report.md"
    write_text(page, markdown(run, found, draw_figures(folder, run, found), starts))
    return page
