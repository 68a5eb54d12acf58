"""Gain against something else that is known of a cell: how near its source seems, what it costs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tlbench.judging import stats
from tlbench.judging.figures.drawing import Drawing, svg_of
from tlbench.judging.figures.numbers import bar_lengths, bars, cells, gain_of, grouped, row, unit
from tlbench.judging.figures.style import COLUMNS, GREY, INK, MARKS, Colour, dots, hues, legend, marks, panels
from tlbench.judging.verdict import Judged, Verdict, method_of

CORNERS = {  # of the plane of cost and gain
    (0.02, 0.97): "dearer and better",
    (0.98, 0.97): "cheaper and better",
    (0.02, 0.03): "dearer and worse",
    (0.98, 0.03): "cheaper and worse",
}


def gain_by_similarity(judged: Judged) -> Drawing | None:
    """Gain with its interval against each similarity, colour a method, mark a verdict; controls hollow."""
    scored = [v for v in judged.verdicts if v.similarity and v.gain is not None]
    names = list(dict.fromkeys(name for v in scored for name in v.similarity))
    if not names:
        return None
    colours = hues(method_of(v) for v in scored)
    figure, axes = panels(len(names))
    for name, axis in zip(names, axes, strict=True):
        here = [v for v in scored if name in v.similarity]
        _points(axis, here, [v.similarity[name] for v in here], colours)
        axis.axhline(0, color=GREY, linestyle="--", linewidth=1)
        axis.set(xlabel=name, title=_rank(here, name))
    for axis in axes[::COLUMNS]:
        axis.set_ylabel(f"gain, {unit(judged).name}")
    legend(figure, [*dots(colours), *marks(scored)])
    title = "Gain by similarity of source and target"
    caption = (
        f"Colour a method, mark a verdict, hollow: controls; {bars(scored)}; dashed: zero gain. Rank correlations are "
        "Spearman's over the judged cells of all methods."
    )
    table = pd.DataFrame([row(v) | v.similarity for v in scored])
    return Drawing("gain-by-similarity", title, caption, svg_of(figure, "gain-by-similarity", title), table)


def cost_by_gain(judged: Judged) -> Drawing | None:
    """Gain with its interval against the ratio of the baseline's seconds to the arm's, in doublings."""
    verdicts = [v for v in cells(judged) if v.cost.get("speedup")]
    if not verdicts:
        return None
    colours = hues(method_of(v) for v in verdicts)
    figure, (axis,) = panels(1, 7.5, 5.0)
    doublings = [float(np.log2(v.cost["speedup"])) for v in verdicts]
    _points(axis, verdicts, doublings, colours)
    _quadrants(axis)
    estimated = " (estimated)" if any(v.cost["estimated"] for v in verdicts) else ""
    axis.set(xlabel=f"seconds of scratch / seconds of the arm{estimated}", ylabel=f"gain, {unit(judged).name}")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.xaxis.set_major_formatter(lambda value, _: f"{2**value:.3g}x")
    legend(figure, [*dots(colours), *marks(verdicts)])
    title = "Cost and gain"
    caption = (
        "To the right an arm takes less time than scratch (a step of the log axis is a doubling; the source's "
        f"pretraining is not counted), upward it is better; colour a method, mark a verdict; {bars(verdicts)}."
    )
    table = pd.DataFrame([row(v) | _costs(v) for v in verdicts])
    return Drawing("cost-by-gain", title, caption, svg_of(figure, "cost-by-gain", title), table)


def _points(axis: Axes, verdicts: Sequence[Verdict], across: Sequence[float], colours: Mapping[str, Colour]) -> None:
    """Gains with their intervals at these places, those that are drawn alike in one go."""
    positions = grouped(range(len(verdicts)), lambda i: (method_of(verdicts[i]), verdicts[i].verdict, verdicts[i].role))
    for (method, verdict, role), alike in positions.items():
        axis.errorbar(
            [across[i] for i in alike],
            [gain_of(verdicts[i]) for i in alike],
            bar_lengths([verdicts[i] for i in alike]),
            fmt=MARKS[verdict],
            color=colours[method],
            markerfacecolor="none" if role == "control" else colours[method],
            elinewidth=0.9,
            alpha=0.85,
        )


def _rank(verdicts: Sequence[Verdict], name: str) -> str:
    judged = [v for v in verdicts if v.role == "cell"]
    x, y = np.array([v.similarity[name] for v in judged]), np.array([gain_of(v) for v in judged])
    rank = stats.rank_correlation(x, y)
    return "" if rank is None else f"rank correlation {round(rank, 2) + 0.0:+.2f}"


def _quadrants(axis: Axes) -> None:
    """Names the four corners around equal cost and zero gain, each given at least a third of the axis."""
    for line, limits, put in (
        (axis.axvline, axis.get_xlim(), axis.set_xlim),
        (axis.axhline, axis.get_ylim(), axis.set_ylim),
    ):
        low, high = limits
        put(min(low, -high / 2, -1.0), max(high, -low / 2, 1.0))
        line(0, color=GREY, linestyle="--", linewidth=1)
    for (x, y), text in CORNERS.items():
        ha, va = "left" if x < 0.5 else "right", "bottom" if y < 0.5 else "top"
        axis.text(x, y, text, ha=ha, va=va, transform=axis.transAxes, color=INK, fontstyle="italic")


def _costs(v: Verdict) -> dict[str, object]:
    low, high = v.cost.get("speedup_interval") or (None, None)
    return {
        "seconds": v.cost.get("seconds"),
        "baseline_seconds": v.cost.get("baseline_seconds"),
        "speedup": v.cost["speedup"],
        "speedup_low": low,
        "speedup_high": high,
        "estimated": v.cost["estimated"],
        "cost_verdict": v.cost.get("verdict"),
    }
