"""The screen: which trials failed or collapsed, which arms are unstable, which baselines are worth nothing."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from tlbench.judging import stats
from tlbench.judging.verdict.arm import Arm, Reading
from tlbench.records import Measured, Outcome, Record

FELL = "far below the arm's other seeds, and its final training loss far above theirs"


def screened(records: dict[int, Record[Outcome]], best: float, reading: Reading) -> Arm:
    """An arm with its failed trials found; best: the highest mean lift over chance of its target's arms."""
    return Arm(records, _failed(records, best, reading), reading)


def best_by_target(arms: Mapping[str, dict[int, Record[Outcome]]], reading: Reading) -> dict[str, float]:
    """The highest mean lift over chance of each target's arms, by paths that begin with the target's label."""
    best: dict[str, float] = defaultdict(float)
    for path, records in arms.items():
        lifts = [reading(record.outcome).lift for record in records.values() if record.status == "done"]
        target = path.partition("/")[0]
        best[target] = max(best[target], float(np.mean(lifts)) if lifts else 0.0)
    return best


def _failed(records: dict[int, Record[Outcome]], best: float, reading: Reading) -> dict[int, str]:
    """Seeds that diverged, that collapsed to chance while the arm's other seeds are well above it, or that fell out."""
    failed = {seed: record.outcome.failure for seed, record in records.items() if record.outcome.failure}
    done = {seed: record.outcome for seed, record in records.items() if seed not in failed}
    read = {seed: reading(outcome) for seed, outcome in done.items()}
    for seed in done:
        others = [other.lift for i, other in read.items() if i != seed]
        lift = np.median(others) if others else 0.0
        if read[seed].at_chance and lift > best / 2 > 0:
            failed[seed] = "collapsed to chance"
    return failed | {seed: FELL for seed in _fallen(done, read) if seed not in failed}


def _fallen(done: Mapping[int, Outcome], read: Mapping[int, Measured]) -> set[int]:
    """Seeds whose score is far below the arm's others and whose final loss is far above theirs."""
    losses = [_final_loss(outcome) for outcome in done.values()]
    if not done or None in losses:
        return set()
    floor = np.median([one.contributions().std() / np.sqrt(one.n) for one in read.values()])
    scores = np.array([one.value for one in read.values()])
    out = stats.fell_out(scores, np.array(losses, dtype=np.float64), floor)
    return {seed for seed, fell in zip(done, out, strict=True) if fell}


def _final_loss(outcome: Outcome) -> float | None:
    """The last of what was trained on; None where nothing was, or it is not known."""
    if outcome.train_loss is not None or outcome.curve is None:
        return outcome.train_loss
    return outcome.curve.train_loss[-1]
