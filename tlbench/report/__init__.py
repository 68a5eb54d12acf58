"""A run's report from its records alone: terminal, markdown, a page, and JSON; without torch."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tlbench import figures
from tlbench.records import SCHEMA_VERSION, write_text
from tlbench.report.markdown import markdown
from tlbench.report.page import html
from tlbench.report.terminal import WIDE, terminal
from tlbench.report.words import worst_first
from tlbench.verdict import Judged

__all__ = ["WIDE", "as_json", "html", "markdown", "render", "terminal"]


def as_json(judged: Judged) -> dict[str, Any]:
    """The report as plain data; accuracies in [0, 1]."""
    return {
        "schema_version": SCHEMA_VERSION,
        "suite": judged.run["suite"]["name"],
        "starts": [asdict(start) for start in judged.starts],
        "cells": [verdict.as_dict() for verdict in worst_first(judged.verdicts)],
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
