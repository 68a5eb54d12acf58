"""The style of figures: colours that read on white and on near-black alike, marks, panels, legends, labels."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlbench.judging.verdict import Verdict

Colour: TypeAlias = tuple[float, float, float]
Key = TypeVar("Key", bound=Hashable)

PAPER, INK, RULE, GREY = "#ffffff", "#1d2329", "#d6dade", "#7f868d"
MARKS = {"negative": "v", "positive": "^", "neutral": "s", "inconclusive": "o", "unstable": "x", "invalid": "x"}
FACES = {"inconclusive": "none"}  # of marks that are hollow
MOST_PANELS = 12
COLUMNS = 3  # of panels
TONE = 0.3  # the most luminance of a colour that still stands out on white
ORDER = (0, 1, 2, 4, 3, 9, 5, 8, 6)  # of seaborn's colour-blind-safe palette, unlike ones first, without its grey
STYLE: dict[Any, Any] = {
    **sns.axes_style("whitegrid"),
    **sns.plotting_context("paper"),
    "font.sans-serif": ["DejaVu Sans"],
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titley": 1.0,  # placed, not searched for: a quarter of the time of a figure of panels
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.edgecolor": RULE,
    "grid.color": RULE,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "legend.frameon": False,
    "lines.markersize": 5,
    "lines.linewidth": 1.3,
}


def toned(colour: Sequence[float]) -> Colour:
    """The colour, darkened where it would be too light on white."""
    luminance = float(np.dot(np.power(colour, 2.2), (0.2126, 0.7152, 0.0722)))
    red, green, blue = (part * min(1.0, TONE / luminance) ** (1 / 2.2) for part in colour)
    return red, green, blue


def hues(names: Iterable[str]) -> dict[str, Colour]:
    """A colour a name, in the order of the names; colour-blind-safe up to nine."""
    ordered = list(dict.fromkeys(names))
    palette = sns.color_palette("colorblind")
    safe = [palette[i] for i in ORDER]
    chosen = safe if len(ordered) <= len(safe) else sns.color_palette("husl", len(ordered))
    return {name: toned(colour) for name, colour in zip(ordered, chosen, strict=False)}


def short(text: str, most: int = 44) -> str:
    """The text, its middle left out where it is long."""
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"


def headed(first: str, second: str) -> str:
    """Two parts as a panel's title, on two lines where they are long."""
    first, second = short(first), short(second)
    return f"{first}{' ' if len(first) + len(second) < 42 else chr(10)}{second}"


def panels(
    count: int, width: float = 4.0, height: float = 2.8, columns: int = COLUMNS, *, level: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels of this size in inches, on one scale upward if `level`."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes: list[Axes] = list(np.ravel(figure.subplots(rows, columns, squeeze=False, sharey=level)))
    for spare in axes[count:]:
        spare.set_visible(False)
    return figure, axes[:count]


def named(axes: Sequence[Axes], across: str, up: str) -> None:
    """Names the axes once a row, and under each panel that has none below."""
    columns = min(len(axes), COLUMNS)
    for i, axis in enumerate(axes):
        axis.set_ylabel(up if i % columns == 0 else "")
        axis.set_xlabel(across if i + columns >= len(axes) else "")


def loudest(groups: Mapping[Key, Sequence[Verdict]], most: int = MOST_PANELS) -> list[Key]:
    """The groups that get a panel, in their own order: those with the largest gain or loss, controls after cells."""

    def quiet(key: Key) -> tuple[bool, float]:
        return all(v.role == "control" for v in groups[key]), -max(abs(v.gain or 0.0) for v in groups[key])

    chosen = set(sorted(groups, key=quiet)[:most])
    return [key for key in groups if key in chosen]


def left_out(shown: int, there: int) -> str:
    """What a caption says of panels that are not drawn; nothing where all are."""
    if shown == there:
        return ""
    return f" Drawn are {shown} of {there} panels, those with the largest gain or loss; the CSV holds all."


def dots(colours: Mapping[str, Colour | str], marker: str = "o", line: Literal["", "-", "--"] = "") -> list[Line2D]:
    """Legend entries that tell colours apart."""
    return [
        Line2D([], [], color=colour, marker=marker, linestyle=line, label=short(name, 60))
        for name, colour in colours.items()
    ]


def lines(colours: Mapping[str, Colour], marker: str = "") -> list[Line2D]:
    """Legend entries of lines."""
    return dots(colours, marker, "-")


def marks(verdicts: Iterable[Verdict], *, hollow: bool = False) -> list[Line2D]:
    """Legend entries for the verdicts that occur, in ink; hollow: those of `FACES` are drawn so."""
    words, faces = {v.verdict for v in verdicts}, FACES if hollow else {}
    return [
        Line2D([], [], color=INK, marker=mark, linestyle="", label=word, markerfacecolor=faces.get(word, INK))
        for word, mark in MARKS.items()
        if word in words
    ]


def legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """A legend in rows of its own under the panels, in as many columns as there is room for."""
    widest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(figure.get_figwidth() * 72 / (5.2 * widest + 34))))
    figure.set_figheight(figure.get_figheight() + 0.19 * -(-len(handles) // columns))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
