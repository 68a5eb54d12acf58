"""What two runs have of each cell and arm, by seed, and what is known of it without any statistics."""

from dataclasses import dataclass, replace

import numpy as np

from tlbench.judging.accepted import Accepted, ArmSeeds, varies
from tlbench.judging.verdict import LEAST_PAIRS


@dataclass(frozen=True)
class Series:
    """Values by seed before and after, and what is known without any statistics (else nothing)."""

    axis: str
    path: str
    before: dict[int, float]
    after: dict[int, float]
    known: str
    paired: bool
    note: str = ""


def series_of(before: Accepted, after: Accepted) -> list[Series]:
    """Every cell's gain, every arm's score and convergence, every timed cell's cost, in that order."""
    return [*_gains(before, after), *_arms(before, after), *_costs(before, after)]


def comparable_clocks(before: Accepted, after: Accepted) -> bool:
    """Whether seconds of both were taken on the same machine, device and number of threads."""
    keys = ("device", "threads")
    here, there = before.environment, after.environment
    return here["machine"] == there["machine"] and all(here[key] == there[key] for key in keys)


def _gains(before: Accepted, after: Accepted) -> list[Series]:
    made = []
    for path in dict.fromkeys([*before.cells, *after.cells]):
        old, new = before.cells.get(path), after.cells.get(path)
        own = [side.arms[path] if cell else None for side, cell in ((before, old), (after, new))]
        base = [side.arms[cell.baseline] if cell else None for side, cell in ((before, old), (after, new))]
        known, note = _standing(*own)
        if known == "unchanged" and not _replayed(*base):
            known = note = ""
        same = before.root_seed == after.root_seed and _same_weights(*own)
        made.append(Series("gain", path, old.gains() if old else {}, new.gains() if new else {}, known, same, note))
    return [_few(series) for series in made]


def _arms(before: Accepted, after: Accepted) -> list[Series]:
    made = []
    for path in dict.fromkeys([*before.arms, *after.arms]):
        old, new = before.arms.get(path), after.arms.get(path)
        known, note = _standing(old, new)
        same = before.root_seed == after.root_seed and _same_weights(old, new)
        values = [side.values(path) if path in side.arms else {} for side in (before, after)]
        made.append(Series("accuracy", path, values[0], values[1], known, same, note))
        areas = [
            {seed: area for seed, area in arm.by_seed("area").items() if area is not None} if arm else {}
            for arm in (old, new)
        ]
        if any(areas):
            made.append(Series("convergence", path, areas[0], areas[1], known, same, note))
    return [_few(series) for series in made]


def _costs(before: Accepted, after: Accepted) -> list[Series]:
    """Log of the baseline's seconds over the arm's, so that a machine slower throughout changes nothing."""
    if not comparable_clocks(before, after):
        return []
    made = []
    for path in before.cells.keys() & after.cells.keys():
        ratios = [_ratios(side, path) for side in (before, after)]
        if all(ratios) and before.arms[path].data == after.arms[path].data:
            made.append(Series("cost", path, ratios[0], ratios[1], "", paired=False))
    return sorted((_few(series) for series in made), key=lambda series: series.path)


def _ratios(side: Accepted, path: str) -> dict[int, float]:
    own, base = (side.arms[arm].seconds if arm in side.arms else {} for arm in (path, side.cells[path].baseline))
    return {seed: float(np.log(base[seed] / own[seed])) for seed in own if seed in base and own[seed] and base[seed]}


def _standing(old: ArmSeeds | None, new: ArmSeeds | None) -> tuple[str, str]:
    """What is known of an arm without statistics, and what is to be said of it."""
    if old is None or new is None:
        return ("new" if old is None else "missing"), ""
    if _replayed(old, new):
        more = len(new.seeds) - len(old.seeds)
        return "unchanged", f"equal to the last bit at {len(old.seeds)} seeds" + (
            f", {more} more are new" if more else ""
        )
    if old.data != new.data:
        return "other data", "the target's data, n_train or split is another"
    if not _same_weights(old, new) and not (varies(old.weights) and varies(new.weights)):
        own = (f"{100 * arm.source_accuracy:.1f}" if arm.source_accuracy is not None else "?" for arm in (old, new))
        return "source changed", f"one draw of its weights each; the source's own accuracy {' -> '.join(own)}"
    return "", ""


def _replayed(old: ArmSeeds | None, new: ArmSeeds | None) -> bool:
    """Whether recipe and outcome are the same at every seed that there was."""
    if old is None or new is None:
        return False
    was, is_ = old.by_seed("replay"), new.by_seed("replay")
    return bool(was) and all(is_.get(seed) == digest for seed, digest in was.items())


def _same_weights(old: ArmSeeds | None, new: ArmSeeds | None) -> bool:
    if old is None or new is None:
        return False
    was, is_ = old.by_seed("weights"), new.by_seed("weights")
    return all(was[seed] == is_[seed] for seed in was.keys() & is_.keys())


def _few(series: Series) -> Series:
    """The series, out of the family where there are too few seeds to say anything."""
    before, after = series.before, series.after
    n = len(before.keys() & after.keys()) if series.paired else min(len(before), len(after))
    if series.known or n >= LEAST_PAIRS:
        return series
    return replace(series, known="too few", note=f"{n} seeds are too few to compare")
