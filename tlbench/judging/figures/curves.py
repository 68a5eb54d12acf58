"""Learning curves: how the validation score grows with the steps, transfer against scratch."""

from collections import defaultdict
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tlbench.judging import stats
from tlbench.judging.figures.drawing import Drawing, svg_of
from tlbench.judging.figures.numbers import column, grouped, span, unit
from tlbench.judging.figures.style import (
    GREY,
    Colour,
    dots,
    headed,
    hues,
    left_out,
    legend,
    lines,
    loudest,
    named,
    panels,
)
from tlbench.judging.stats import Floats
from tlbench.judging.verdict import Arm, CellRecords, Judged, higher_is_better, method_of, source_of, target_of

LEVEL = 0.95
SCRATCH = "scratch"
Panel: TypeAlias = tuple[str, str]  # target, source


class Line(NamedTuple):
    """An arm's mean curve with its band, in the metric's unit, over n seeds."""

    method: str
    n: int
    steps: tuple[int, ...]
    mean: Floats
    low: Floats
    high: Floats


def learning_curves(judged: Judged) -> Drawing | None:
    """Validation score by steps, a panel a source and target, a line a method and a dashed one for scratch."""
    there = _lines(judged.cells, unit(judged).scale)
    shown = f"{'' if higher_is_better(judged.cells) else 'minus '}validation {judged.run.suite.metric}"
    if not there:
        return None
    groups = grouped(judged.verdicts, lambda v: (v.target, v.source))
    titles = {panel: headed(source_of(own[0]), f"to {target_of(own[0])}") for panel, own in groups.items()}
    chosen = loudest({panel: groups[panel] for panel in there})
    figure, axes = panels(len(chosen))
    colours = hues(line.method for key in there for line in there[key] if line.method != SCRATCH)
    for axis, panel in zip(axes, chosen, strict=True):
        for line in there[panel]:
            _draw(axis, line, colours.get(line.method))
        axis.set_title(titles[panel])
    if unit(judged).scale > 1 and all(
        0 <= mean <= 100 for panel in there.values() for line in panel for mean in line.mean
    ):
        axes[0].set_ylim(0, 100)
    named(axes, "steps", f"{shown}, {unit(judged).name}")
    typed = {v.method: method_of(v) for v in judged.verdicts}
    legend(figure, [*dots({SCRATCH: GREY}, "", "--"), *lines({typed[method]: hue for method, hue in colours.items()})])
    title = "Learning curves, transfer against scratch"
    seeds = span(line.n for own in there.values() for line in own)
    caption = (
        f"Mean {shown} by steps with its {LEVEL:.0%} t interval as a band, over n = {seeds} seeds; dashed: "
        f"from-scratch; trials that failed are left out.{left_out(len(chosen), len(there))}"
    )
    return Drawing(
        "learning-curves",
        title,
        caption,
        svg_of(figure, "learning-curves", title),
        _table(there, judged.run.suite.metric),
    )


def _lines(cells: list[CellRecords], scale: float) -> dict[Panel, list[Line]]:
    """Each panel's lines, scratch first; panels without a curve of their own are left out."""
    arms = {cell.plan.baseline: cell.base for cell in cells}
    scratch = {path: _line(SCRATCH, arm, scale) for path, arm in arms.items()}
    by_panel: dict[Panel, dict[str, Line]] = defaultdict(dict)
    for cell in cells:
        plan, own = cell.plan, _line(cell.plan.method.label, cell.own, scale)
        if own:
            lines_there = by_panel[(plan.target.label, plan.source.label)]
            if base := scratch[plan.baseline]:
                lines_there[plan.baseline] = base
            lines_there[plan.path] = own
    return {panel: list(lines_there.values()) for panel, lines_there in by_panel.items()}


def _line(method: str, arm: Arm, scale: float) -> Line | None:
    """The mean over the seeds that did not fail; None without curves."""
    curves = arm.curves()
    if not curves:
        return None
    band = stats.band(scale * np.array([curve.validation_score for curve in curves]), LEVEL)
    return Line(method, len(curves), curves[0].steps, *band)


def _draw(axis: Axes, line: Line, colour: Colour | None) -> None:
    axis.plot(line.steps, line.mean, color=colour or GREY, linestyle="-" if colour else "--")
    if line.n > 1:
        axis.fill_between(line.steps, line.low, line.high, color=colour or GREY, alpha=0.18, linewidth=0)


def _table(there: dict[Panel, list[Line]], metric: str) -> pd.DataFrame:
    columns: dict[str, list[Any]] = defaultdict(list)
    for (target, source), own in there.items():
        for line in own:
            names = {"target": target, "source": source, "method": line.method, "n": line.n}
            for name, value in names.items():
                columns[name] += [value] * len(line.steps)
            columns["steps"] += line.steps
            for name, values in (("mean", line.mean), ("low", line.low), ("high", line.high)):
                columns[column(name, metric)] += np.round(values, 4).tolist()
    return pd.DataFrame(columns)
