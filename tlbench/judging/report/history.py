"""How accepted gains moved, commit by commit, from the accepted file in git."""

import functools
import json
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from tlbench.errors import TlbenchError, one_line
from tlbench.judging.accepted import Accepted, parse_accepted
from tlbench.judging.changes import Change, Rule, changes
from tlbench.judging.figures import STYLE, svg_of
from tlbench.records import read_json

MARKS = {"dropped": " v", "rose": " ^", "source changed": " *", "other data": " *"}
WORKING = "working tree"
MOST_LINES = 20
_run = functools.partial(subprocess.run, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Point:
    """The accepted file as of a commit; moved: each cell's change of gain since the point before."""

    commit: str
    date: str
    subject: str
    accepted: Accepted
    moved: dict[str, Change]

    def gain(self, path: str) -> float | None:
        """A cell's mean gain; None where the file does not have the cell."""
        cell = self.accepted.cells.get(path)
        return float(np.mean(cell.gain)) if cell and cell.gain else None

    def text(self, path: str) -> str:
        """The same in points, marked where it moved beyond noise."""
        gain, moved = self.gain(path), self.moved.get(path)
        return "-" if gain is None else f"{100 * gain:+.1f}{MARKS.get(moved.word, '') if moved else ''}"


@dataclass(frozen=True)
class History:
    """The points of an accepted file, oldest first, uncommitted changes last; and a line for each that is left out."""

    points: list[Point]
    left_out: list[str]

    def rows(self, last: int) -> tuple[list[str], list[list[str]]]:
        """The table: a row a cell, a column each of the last points."""
        shown = self.points[-last:]
        head = ["cell", *(" ".join(filter(None, (point.date, point.commit))) for point in shown)]
        return head, [[path, *(point.text(path) for point in shown)] for path in _cells(shown)]

    def drawn(self) -> str:
        """The same as a figure, SVG: a line a cell, those that moved most where there are many."""
        points = self.points
        ticks = [point.commit for point in points]
        gains = {path: [100 * _number(point.gain(path)) for point in points] for path in _cells(points)}
        most = sorted(gains, key=lambda path: -float(np.nanmax(gains[path]) - np.nanmin(gains[path])))[:MOST_LINES]
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(max(5.0, 1.0 + 0.6 * len(points)), 4.0), layout="constrained")
            axis = figure.subplots()
            for path, colour in zip(most, sns.color_palette("husl", len(most)), strict=True):
                name = "{1} by {2} on {0}".format(*path.split("/"))
                axis.plot(range(len(points)), gains[path], marker="o", color=colour, label=name)
            axis.axhline(0, color="0.5", linestyle="--", linewidth=1)
            axis.set_xticks(range(len(points)), ticks, rotation=45, ha="right")
            axis.set(ylabel="accepted gain, points")
            figure.legend(loc="outside right upper", fontsize="small")
            return svg_of(figure, "history", "Accepted gains, commit by commit")

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        points = self.points
        cells = dict.fromkeys(path for point in points for path in point.accepted.cells)
        return {
            "suite": points[-1].accepted.suite,
            "points": [{"commit": p.commit, "date": p.date, "subject": p.subject} for p in points],
            "gains": {path: [point.gain(path) for point in points] for path in cells},
            "moved": [{path: change.word for path, change in point.moved.items()} for point in points],
        }


def read_history(path: Path, rule: Rule) -> History:
    """How an accepted file moved.

    Raises:
        TlbenchError: no git here, or no commit has the file.
    """
    said, points = list[str](), list[Point]()
    for commit, date, subject in _commits(path):
        shown = _git(path.parent, "show", f"{commit}:./{path.name}")
        try:
            accepted = parse_accepted(json.loads(shown), f"{path} at {commit[:9]}")
        except (TlbenchError, ValueError) as error:
            said.append(f"{commit[:9]} is left out: {one_line(error)}")
            continue
        points.append(_point(commit[:9], date[:10], subject, accepted, points, rule))
    if path.is_file():
        try:
            here = parse_accepted(read_json(path), str(path))
        except TlbenchError as error:
            said.append(f"{WORKING} is left out: {one_line(error)}")
        else:
            if not points or here != points[-1].accepted:
                points.append(_point(WORKING, "", "not committed", here, points, rule))
    if not points:
        raise TlbenchError(
            f"no commit has {path} in a form that this tlbench reads; tlbench accept RUN, then commit it"
        )
    return History(points, said)


def _point(commit: str, date: str, subject: str, accepted: Accepted, before: list[Point], rule: Rule) -> Point:
    """A point with what moved since the last; nothing is said to have moved where the metric is another."""
    comparable = bool(before) and before[-1].accepted.metric == accepted.metric
    every = changes(before[-1].accepted, accepted, Rule.of(accepted.settings, rule.alpha)) if comparable else []
    return Point(commit, date, subject, accepted, {change.path: change for change in every if change.axis == "gain"})


def _commits(path: Path) -> list[tuple[str, str, str]]:
    """Commit, date and subject of every commit that left the file there, oldest first."""
    log = _git(path.parent, "log", "--reverse", "--diff-filter=AM", "--format=%H%x1f%cI%x1f%s", "--", path.name)
    lines = [line.split("\x1f") for line in log.splitlines()]
    return [(commit, date, subject) for commit, date, subject in lines]


def _git(folder: Path, *arguments: str) -> str:
    """Git's answer in the folder.

    Raises:
        TlbenchError: no git, or not a repository.
    """
    try:
        done = _run(["git", *arguments], cwd=folder, timeout=60)
    except FileNotFoundError as error:
        missing = f"no folder {folder}" if not folder.is_dir() else one_line(error)
        raise TlbenchError(f"{missing}; history reads the accepted files from git") from None
    if done.returncode:
        raise TlbenchError(f"git in {folder}: {' '.join(done.stderr.split())}; history reads accepted files from git")
    return done.stdout


def _cells(points: list[Point]) -> list[str]:
    """Judged cells of any of the points, in the file's order."""
    return list(dict.fromkeys(p for point in points for p, cell in point.accepted.cells.items() if cell.role == "cell"))


def _number(gain: float | None) -> float:
    return math.nan if gain is None else gain
