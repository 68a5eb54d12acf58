"""A run's report from its records alone: terminal, markdown, a page, and JSON; without torch."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tlbench.judging import figures
from tlbench.judging.report.classes import as_plain, harms_of
from tlbench.judging.report.exports import bmf, github_benchmark, printed, publish
from tlbench.judging.report.history import read_history
from tlbench.judging.report.markdown import markdown
from tlbench.judging.report.page import html
from tlbench.judging.report.sentences import worst_first
from tlbench.judging.report.terminal import WIDE, table, terminal
from tlbench.judging.verdict import Judged
from tlbench.records import SCHEMA_VERSION, write_text

__all__ = [
    "WIDE",
    "as_json",
    "bmf",
    "github_benchmark",
    "html",
    "markdown",
    "printed",
    "publish",
    "read_history",
    "render",
    "table",
    "terminal",
]


def as_json(judged: Judged) -> dict[str, Any]:
    """The report as plain data; scores on the metric's own scale. classes: null where records do not tell."""
    classes = {cell.path: as_plain(harms) for cell in judged.cells if (harms := harms_of(cell, judged.run))}
    return {
        "schema_version": SCHEMA_VERSION,
        "suite": judged.run.suite.name,
        "starts": [asdict(start) for start in judged.starts],
        "cells": [
            v.as_dict() | {"classes": classes.get(f"{v.target}/{v.source}/{v.method}")}
            for v in worst_first(judged.verdicts)
        ],
    }


def render(judged: Judged) -> Path:
    """Writes `report.html`, `report.md` and `figures/` into the run's folder; the page's path.

    Raises:
        TlbenchError: a file cannot be written; the records are untouched.
    """
    drawn = figures.drawings(judged)
    figures.write_drawings(judged.folder, drawn)
    write_text(judged.folder / "report.md", markdown(judged, drawn))
    path = judged.folder / "report.html"
    write_text(path, html(judged, drawn))
    return path
