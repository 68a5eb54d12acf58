"""The report as one self-contained HTML file: no script or style from elsewhere, no network."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tlbench.judging import insights
from tlbench.judging.changes import p_text
from tlbench.judging.figures import Drawing, themed
from tlbench.judging.report import sentences, tables
from tlbench.judging.report.classes import harms_of
from tlbench.judging.report.details import details
from tlbench.judging.verdict import Judged, Verdict, method_of, source_of, target_of
from tlbench.runfile import Named, Run

HERE = Path(__file__).parent
LIMIT = 10_000_000  # bytes of a page
DETAILS = 5_000_000  # of it for what cells open to,
A_CELL, A_SEED = 6000, 150  # about so many each
ROLES = ("cell", "control")  # that have rows
AXES = ("final", "convergence", "cost")
FEW = 6  # cells that are told one by one in the first picture
FIRST = ("forest", "gain-heatmap")
GLYPHS = {"negative": "▼", "positive": "▲", "neutral": "■", "inconclusive": "○", "unstable": "×", "invalid": "×"}  # noqa: RUF001
WORDS = ("negative", "unstable", "invalid", "inconclusive", "neutral", "positive")


def html(judged: Judged, figures: Sequence[Drawing] = ()) -> str:
    """The page; figures and details beyond what a page may hold are links to the files beside it."""
    rows = [row for role in ROLES for v in tables.shown(judged.verdicts, role) for row in _rows(v)]
    opened = _details(judged)
    room = LIMIT - 1_000_000 - 600 * len(rows) - sum(map(len, opened.values()))
    first = picture(judged, figures)
    placed = _placed(sorted(figures, key=lambda figure: figure is not first), room)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            name=judged.run.suite.name,
            description=judged.run.suite.description,
            metric=judged.run.suite.metric,
            asked=sentences.asked(judged.run),
            answer=sentences.answer(judged),
            unfinished=any(v.provisional for v in judged.verdicts),
            tally=_tally(judged.verdicts),
            picture=placed[0] if first else None,
            controls=tables.controls(judged),
            fault=tables.FAULT,
            rows=rows,
            details=opened,
            choices=_choices(rows),
            remarks=tables.remarks(judged),
            further=tables.further(judged),
            figures=placed[1 if first else 0 :],
            beside=tables.beside_figures(judged),
            settings=_settings(judged.run),
            notes=sentences.all_notes(judged),
            made_with=sentences.made_with(judged.run),
        )
    )


def picture(judged: Judged, figures: Sequence[Drawing]) -> Drawing | None:
    """The one that is shown first: the forest of few cells, else the map of all."""
    few = sum(v.role == "cell" for v in judged.verdicts) <= FEW
    names = FIRST if few else FIRST[::-1]
    found = {figure.name: figure for figure in figures}
    return next((found[name] for name in names if name in found), None)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"parted": _parted, "glyphed": _glyphed}
    return made


def _parted(text: str) -> Markup:
    """A name that may break after its separators; numbers have blanks."""
    pieces = re.split(r"(?<=[^\W\d][:/_,])(?=\w)", text)
    return Markup("<wbr>").join(pieces)


def _glyphed(text: str) -> str:
    """A table's text with the marks of the figures in place of the terminal's."""
    found = next((word for word, flag in sentences.FLAGS.items() if text.startswith(flag)), None)
    return text if found is None else f"{GLYPHS[found]}\u00a0{found}{text.removeprefix(sentences.FLAGS[found])}"


def _tally(verdicts: Sequence[Verdict]) -> list[tuple[str, str, int]]:
    judged = [v.verdict for v in verdicts if v.role == "cell"]
    return [(word, GLYPHS[word], judged.count(word)) for word in WORDS if word in judged]


def _rows(v: Verdict) -> list[dict[str, Any]]:
    """A row for each axis on which the cell has a verdict."""
    shared = {
        "cell": f"{v.target}/{v.source}/{v.method}",
        "target": target_of(v),
        "source": source_of(v),
        "method": method_of(v),
        "role": v.role,
        "n": sentences.seeds_text(v),
        "hurt": "-" if v.share_hurt is None else f"{v.share_hurt:.0%}",
        "scratch": sentences.percent(v.baseline_score, v.metric),
        "own": sentences.percent(v.score, v.metric),
    }
    p = p_text(v.p_adjusted) if v.n_pairs > 1 else "-"
    final = _axis(AXES[0], v.verdict, sentences.gain_text(v), v.gain, p)
    rows = [shared | final | {"flag": _flag(v.verdict, sentences.flag(v))}]
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
    return {"axis": axis, "verdict": word, "flag": _flag(word, word), "effect": effect, "value": value or 0.0, "p": p}


def _flag(word: str, flag: str) -> str:
    """A verdict with the mark that the figures give it, in place of the terminal's."""
    return f"{GLYPHS[word]} {flag.lstrip('!+=? ').lower()}"


def _choices(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """What the table can be filtered by."""
    return {key: list(dict.fromkeys(row[key] for row in rows)) for key in ("target", "source", "method")} | {
        "axis": [axis for axis in AXES if any(row["axis"] == axis for row in rows)],
        "verdict": [word for word in WORDS if any(row["verdict"] == word for row in rows)],
        "role": [role for role in ROLES if any(row["role"] == role for row in rows)],
    }


def _details(judged: Judged) -> dict[str, Markup]:
    """What each cell opens to: in full, or where that would be too much for one page, without its seeds' rows."""
    size = sum(A_CELL + A_SEED * len(cell.own.records) for cell in judged.cells)
    heads = {id(probe): head for probe, head in insights.heads(judged.verdicts)}
    return {
        cell.path: details(cell, v, harms_of(cell, judged.run), heads.get(id(v)), brief=size > DETAILS)
        for cell, v in zip(judged.cells, judged.verdicts, strict=True)
        if v.role != "beside"
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
