"""What a target's data are, in a line: classes, items of each in pool and test, shape, where the test comes from."""

import numpy as np
import numpy.typing as npt

from tlbench.dataset import Split
from tlbench.trials.plan import Plan
from tlbench.workspace import Workspace

NAMED = 12  # classes that are named in full
PRAISED = 2  # times the share of equal classes, above which the largest class's share of the test is said


def target_lines(plan: Plan, workspace: Workspace) -> list[str]:
    """A line a target's dataset, with what a reader must know of its classes."""
    lines = []
    for dataset in dict.fromkeys(cell.conditions.target.dataset for cell in plan.cells):
        pool, test = dataset.split("train", workspace), dataset.split("test", workspace)
        again = sum(found.checked.clashes for found in plan.overlaps if found.target == dataset and found.checked)
        clash = f"; {again} items of the pool are in it again under another class" if again else ""
        warned = _misled(plan.suite.metric.label, test)
        lines.append(f"target {dataset.label}: {_words(pool, test)}{clash}{warned}")
    return lines


def _words(pool: Split, test: Split) -> str:
    side = "x".join(str(n) for n in test.shape)
    items = f"items of {side}" if side else "items"
    numbers = "" if pool.named else ", numbered, which are no names"
    groups = _groups(pool, test)
    what = f"{len(pool.classes)} classes{numbers} ({_classes(pool, test)}), {items}, {len(pool)} in the pool{groups}"
    return f"{what}, {len(test)} to test on ({test.origin}){_largest(test)}"


def _classes(pool: Split, test: Split) -> str:
    """Each class with its items in pool and test; of many the first, and the range of all."""
    n = len(pool.classes)
    drawn, tested = (np.bincount(split.labels, minlength=n) for split in (pool, test))
    said = [f"{name} {a}+{b}" for name, a, b in zip(pool.classes[:NAMED], drawn, tested, strict=False)]
    if n > NAMED:
        said.append(f"and {n - NAMED} more: {drawn.min()}-{drawn.max()} + {tested.min()}-{tested.max()} each")
    return ", ".join(said)


def _groups(pool: Split, test: Split) -> str:
    if pool.groups is None or test.groups is None:
        return ""
    return f" in {len(np.unique(pool.groups))} groups and {len(np.unique(test.groups))} of the test"


def _largest(test: Split) -> str:
    """Where one class is far larger than others: what a guess reaches, beside which no accuracy is to be praised."""
    share = _shares(test)
    if share.max() <= PRAISED / len(test.classes) and share.max() <= 0.8:
        return ""
    return f"; always guessing {test.classes[share.argmax()]} is right {share.max():.0%} of the time"


def _misled(metric: str, test: Split) -> str:
    """Where accuracy is judged and the largest class exceeds twice its equal share: by what to judge instead."""
    if metric != "accuracy" or _shares(test).max() <= PRAISED / len(test.classes):
        return ""
    return '; accuracy says little of the smaller classes: judge by metric = "balanced_accuracy"'


def _shares(test: Split) -> npt.NDArray[np.float64]:
    return np.bincount(test.labels, minlength=len(test.classes)) / len(test)
