"""AUROC: scores of test items drawn, arms compared by placement values, as the metric's contributions are made."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import norm, rankdata

from benchmarks.calibrate.cases import DESIGN, NULL, Result
from tlbench.judging import any_flag, coverage, stats
from tlbench.judging.stats import Floats
from tlbench.judging.verdict import evidence, judge

CELLS, SEEDS, N_TEST, POSITIVE, TRUE = 6, 5, 150, 0.3, 0.8


def placements(scores: Floats, positive: np.typing.NDArray[np.bool_]) -> Floats:
    """(..., N) each item's part in the AUROC, whose mean it is: score and influence by DeLong's placement values."""
    n, n_pos = len(positive), int(positive.sum())
    ranks = rankdata(scores, axis=-1)
    within = np.empty_like(ranks)
    for side in (positive, ~positive):
        within[..., side] = rankdata(scores[..., side], axis=-1)
    over = (ranks - within) / np.where(positive, n - n_pos, n_pos)
    placed = np.where(positive, over, 1 - over)
    auroc = placed[..., positive].mean(-1, keepdims=True)
    return np.asarray(auroc + (placed - auroc) * np.where(positive, n / n_pos, n / (n - n_pos)))


def drawn(random: np.random.Generator, items: Floats, *shape: int) -> Floats:
    """Scores of arms on shared test items: an item's own difficulty for the arm, and what each seed adds."""
    own = 0.7 * items + np.sqrt(0.21) * random.standard_normal((*shape[:-1], 1, N_TEST))
    level = 0.05 * random.standard_normal((*shape, 1))
    return np.asarray(own + np.sqrt(0.3) * random.standard_normal((*shape, N_TEST)) + level)


def every(grids: int) -> Iterator[Result]:
    """False flags and coverage of null cells that are judged by AUROC, unpaired with twice the baseline's seeds."""
    random = np.random.default_rng(9)
    positive = np.arange(N_TEST) < POSITIVE * N_TEST
    lift = norm.ppf(TRUE) * np.sqrt(2) * positive
    own, base, tau = np.empty((grids, CELLS, SEEDS)), np.empty((grids, 1, 2 * SEEDS)), np.empty((grids, CELLS))
    for grid in range(grids):
        items = random.standard_normal(N_TEST)
        first = placements(lift + drawn(random, items, CELLS, SEEDS), positive)
        second = placements(lift + drawn(random, items, 1, 2 * SEEDS), positive)[0]
        own[grid], base[grid] = first.mean(-1), second.mean(-1)
        tau[grid] = [stats.item_noise_apart(cell, second) for cell in first]
    found = judge([evidence(own, np.broadcast_to(base, (grids, CELLS, 2 * SEEDS)), tau, welch=True)], DESIGN)
    case = f"AUROC of {N_TEST} test items, welch"
    yield Result(NULL, case, str(SEEDS), any_flag(found, "negative"), DESIGN.alpha / 2, grids=grids)
    yield Result("coverage of the 95 % interval", case, str(SEEDS), coverage(found, 0.0), 0.93, at_least=True)
