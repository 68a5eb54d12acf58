"""A report's figures, from verdicts and the records behind them: each with its caption and its numbers."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from tlbench.judging.figures.against import cost_by_gain, gain_by_similarity
from tlbench.judging.figures.curves import learning_curves
from tlbench.judging.figures.drawing import Drawing, svg_of, themed
from tlbench.judging.figures.forest import forest
from tlbench.judging.figures.gains import gain_profile
from tlbench.judging.figures.overview import gain_heatmap
from tlbench.judging.figures.style import MARKS, STYLE
from tlbench.judging.figures.sweeps import accuracy_by_k, gain_by_n_train
from tlbench.judging.verdict import Judged
from tlbench.records import write_text

__all__ = ["MARKS", "STYLE", "Drawing", "drawings", "svg_of", "themed", "write_drawings"]

DRAWERS = (
    gain_heatmap,
    forest,
    learning_curves,
    gain_profile,
    gain_by_similarity,
    gain_by_n_train,
    accuracy_by_k,
    cost_by_gain,
)


def drawings(judged: Judged) -> list[Drawing]:
    """Every figure for which there is something to show."""
    with mpl.rc_context(STYLE):
        return [made for drawer in DRAWERS if (made := drawer(judged)) is not None]


def write_drawings(folder: Path, made: Sequence[Drawing]) -> list[Path]:
    """Writes `figures/<name>.svg` and `.csv` into a run's folder; the paths of the SVGs.

    Raises:
        TlbenchError: a file cannot be written.
    """
    paths = [folder / "figures" / f"{drawing.name}.svg" for drawing in made]
    for path, drawing in zip(paths, made, strict=True):
        write_text(path, drawing.svg)
        write_text(path.with_suffix(".csv"), drawing.table.to_csv(index=False))
    return paths
