"""A run of 10^4 records as a study leaves it, with accuracies made up: what judging and comparing are measured on."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from tests.synthetic import cell, record, rising, similar, write_run
from tlbench.records import Outcome, Record, Scores
from tlbench.run import PlannedCell
from tlbench.streams import generator

SIDE = 10  # targets, sources, methods and seeds alike
TEST_ITEMS = 1000


def write_big_run(folder: Path, root_seed: int = 0) -> Path:
    """Writes 1000 cells of ten seeds, every target's baseline and the similarities of its sources; the folder.

    Runs of different root seeds are replicates: the same cells and true gains, other accuracies.
    """
    cells = [_cell(*places) for places in product(range(SIDE), repeat=3)]
    write_run(folder, cells, SIDE)
    for path, made in _records(root_seed):
        made.write(folder / path)
    return folder


def _cell(target: int, source: int, method: int) -> PlannedCell:
    """A cell of `run.json`; the first five methods are a sweep over depth."""
    label, baseline = f"target-{target}", f"target-{target}/resnet8/scratch"
    return cell(
        f"source-{source}",
        f"method-{method}",
        unfrozen=method if method < SIDE // 2 else None,
        path=f"{label}/source-{source}/method-{method}",
        baseline=baseline,
        baselines={"equal_steps": baseline},
        target={"label": label, "dataset": f"dataset-{target}", "n_train": 40, "shape": [1, 8, 8]},
    )


def _records(root_seed: int) -> Iterator[tuple[str, Record[Outcome] | Record[Scores]]]:
    """Every record with its path within the run."""
    for target, seed in product(range(SIDE), range(SIDE)):
        level = 0.6 + generator(root_seed, "level", target, seed).normal(0, 0.01)
        yield _trial(root_seed, f"target-{target}/resnet8/scratch", seed, level)
        for source in range(SIDE):
            closeness = (source - target) % SIDE / SIDE
            yield _scores(f"target-{target}/source-{source}", seed, closeness)
            for method in range(SIDE):
                gain = 0.2 * (closeness - 0.5) * method / SIDE  # nine points of harm to seven of help
                yield _trial(root_seed, f"target-{target}/source-{source}/method-{method}", seed, level + gain)


def _trial(root_seed: int, arm: str, seed: int, mean: float) -> tuple[str, Record[Outcome]]:
    """A trial's record, its accuracy a little off `mean` and its right answers scattered anew."""
    random = generator(root_seed, arm, seed)
    n_right = round(TEST_ITEMS * (mean + random.normal(0, 0.01)))
    right = random.permutation(np.arange(TEST_ITEMS) < n_right)
    accuracy = n_right / TEST_ITEMS
    made = record(seed, accuracy, arm=arm, curve=rising(end=accuracy), items=right)
    return f"{arm}/seed-{seed}.json", made


def _scores(pair: str, seed: int, closeness: float) -> tuple[str, Record[Scores]]:
    """A similarity record of two scores, one of which follows the gain."""
    made = similar(seed, {"leep": closeness - 2 + 0.01 * seed, "logme": 0.5})
    return f"{pair}/similarity/seed-{seed}.json", made
