"""The report as one self-contained HTML file: no script or style from elsewhere, no network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tlbench.judging.changes import p_text
from tlbench.judging.figures import Drawing, themed
from tlbench.judging.report import words
from tlbench.judging.report.opened import opened
from tlbench.judging.verdict import Judged, Verdict

HERE = Path(__file__).parent
LIMIT = 10_000_000  # bytes of a page
DETAILS = 5_000_000  # of it for what cells open to,
A_CELL, A_SEED = 4000, 150  # about so many each
AXES = ("final accuracy", "convergence", "cost")
WORDS = ("negative", "unstable", "invalid", "inconclusive", "neutral", "positive")


def html(judged: Judged, figures: Sequence[Drawing] = ()) -> str:
    """The page; figures and details beyond what a page may hold are links to the files beside it."""
    rows = [row for v in words.worst_first(judged.verdicts) for row in _rows(v)]
    details = _details(judged)
    room = LIMIT - 1_000_000 - 600 * len(rows) - sum(len(one) for one in details.values())
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            name=judged.run["suite"]["name"],
            description=judged.run["suite"]["description"],
            asked=words.asked(judged.run),
            headline=words.headline(judged.verdicts),
            unfinished=any(v.provisional for v in judged.verdicts),
            tally=_tally(judged.verdicts),
            starts=[start.sentence() for start in judged.starts],
            sources=words.by_source(judged.verdicts),
            calibration=[line.partition(": ")[::2] for line in words.calibration(judged.verdicts)],
            rows=rows,
            details=details,
            choices=_choices(rows),
            remarks=words.remarks(judged),
            figures=_placed(figures, room),
            settings=_settings(judged.run),
            notes=words.all_notes(judged),
            made_with=words.made_with(judged.run),
        )
    )


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _tally(found: Sequence[Verdict]) -> list[tuple[str, int]]:
    judged = [v.verdict for v in found if v.role == "cell"]
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
        "scratch": words.percent(v.baseline_accuracy),
        "own": words.percent(v.accuracy),
    }
    p = p_text(v.p_adjusted) if v.n_pairs > 1 else "-"
    rows = [shared | _axis("final accuracy", v.verdict, words.gain_text(v), v.gain, p) | {"flag": words.flag(v)}]
    if v.convergence:
        area = v.convergence["area"]
        effect = words.with_interval(area["mean"], area["interval"])
        p = p_text(v.convergence["p_adjusted"]) if area["interval"] else "-"
        rows.append(shared | _axis("convergence", v.convergence["verdict"], effect, area["mean"], p))
    if "verdict" in v.cost:
        effect = words.speedup_text(v.cost)
        row = _axis("cost", v.cost["verdict"], effect, v.cost["speedup"] - 1, p_text(v.cost["p_adjusted"]))
        rows.append(shared | row)
    return rows


def _axis(axis: str, word: str, effect: str, value: float | None, p: str) -> dict[str, Any]:
    flag = words.FLAGS.get(word, f"!  {word}")
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
    size = sum(A_CELL + A_SEED * len(held.own.records) for held in judged.held)
    pairs = zip(judged.held, judged.verdicts, strict=True)
    return {held.cell["path"]: opened(held, v, brief=size > DETAILS) for held, v in pairs}


def _placed(figures: Sequence[Drawing], room: int) -> list[dict[str, Any]]:
    """Each figure and the numbers behind it, within the page while there is room, else as linked files."""
    placed = []
    for figure in figures:
        drawing, table = themed(figure.svg), figure.table.to_csv(index=False)
        inline, carried = len(drawing) <= room, len(drawing) + 2 * len(table) <= room
        room -= (len(drawing) if inline else 0) + (2 * len(table) if carried else 0)
        placed.append({"drawing": figure, "svg": drawing if inline else "", "csv": table if carried else ""})
    return placed


def _settings(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every setting of the run, by part."""
    suite = {key: value for key, value in run["suite"].items() if key not in ("name", "description")}
    sources, methods, targets = (
        {c[part]["label"]: c[part] for c in run["cells"]} for part in ("source", "method", "target")
    )
    seeds = {"looks, seeds a cell": run["looks"], "share of the level": run["weights"]}
    return {
        "suite": suite,
        "seeds": seeds,
        "verdict": run["verdict"],
        "targets": targets,
        "sources": sources,
        "methods": methods,
        "engine": run["engine"],
        "environment": run["environment"],
    }
