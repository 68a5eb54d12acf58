"""A run's report from its records alone: terminal, markdown, a page, and JSON; without torch."""

from pathlib import Path

from tlbench.judging import figures
from tlbench.judging.report.exports import bmf, github_benchmark, printed, publish
from tlbench.judging.report.history import read_history
from tlbench.judging.report.markdown import markdown
from tlbench.judging.report.page import html, picture
from tlbench.judging.report.schema import as_json, json_schema
from tlbench.judging.report.terminal import WIDE, table, terminal
from tlbench.judging.verdict import Judged
from tlbench.records import write_text

__all__ = [
    "WIDE",
    "as_json",
    "bmf",
    "github_benchmark",
    "html",
    "json_schema",
    "markdown",
    "printed",
    "publish",
    "read_history",
    "render",
    "table",
    "terminal",
]


def render(judged: Judged) -> Path:
    """Writes `report.html`, `report.md` and `figures/` into the run's folder; the page's path.

    Raises:
        TlbenchError: a file cannot be written; the records are untouched.
    """
    drawn = figures.drawings(judged)
    figures.write_drawings(judged.folder, drawn)
    write_text(judged.folder / "report.md", markdown(judged, drawn, picture(judged, drawn)))
    path = judged.folder / "report.html"
    write_text(path, html(judged, drawn))
    return path
