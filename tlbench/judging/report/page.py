"""The report as one self-contained HTML file: no script or style from elsewhere, no network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tlbench.judging.changes import p_text
from tlbench.judging.figures import Drawing, themed
from tlbench.judging.report import sentences
from tlbench.judging.report.classes import harms_of
from tlbench.judging.report.details import details
from tlbench.judging.verdict import Judged, Verdict
from tlbench.runfile import Named, Run

HERE = Path(__file__).parent
LIMIT = 10_000_000  # bytes of a page
DETAILS = 5_000_000  # of it for what cells open to,
A_CELL, A_SEED = 4000, 150  # about so many each
AXES = ("final accuracy", "convergence", "cost")
WORDS = ("negative", "unstable", "invalid", "inconclusive", "neutral", "positive")


def html(judged: Judged, figures: Sequence[Drawing] = ()) -> str:
    """The page; figures and details beyond what a page may hold are links to the files beside it."""
    rows = [row for v in sentences.worst_first(judged.verdicts) for row in _rows(v)]
    opened = _details(judged)
    room = LIMIT - 1_000_000 - 600 * len(rows) - sum(map(len, opened.values()))
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            name=judged.run.suite.name,
            description=judged.run.suite.description,
            metric=judged.run.suite.metric,
            asked=sentences.asked(judged.run),
            headline=sentences.headline(judged.verdicts),
            unfinished=any(v.provisional for v in judged.verdicts),
            tally=_tally(judged.verdicts),
            starts=[start.sentence() for start in judged.starts],
            sources=sentences.by_source(judged.verdicts),
            calibration=[line.partition(": ")[::2] for line in sentences.calibration(judged.verdicts)],
            rows=rows,
            details=opened,
            choices=_choices(rows),
            remarks=sentences.remarks(judged),
            figures=_placed(figures, room),
            settings=_settings(judged.run),
            notes=sentences.all_notes(judged),
            made_with=sentences.made_with(judged.run),
        )
    )


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _tally(verdicts: Sequence[Verdict]) -> list[tuple[str, int]]:
    judged = [v.verdict for v in verdicts if v.role == "cell"]
    return [(word, judged.count(word)) for word in WORDS if word in judged]


def _rows(v: Verdict) -> list[dict[str, Any]]:
    """A row for each axis on which the cell has a verdict."""
    shared = {
        "cell": f"{v.target}/{v.source}/{v.method}",
        "target": v.target,
        "source": v.source,
        "method": v.method,
        "role": v.role,
        "n": f"{v.n_pairs}/{v.n_planned}",
        "hurt": "-" if v.share_hurt is None else f"{v.share_hurt:.0%}",
        "scratch": sentences.percent(v.baseline_score, v.metric),
        "own": sentences.percent(v.score, v.metric),
    }
    p = p_text(v.p_adjusted) if v.n_pairs > 1 else "-"
    final = _axis("final accuracy", v.verdict, sentences.gain_text(v), v.gain, p)
    rows = [shared | final | {"flag": sentences.flag(v)}]
    if v.convergence:
        area = v.convergence["area"]
        effect = sentences.with_interval(area["mean"], area["interval"], v.metric)
        p = p_text(v.convergence["p_adjusted"]) if area["interval"] else "-"
        rows.append(shared | _axis("convergence", v.convergence["verdict"], effect, area["mean"], p))
    if "verdict" in v.cost:
        effect = sentences.speedup_text(v.cost)
        row = _axis("cost", v.cost["verdict"], effect, v.cost["speedup"] - 1, p_text(v.cost["p_adjusted"]))
        rows.append(shared | row)
    return rows


def _axis(axis: str, word: str, effect: str, value: float | None, p: str) -> dict[str, Any]:
    flag = sentences.FLAGS.get(word, f"!  {word}")
    return {"axis": axis, "verdict": word, "flag": flag, "effect": effect, "value": value or 0.0, "p": p}


def _choices(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """What the table can be filtered by."""
    return {key: list(dict.fromkeys(row[key] for row in rows)) for key in ("target", "source", "method")} | {
        "axis": [axis for axis in AXES if any(row["axis"] == axis for row in rows)],
        "verdict": [word for word in WORDS if any(row["verdict"] == word for row in rows)],
        "role": [role for role in ("cell", "control") if any(row["role"] == role for row in rows)],
    }


def _details(judged: Judged) -> dict[str, Markup]:
    """What each cell opens to: in full, or where that would be too much for one page, without its seeds' rows."""
    size = sum(A_CELL + A_SEED * len(cell.own.records) for cell in judged.cells)
    pairs = zip(judged.cells, judged.verdicts, strict=True)
    return {
        cell.path: details(cell, verdict, harms_of(cell, judged.run), brief=size > DETAILS) for cell, verdict in pairs
    }


def _placed(figures: Sequence[Drawing], room: int) -> list[dict[str, Any]]:
    """Each figure and the numbers behind it, within the page while there is room, else as linked files."""
    placed = []
    for figure in figures:
        drawing, table = themed(figure.svg), figure.table.to_csv(index=False)
        inline, carried = len(drawing) <= room, len(drawing) + 2 * len(table) <= room
        room -= (len(drawing) if inline else 0) + (2 * len(table) if carried else 0)
        placed.append({"drawing": figure, "svg": drawing if inline else "", "csv": table if carried else ""})
    return placed


def _settings(run: Run) -> dict[str, dict[str, Any]]:
    """Every setting of the run, by part."""
    return {
        "suite": run.suite.model_dump(mode="json", exclude={"name", "description"}),
        "seeds": {"looks, seeds a cell": list(run.looks), "share of the level": list(run.weights)},
        "verdict": run.verdict.model_dump(),
        "targets": {cell.target.label: cell.target.model_dump(mode="json") for cell in run.cells},
        "sources": {cell.source.label: _named(cell.source) for cell in run.cells},
        "methods": {cell.method.label: _named(cell.method) for cell in run.cells},
        "engine": run.engine,
        "environment": run.environment,
    }


def _named(entry: Named) -> dict[str, Any]:
    """A source or a method: what was typed, then its options one by one."""
    return entry.model_dump(mode="json", exclude={"recipe"}) | entry.recipe
