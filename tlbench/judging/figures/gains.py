"""Gains over a suite: a map of all, and how they are distributed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from tlbench.judging.figures.drawing import Drawing, svg_of
from tlbench.judging.figures.numbers import cells, gain_of, grouped, row
from tlbench.judging.figures.style import GREY, PAPER, hues, left_out, legend, lines, loudest, panels, short
from tlbench.judging.verdict import Judged, Verdict

ANNOTATED = 150  # cells of a panel up to which each carries its number
LOSS, MIDDLE, WIN = "#d55e00", "#e4e6e8", "#0173b2"
DARK, LIGHT = "#262626", "#fdfdfd"  # text on a coloured cell, the same in every theme
BLEND = ListedColormap(sns.blend_palette([LOSS, MIDDLE, WIN], 41))
LABEL = 30  # characters of a row's or column's name
DEEP = 0.85  # of the scale, from which a cell is dark enough for light text


def gain_heatmap(judged: Judged) -> Drawing | None:
    """Source x target, a panel a method; the number is the gain in points, an exclamation mark a negative verdict."""
    verdicts = cells(judged)
    if not verdicts:
        return None
    groups = grouped(verdicts, lambda v: v.method)
    sources, targets = (list(dict.fromkeys(getattr(v, part) for v in verdicts)) for part in ("source", "target"))
    numbered = len(sources) * len(targets) <= ANNOTATED
    chosen, side = loudest(groups), 0.5 if numbered else 0.25
    columns = _columns(len(chosen), max(1, min(4, len(chosen), int(11 / (side * len(targets) + 0.4)))))
    edges = (1.1 + _inches(sources)) / columns, (0.4 + _inches(targets)) * columns / len(chosen)  # shared out
    size = max(1.6, side * len(targets)) + edges[0], max(1.0, 0.55 * side * len(sources)) + 0.3 + edges[1]
    figure, axes = panels(len(chosen), *size, columns)
    extreme = max(5.0, *(abs(gain_of(v)) for v in verdicts))
    for i, (axis, method) in enumerate(zip(axes, chosen, strict=True)):
        _map(axis, groups[method], sources, targets, extreme)
        axis.set_title(short(method, int(11 * (size[0] - edges[0]))))
        axis.tick_params(axis="x", labelbottom=i + columns >= len(chosen), labelrotation=90 if len(targets) > 1 else 0)
    figure.colorbar(
        axes[0].collections[0], ax=axes, label="gain, points", aspect=5 * figure.get_figheight(), shrink=0.8
    )
    title = "Gain over from-scratch by source and target"
    caption = (
        f"A panel a method; {'number' if numbered else 'colour'}: the mean gain in {judged.run.suite.metric} points, "
        f"positive is better{', with an exclamation mark where the verdict is negative' if numbered else ''}; "
        f"controls are not shown.{left_out(len(chosen), len(groups))}"
    )
    table = pd.DataFrame([row(v) for v in verdicts])
    return Drawing("gain-heatmap", title, caption, svg_of(figure, "gain-heatmap", title), table)


def gain_profile(judged: Judged) -> Drawing | None:
    """For each method, the share of judged cells that gain at least so much; nothing where all have one cell."""
    groups = grouped(cells(judged), lambda v: v.method)
    if max(map(len, groups.values()), default=0) < 2:
        return None
    gains = {method: np.sort([gain_of(v) for v in verdicts]) for method, verdicts in groups.items()}
    ends = np.concatenate([*gains.values(), [0.0]])
    low, high = float(ends.min()), float(ends.max())
    figure, (axis,) = panels(1, 6.0, 4.2)
    told = {}
    for (method, colour), own in zip(hues(gains).items(), gains.values(), strict=True):
        share = 1 - np.arange(len(own)) / len(own)
        axis.step([low, *own, high], [1.0, *share, 0.0], where="pre", color=colour)
        told[f"{short(method)}: {np.mean(own < 0):.0%} of {len(own)} below zero"] = colour
    axis.axvline(0, color=GREY, linestyle="--", linewidth=1)
    axis.set(xlabel="gain, points", ylabel="share of cells that gain at least this", ylim=(0, 1.02))
    legend(figure, lines(told))
    title = "Gain profile: how often each method helps, and by how much"
    caption = (
        "Each curve gives the share of a method's judged cells whose mean gain is at least x; further right is better, "
        "what a curve has lost at the dashed zero line is the share of cells below scratch."
    )
    table = pd.DataFrame(_shares(groups))
    return Drawing("gain-profile", title, caption, svg_of(figure, "gain-profile", title), table)


def _inches(labels: list[str]) -> float:
    """How much room the longest of the labels takes."""
    return 0.075 * min(LABEL, max(map(len, labels)))


def _columns(count: int, most: int) -> int:
    """As many columns as there is room for, or one fewer where that leaves fewer gaps in the last row."""
    return min(range(most, max(most - 2, 0), -1), key=lambda columns: -count % columns)


def _map(axis: Axes, verdicts: Sequence[Verdict], sources: list[str], targets: list[str], extreme: float) -> None:
    """One method's gains as coloured cells, with numbers while there is room for them."""
    grid = np.full((len(sources), len(targets)), np.nan)
    for v in verdicts:
        y, x, gain = sources.index(v.source), targets.index(v.target), gain_of(v)
        grid[y, x] = gain
        if grid.size <= ANNOTATED:
            text = f"{gain:+.1f}{'!' * (v.verdict == 'negative')}"
            colour = LIGHT if abs(gain) > DEEP * extreme else DARK
            axis.text(x + 0.5, y + 0.5, text, ha="center", va="center", color=colour).set_in_layout(False)
    known = np.ma.masked_invalid(grid)
    axis.pcolormesh(known, cmap=BLEND, vmin=-extreme, vmax=extreme, edgecolors=PAPER, linewidth=0.8)
    axis.set_xticks(np.arange(len(targets)) + 0.5, [short(target, LABEL) for target in targets])
    axis.set_yticks(np.arange(len(sources)) + 0.5, [short(source, LABEL) for source in sources])
    axis.set_ylim(len(sources), 0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)


def _shares(groups: dict[str, list[Verdict]]) -> list[dict[str, object]]:
    rows = []
    for verdicts in groups.values():
        ordered = sorted(verdicts, key=gain_of)
        rows += [row(v) | {"share_at_least": 1 - i / len(ordered)} for i, v in enumerate(ordered)]
    return rows
