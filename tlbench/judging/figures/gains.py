"""How gains are distributed over a suite, method by method."""

import numpy as np
import pandas as pd

from tlbench.judging.figures.drawing import Drawing, svg_of
from tlbench.judging.figures.numbers import cells, gain_of, grouped, row, unit
from tlbench.judging.figures.style import GREY, hues, legend, lines, panels, short
from tlbench.judging.verdict import Judged, Verdict, method_of


def gain_profile(judged: Judged) -> Drawing | None:
    """For each method, the share of judged cells that gain at least so much; nothing where all have one cell."""
    groups = grouped(cells(judged), method_of)
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
    axis.set(xlabel=f"gain, {unit(judged).name}", ylabel="share of cells that gain at least this", ylim=(0, 1.02))
    legend(figure, lines(told))
    title = "Gain profile: how often each method helps, and by how much"
    caption = (
        "Each curve gives the share of a method's judged cells whose mean gain is at least x; further right is better, "
        "what a curve has lost at the dashed zero line is the share of cells below scratch."
    )
    table = pd.DataFrame(_shares(groups))
    return Drawing("gain-profile", title, caption, svg_of(figure, "gain-profile", title), table)


def _shares(groups: dict[str, list[Verdict]]) -> list[dict[str, object]]:
    rows = []
    for verdicts in groups.values():
        ordered = sorted(verdicts, key=gain_of)
        rows += [row(v) | {"share_at_least": 1 - i / len(ordered)} for i, v in enumerate(ordered)]
    return rows
