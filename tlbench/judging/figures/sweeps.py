"""Sweeps: gain by the number of training images, score by the number of blocks that learn."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator

from tlbench.judging import stats
from tlbench.judging.figures.drawing import Drawing, svg_of
from tlbench.judging.figures.numbers import bar_lengths, bars, column, gain_of, grouped, row, scaled, unit
from tlbench.judging.figures.style import (
    GREY,
    INK,
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
    short,
)
from tlbench.judging.insights import sweeps_over_data
from tlbench.judging.spoken import spoken
from tlbench.judging.verdict import Judged, Verdict, method_of, source_of, target_of


def gain_by_n_train(judged: Judged) -> Drawing | None:
    """Gain with its interval against n_train on a log axis; a panel a dataset and method, a line a source."""
    sweeps = sweeps_over_data(judged.verdicts)
    groups: dict[tuple[str, str], dict[str, list[Verdict]]] = defaultdict(dict)
    for sweep in sweeps.values():
        first = sweep[0]
        groups[(spoken(first.dataset_spec, first.dataset), method_of(first))][source_of(first)] = sweep
    if not groups:
        return None
    chosen = loudest({key: [v for sweep in group.values() for v in sweep] for key, group in groups.items()})
    colours = hues(source for group in groups.values() for source in group)
    figure, axes = panels(len(chosen))
    for axis, (dataset, method) in zip(axes, chosen, strict=True):
        _by_data(axis, groups[(dataset, method)], colours)
        axis.axhline(0, color=GREY, linestyle="--", linewidth=1)
        axis.set_title(headed(method, f"on {dataset}"))
    named(axes, "n_train", f"gain, {unit(judged).name}")
    crossed = {"help turns to harm": INK} if any(map(crossing_of, sweeps.values())) else {}
    legend(figure, [*lines(colours, "o"), *dots(crossed, "D")])
    title = "Gain by the number of training images"
    caption = (
        f"A line a source; {bars(v for sweep in sweeps.values() for v in sweep)}; dashed: zero gain; a diamond marks "
        f"the n_train at which the mean gain falls to zero, where it does so once.{left_out(len(chosen), len(groups))}"
    )
    table = pd.DataFrame(
        [
            row(v) | {"dataset": v.dataset, "n_train": v.n_train, "crossover_n_train": crossing_of(sweep)}
            for sweep in sweeps.values()
            for v in sweep
        ]
    )
    return Drawing("gain-by-n_train", title, caption, svg_of(figure, "gain-by-n_train", title), table)


def crossing_of(sweep: Sequence[Verdict]) -> float | None:
    """The n_train at which help turns to harm, log-linear between those tried; None where it does not, or not once."""
    sizes = np.log([float(v.n_train) for v in sweep])
    place = stats.crossing(sizes, np.array([gain_of(v) for v in sweep]))
    return None if place is None else round(float(np.exp(place)), 1)


def _by_data(axis: Axes, sweeps: Mapping[str, Sequence[Verdict]], colours: Mapping[str, Colour]) -> None:
    """A line a source, its crossing a diamond, with its n_train where that does not run into the one before."""
    sizes = sorted({v.n_train for sweep in sweeps.values() for v in sweep})
    axis.set_xscale("log")
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.xaxis.set_minor_locator(NullLocator())
    for source, sweep in sweeps.items():
        gains = [gain_of(v) for v in sweep]
        axis.errorbar([v.n_train for v in sweep], gains, bar_lengths(sweep), marker="o", color=colours[source])
    labelled, apart = 0.0, (sizes[-1] / sizes[0]) ** 0.15
    for place, source in sorted((place, source) for source, sweep in sweeps.items() if (place := crossing_of(sweep))):
        axis.plot([place], [0], marker="D", color=colours[source], markeredgecolor=INK, zorder=4)
        if place > labelled * apart:
            axis.annotate(f"{place:.0f}", (place, 0), (0, 6), textcoords="offset points", color=INK, ha="center")
            labelled = place


def accuracy_by_k(judged: Judged) -> Drawing | None:
    """The score against the number of last blocks that learn; a panel a target, a line a source."""
    there = [v for v in judged.verdicts if None not in (v.unfrozen, v.score, v.baseline_score, v.interval)]
    lines_there = grouped(there, lambda v: (v.target, v.source)).values()
    verdicts = [v for line in lines_there for v in line if len({v.unfrozen for v in line}) > 1]
    if not verdicts:
        return None
    groups, metric = grouped(verdicts, target_of), judged.run.suite.metric
    chosen, colours = loudest(groups), hues(source_of(v) for v in verdicts)
    (figure, axes), told = panels(len(chosen), level=False), unit(judged)
    for axis, target in zip(axes, chosen, strict=True):
        _by_depth(axis, groups[target], colours)
        axis.set_title(short(target))
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    named(axes, "last blocks that learn (0: the head alone)", f"test {metric}, {told.name}")
    legend(figure, [*dots({"scratch": GREY}, "", "--"), *lines(colours, "o")])
    title = f"{metric.capitalize()} by the number of blocks that learn"
    caption = (
        f"A line a source, dashed: from-scratch; {bars(verdicts)}, drawn around the arm's mean {metric}."
        f"{left_out(len(chosen), len(groups))}"
    )
    table = pd.DataFrame([row(v) | _depth(v) for v in verdicts])
    return Drawing("accuracy-by-k", title, caption, svg_of(figure, "accuracy-by-k", title), table)


def _by_depth(axis: Axes, verdicts: Sequence[Verdict], colours: dict[str, Colour]) -> None:
    for source in dict.fromkeys(map(source_of, verdicts)):
        line = sorted((v for v in verdicts if source_of(v) == source), key=lambda v: v.unfrozen or 0)
        means = [scaled(v.score, v.metric) or 0.0 for v in line]
        axis.errorbar([v.unfrozen or 0 for v in line], means, bar_lengths(line), marker="o", color=colours[source])
    scratch = float(np.mean([scaled(v.baseline_score, v.metric) for v in verdicts]))
    axis.axhline(scratch, color=GREY, linestyle="--", linewidth=1.3)


def _depth(v: Verdict) -> dict[str, object]:
    return {
        "unfrozen_blocks": v.unfrozen,
        column(v.metric, v.metric): scaled(v.score, v.metric),
        column(f"baseline_{v.metric}", v.metric): scaled(v.baseline_score, v.metric),
    }
