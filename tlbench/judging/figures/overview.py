"""The whole suite at a glance: source by target, a panel a method; colour a gain, mark a verdict."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from seaborn import blend_palette

from tlbench.judging.figures.drawing import Drawing, link_to, svg_of
from tlbench.judging.figures.numbers import cells, gain_of, grouped, row, unit
from tlbench.judging.figures.style import FACES, INK, MARKS, PAPER, left_out, legend, loudest, marks, panels, short
from tlbench.judging.spoken import folds, wrapped
from tlbench.judging.units import unit_of
from tlbench.judging.verdict import Judged, Verdict, method_of, source_of, target_of

NUMBERED = 72  # places of the figure up to which each carries its number
LOSS, MIDDLE, WIN = "#d55e00", "#e9ebed", "#0173b2"
DARK, LIGHT = "#262626", "#fdfdfd"  # on a coloured cell, the same in every theme
BLEND = ListedColormap(blend_palette([LOSS, MIDDLE, WIN], 41))
LABEL, ROW, LINES = 34, 26, 3  # characters of a name, of a line of a row's, lines of a column's where it lies flat
INCH = 0.07  # a character of a label
DEEP = 0.75  # of the scale, from which a cell is dark enough for light text
WIDEST = 11.0  # inches of all panels of a row


class Layout(NamedTuple):
    """What all panels share: labels of their rows and columns, how large a place is in inches, whether it has a number.

    flat: whether the columns' names lie flat. extreme: where the scale of colours ends, in the unit of gains.
    """

    sources: dict[str, str]
    targets: dict[str, str]
    numbered: bool
    flat: bool
    extreme: float

    @property
    def side(self) -> tuple[float, float]:
        """How wide and how high a place is."""
        return (0.64, 0.34) if self.numbered else (0.25, 0.25)

    @property
    def width(self) -> float:
        """How wide a panel is, its labels apart."""
        return max(self.side[0] * len(self.targets), 1.0)

    def rows(self) -> list[str]:
        """The rows' names as they are drawn."""
        return [
            "\n".join(wrapped(name, ROW)) if self.numbered and folds(name, ROW, 2) else short(name, LABEL)
            for name in self.sources.values()
        ]

    def columns(self) -> list[str]:
        """The columns' names as they are drawn."""
        across = _characters(self.side[0])
        return ["\n".join(wrapped(name, across)) if self.flat else short(name, LABEL) for name in self.targets.values()]


def gain_heatmap(judged: Judged) -> Drawing | None:
    """Source by target, a panel a method: colour the gain, the mark a verdict that needs no colour."""
    verdicts = cells(judged)
    if not verdicts:
        return None
    groups = grouped(verdicts, lambda v: v.method)
    layout, chosen = _layout(verdicts, len(groups)), loudest(groups)
    size, columns = _size(layout, len(chosen))
    (figure, axes), told = panels(len(chosen), *size, columns), unit(judged)
    for i, (axis, method) in enumerate(zip(axes, chosen, strict=True)):
        _map(axis, groups[method], layout)
        axis.set_title(short(method_of(groups[method][0]), _characters(layout.width)), fontsize="medium")
        axis.tick_params(axis="x", labelbottom=i + columns >= len(chosen), labelrotation=0 if layout.flat else 90)
    figure.colorbar(
        axes[0].collections[0], ax=axes, label=f"gain, {told.name}", aspect=5 * figure.get_figheight(), pad=0.02
    )
    legend(figure, marks(verdicts, hollow=True))
    title = "Gain over from-scratch by source and target"
    caption = (
        f"A panel a method; colour{' and number' if layout.numbered else ''}: the mean gain in {told.name} of "
        f"{judged.run.suite.metric}, positive is better, one scale for all panels; mark: the verdict; controls are not "
        f"shown.{left_out(len(chosen), len(groups))}"
    )
    table = pd.DataFrame([row(v) for v in verdicts])
    return Drawing("gain-heatmap", title, caption, svg_of(figure, "gain-heatmap", title), table)


def _layout(verdicts: Sequence[Verdict], methods: int) -> Layout:
    sources = {v.source: source_of(v) for v in verdicts}
    targets = {v.target: target_of(v) for v in verdicts}
    numbered = len(sources) * len(targets) * methods <= NUMBERED
    flat = numbered and all(folds(name, _characters(0.64), LINES) for name in targets.values())
    return Layout(
        sources,
        targets,
        numbered,
        flat,
        max(0.05 * unit_of(verdicts[0].metric).scale, *(abs(gain_of(v)) for v in verdicts)),
    )


def _size(layout: Layout, count: int) -> tuple[tuple[float, float], int]:
    """A panel's size in inches, its share of the labels at the edges included, and how many stand in a row."""
    wide, high = layout.width + 0.15, layout.side[1] * len(layout.sources) + 0.35
    columns = _columns(count, max(1, min(count, int(WIDEST / wide))))
    rows = -(-count // columns)
    under = 0.17 * LINES if layout.flat else _inches(list(layout.targets.values()))
    return (
        wide + (0.9 + _inches([line for name in layout.rows() for line in name.split("\n")])) / columns,
        high + (0.15 + under) / rows,
    ), columns


def _inches(labels: list[str]) -> float:
    """How much room the longest of the labels takes."""
    return INCH * min(LABEL, max(map(len, labels)))


def _characters(inches: float) -> int:
    return int(inches / INCH)


def _columns(count: int, most: int) -> int:
    """As many columns as there is room for, or one fewer where that leaves fewer gaps in the last row."""
    return min(range(most, max(most - 2, 0), -1), key=lambda columns: -count % columns)


def _map(axis: Axes, verdicts: Sequence[Verdict], layout: Layout) -> None:
    """One method's gains as coloured places that lead to their cells, with marks, and numbers where there is room."""
    sources, targets = list(layout.sources), list(layout.targets)
    places = [(targets.index(v.target), sources.index(v.source)) for v in verdicts]
    boxes = PatchCollection([Rectangle(place, 1, 1) for place in places], cmap=BLEND, edgecolor=PAPER, linewidth=1.2)
    boxes.set_array([gain_of(v) for v in verdicts])
    boxes.set_clim(-layout.extreme, layout.extreme)
    boxes.set_urls([link_to(f"{v.target}/{v.source}/{v.method}") for v in verdicts])
    axis.add_collection(boxes)
    for (word, colour), alike in grouped(zip(verdicts, places, strict=True), lambda one: _ink(one[0], layout)).items():
        _marks(axis, word, colour, [(x + (0.18 if layout.numbered else 0.5), y + 0.5) for _, (x, y) in alike])
        for v, (x, y) in alike if layout.numbered else ():
            text = unit_of(v.metric).signed(v.gain)
            axis.text(x + 0.62, y + 0.52, text, ha="center", va="center", color=colour).set_in_layout(False)
    axis.set_xticks([i + 0.5 for i in range(len(targets))], layout.columns(), fontsize="small")
    axis.set_yticks([i + 0.5 for i in range(len(sources))], layout.rows())
    axis.set(xlim=(0, len(targets)), ylim=(len(sources), 0))
    axis.tick_params(length=0, colors=INK)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)


def _ink(v: Verdict, layout: Layout) -> tuple[str, str]:
    """A cell's verdict, and the colour that reads on the colour of its gain."""
    return v.verdict, LIGHT if abs(gain_of(v)) > DEEP * layout.extreme else DARK


def _marks(axis: Axes, word: str, colour: str, places: Sequence[tuple[float, float]]) -> None:
    across, down = zip(*places, strict=True)
    face = FACES.get(word, colour)
    axis.plot(across, down, MARKS[word], color=colour, markersize=4.5, markerfacecolor=face, markeredgewidth=1.1)
