"""Every cell's gain with its interval, in order."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from tlbench.judging.figures.drawing import Drawing, link_to, svg_of
from tlbench.judging.figures.numbers import bar_lengths, bars, cells, gain_of, grouped, row, unit
from tlbench.judging.figures.style import FACES, GREY, INK, MARKS, legend, marks, panels, short
from tlbench.judging.verdict import Judged, Verdict, method_of, source_of, target_of

MOST, MOST_CONTROLS = 80, 20
HUES = {"negative": "#d55e00", "positive": "#0173b2"}


def forest(judged: Judged) -> Drawing | None:
    """A row a judged cell, sorted by gain, with its interval and the margin; controls below."""
    verdicts = sorted(cells(judged), key=gain_of)
    controls = sorted((v for v in judged.verdicts if v.role == "control" and v.gain is not None), key=gain_of)
    blocks = [block for block in (*_ends(verdicts, MOST), *_ends(controls, MOST_CONTROLS)) if block]
    if not blocks:
        return None
    shown = [v for block in blocks for v in block]
    count = len(shown) + len(blocks) - 1
    figure, (axis,) = panels(1, 9.0, max(1.6, 0.175 * count + 0.7))
    places: list[int] = []
    for block in blocks:
        first = places[-1] + 2 if places else 0
        _rows(axis, block, first)
        places += range(first, first + len(block))
        axis.axhline(first - 1, color=GREY, linestyle=":", linewidth=1)
    told = unit(judged)
    margin = told.scale * judged.run.verdict.margin
    axis.axvspan(-margin, margin, color=GREY, alpha=0.25, linewidth=0)
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.set_yticks(places, [_name(v) for v in shown], fontsize="small")
    for label, v in zip(axis.get_yticklabels(), shown, strict=True):
        label.set_color(GREY if v.role == "control" else INK)
        label.set_url(link_to(f"{v.target}/{v.source}/{v.method}"))
    axis.set(ylim=(count - 0.4, -0.6), xlabel=f"gain, {told.name}")
    axis.grid(visible=False, axis="y")
    legend(figure, marks(shown, hollow=True))
    title = "Every cell's gain with its interval"
    caption = (
        f"Sorted by gain, positive is better; {bars([*verdicts, *controls])}; shaded: the margin of {margin:g} "
        f"{told.name} around zero; grey rows: controls.{_omitted(len(verdicts), len(controls))}"
    )
    table = pd.DataFrame([row(v) for v in (*verdicts, *controls)])
    return Drawing("forest", title, caption, svg_of(figure, "forest", title), table)


def _name(v: Verdict) -> str:
    return f"{short(source_of(v), 30)} by {short(method_of(v), 24)} on {short(target_of(v), 30)}"


def _ends(ordered: list[Verdict], most: int) -> list[list[Verdict]]:
    """All, or as many as a figure holds from either end."""
    return [ordered] if len(ordered) <= most else [ordered[: most // 2], ordered[-(most // 2) :]]


def _omitted(cells_there: int, controls_there: int) -> str:
    parts = [
        f"the {most // 2} most negative and the {most // 2} most positive of {there} {what}"
        for there, most, what in ((cells_there, MOST, "cells"), (controls_there, MOST_CONTROLS, "controls"))
        if there > most
    ]
    return f" Drawn are {' and '.join(parts)}; the CSV holds all." if parts else ""


def _rows(axis: Axes, verdicts: Sequence[Verdict], first: int) -> None:
    """A point and a bar a row from row `first` down; cells of one verdict at a time."""
    for word, positions in grouped(range(len(verdicts)), lambda i: verdicts[i].verdict).items():
        alike, rows = [verdicts[i] for i in positions], [first + i for i in positions]
        colour = GREY if alike[0].role == "control" else HUES.get(word, INK)
        axis.errorbar(
            [gain_of(v) for v in alike],
            rows,
            xerr=bar_lengths(alike),
            fmt=MARKS[word],
            color=colour,
            markerfacecolor=FACES.get(word, colour),
        )
