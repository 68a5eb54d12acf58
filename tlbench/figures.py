"""A report's figures, from verdicts and records: learning curves, gains, gain by similarity, accuracy by k."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from tlbench import stats
from tlbench.errors import TlbenchError, one_line
from tlbench.insights import sweeps_over_data
from tlbench.readings import curve_of
from tlbench.records import read_record
from tlbench.stats import Floats
from tlbench.verdict import Verdict

SCRATCH_COLOUR = "0.25"
MARKS = {"negative": "v", "positive": "^", "neutral": "s", "inconclusive": "o", "unstable": "x", "invalid": "x"}


def draw_figures(folder: Path, run: dict[str, Any], found: list[Verdict]) -> list[Path]:
    """Draws every figure for which there is something to show into `folder/figures`; their paths."""
    mpl.use("Agg")
    sns.set_theme(style="whitegrid", context="paper")
    drawers: dict[str, Callable[[Path, dict[str, Any], list[Verdict]], Figure | None]] = {
        "gain-heatmap": gain_heatmap,
        "learning-curves": learning_curves,
        "gain-by-similarity": gain_by_similarity,
        "accuracy-by-k": accuracy_by_k,
        "gain-by-n_train": gain_by_n_train,
    }
    paths = []
    for name, drawer in drawers.items():
        figure = drawer(folder, run, found)
        if figure is not None:
            path = folder / "figures" / f"{name}.png"
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                figure.savefig(path, dpi=120, bbox_inches="tight")
            except OSError as error:
                again = f"the trials are kept: free space, then tlbench report {folder}"
                raise TlbenchError(f"cannot write {path}: {one_line(error)}; {again}") from None
            paths.append(path)
    return paths


def band(values: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Mean and t interval over the first axis of (n, T) values."""
    n, mean, spread, _ = stats.moments(values.T)
    low, high = stats.interval(mean, spread / np.sqrt(n), n - 1, level)
    return mean, np.where(np.isfinite(low), low, mean), np.where(np.isfinite(high), high, mean)


def _panels(count: int, width: float, height: float, columns: int = 4) -> tuple[Figure, list[Any]]:
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for spare in axes[count:]:
        spare.set_visible(False)
    return figure, axes[:count]


def gain_heatmap(folder: Path, run: dict[str, Any], found: list[Verdict]) -> Figure | None:  # noqa: ARG001
    """Source x target, a panel a method; the number is the gain in points, an exclamation mark a negative verdict."""
    cells = [v for v in found if v.gain is not None]
    names = list(dict.fromkeys(v.method for v in cells))
    if not names:
        return None
    extreme = max(5.0, *(100 * abs(v.gain or 0) for v in cells))
    figure, axes = _panels(len(names), 4.2, 3.4)
    for name, axis in zip(names, axes, strict=True):
        chosen = [v for v in cells if v.method == name]
        frame = pd.DataFrame([{"source": v.source, "target": v.target, "gain": 100 * (v.gain or 0)} for v in chosen])
        table = frame.pivot_table(index="source", columns="target", values="gain", sort=False)
        marks = {(v.source, v.target): "!" if v.verdict == "negative" else "" for v in chosen}
        texts = [
            [
                "" if np.isnan(value := table.loc[s, t]) else f"{value:+.1f}{marks.get((s, t), '')}"
                for t in table.columns
            ]
            for s in table.index
        ]
        sns.heatmap(table, ax=axis, annot=np.array(texts), fmt="", cmap="vlag_r", center=0, vmin=-extreme, vmax=extreme)
        axis.set(title=name, xlabel="", ylabel="")
    figure.suptitle("Gain over from-scratch, accuracy points (! negative)")
    return figure


def learning_curves(folder: Path, run: dict[str, Any], found: list[Verdict]) -> Figure | None:
    """Validation accuracy by steps, transfer against scratch, mean with 95 % t band; a panel a source and target."""
    panels: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for cell in run["cells"]:
        panels[(cell["target"]["label"], cell["source"]["label"])].append(cell)
    known = {(v.target, v.source) for v in found if v.convergence}
    chosen = {key: cells for key, cells in panels.items() if key in known}
    if not chosen:
        return None
    figure, axes = _panels(len(chosen), 4.0, 3.0)
    for (key, cells), axis in zip(chosen.items(), axes, strict=True):
        _draw_curve(axis, folder / cells[0]["baseline"], run["looks"][-1], "scratch", SCRATCH_COLOUR)
        for cell, colour in zip(cells, sns.color_palette(n_colors=len(cells)), strict=True):
            _draw_curve(axis, folder / cell["path"], run["looks"][-1], cell["method"]["label"], colour)
        axis.set(title=f"{key[1]} to {key[0]}", xlabel="steps", ylabel="validation accuracy", ylim=(0, 1))
        axis.legend(fontsize="small")
    figure.suptitle("Learning curves, mean and 95 % t interval over seeds")
    return figure


def _draw_curve(axis: Any, folder: Path, seeds: int, label: str, colour: Any) -> None:
    records = [record for seed in range(seeds) if (record := read_record(folder / f"seed-{seed}.json"))]
    curves = [curve for record in records if record.status == "done" and (curve := curve_of(record))]
    if not curves:
        return
    mean, low, high = band(np.array([curve.validation_accuracy for curve in curves]))
    steps = curves[0].steps
    axis.plot(steps, mean, color=colour, label=label, linestyle="--" if label == "scratch" else "-")
    axis.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)


def gain_by_similarity(folder: Path, run: dict[str, Any], found: list[Verdict]) -> Figure | None:  # noqa: ARG001
    """Gain with its interval against each similarity, colour a method, mark a verdict; controls included."""
    names = list(dict.fromkeys(name for v in found for name in v.similarity))
    if not names:
        return None
    colours = dict(
        zip(
            methods := list(dict.fromkeys(v.method for v in found)),
            sns.color_palette(n_colors=len(methods)),
            strict=True,
        )
    )
    figure, axes = _panels(len(names), 4.2, 3.4, columns=3)
    for name, axis in zip(names, axes, strict=True):
        shown = [v for v in found if name in v.similarity and v.gain is not None]
        for v in shown:
            centre, (low, high) = 100 * (v.gain or 0), v.interval or (v.gain or 0, v.gain or 0)
            reach = [[centre - 100 * low], [100 * high - centre]]
            axis.errorbar(
                v.similarity[name],
                centre,
                reach,
                fmt=MARKS[v.verdict],
                color=colours[v.method],
                alpha=0.8,
                markersize=5,
            )
        axis.axhline(0, color="0.4", linewidth=0.8)
        rank = stats.rank_correlation(
            np.array([v.similarity[name] for v in shown]), np.array([v.gain or 0 for v in shown])
        )
        axis.set(xlabel=name, ylabel="gain, points", title="" if rank is None else f"rank correlation {rank:+.2f}")
    handles = [
        mpl.lines.Line2D([], [], color=colour, marker="o", linestyle="", label=m) for m, colour in colours.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize="small")
    return figure


def accuracy_by_k(folder: Path, run: dict[str, Any], found: list[Verdict]) -> Figure | None:  # noqa: ARG001
    """Accuracy against the number of last blocks that learn; a panel a target, a line a source."""
    rows = [v for v in found if v.unfrozen is not None and v.accuracy is not None and v.interval is not None]
    if len({v.unfrozen for v in rows}) < 2:
        return None
    targets = list(dict.fromkeys(v.target for v in rows))
    figure, axes = _panels(len(targets), 4.2, 3.4)
    for target, axis in zip(targets, axes, strict=True):
        here = [v for v in rows if v.target == target]
        for source in dict.fromkeys(v.source for v in here):
            line = sorted((v for v in here if v.source == source), key=lambda v: v.unfrozen or 0)
            k, mean = [v.unfrozen for v in line], np.array([v.accuracy for v in line], dtype=np.float64)
            half = [((v.interval[1] - v.interval[0]) / 2 if v.interval else 0.0) for v in line]
            axis.errorbar(k, mean, half, marker="o", capsize=3, label=source)
        base = [v.baseline_accuracy for v in here if v.baseline_accuracy is not None]
        if base:
            axis.axhline(float(np.mean(base)), color=SCRATCH_COLOUR, linestyle="--", label="scratch")
        axis.set(title=target, xlabel="last blocks that learn (0: head alone)", ylabel="test accuracy")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(fontsize="small")
    figure.suptitle("Accuracy by unfrozen blocks; bars: the gain's 95 % interval")
    return figure


def gain_by_n_train(folder: Path, run: dict[str, Any], found: list[Verdict]) -> Figure | None:  # noqa: ARG001
    """Gain with its interval against n_train on a log axis; a panel a dataset and method, a line a source."""
    sweeps = sweeps_over_data(found)
    panels = list(dict.fromkeys((dataset, method) for dataset, _, method in sweeps))
    if not panels:
        return None
    figure, axes = _panels(len(panels), 4.2, 3.4)
    for panel, axis in zip(panels, axes, strict=True):
        for (dataset, source, method), sweep in sweeps.items():
            if (dataset, method) == panel:
                mean = 100 * np.array([v.gain for v in sweep], dtype=np.float64)
                ends = 100 * np.array([v.interval for v in sweep], dtype=np.float64).T
                n = [v.n_train for v in sweep]
                axis.errorbar(n, mean, np.abs(ends - mean), marker="o", capsize=3, label=source)
        axis.axhline(0, color=SCRATCH_COLOUR, linestyle="--")
        axis.set(title=f"{panel[1]} on {panel[0]}", xlabel="n_train", ylabel="gain, points", xscale="log")
        axis.legend(fontsize="small")
    figure.suptitle("Gain by the number of training images")
    return figure
