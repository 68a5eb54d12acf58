"""Harm by class: a gain that is small on the whole may hide classes that lose."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tlbench.judging import stats
from tlbench.judging.stats import Floats
from tlbench.judging.verdict.arm import Arm
from tlbench.judging.verdict.cell_records import CellRecords
from tlbench.judging.verdict.evidence import evidence
from tlbench.judging.verdict.judge import LEAST_PAIRS
from tlbench.packing import unpack_labels
from tlbench.records import Measured, Outcome
from tlbench.runfile import Tested

ALPHA = 0.05
LEAST_REUSE = 0.05  # share of the pool in every draw, above which draws that overlap widen an interval
RIGHT_OR_WRONG = "accuracy"


@dataclass(frozen=True)
class ClassHarm:
    """What becomes of one class: items of it in the test, mean gain in its share of right answers, 95 % interval.

    interval: by itself, not simultaneous; None where nothing can be said of the spread. p_adjusted: two-sided, Holm
    over the classes.
    """

    name: str
    n_items: int
    n_pairs: int
    gain: float
    interval: tuple[float, float] | None
    p_adjusted: float

    @property
    def word(self) -> str:
        """Whether the class loses or wins, as one among all of them."""
        if self.p_adjusted > ALPHA:
            return "undecided"
        return "loses" if self.gain < 0 else "wins"


@dataclass(frozen=True)
class _Items:
    """Of every test item what both arms gave at each shared seed, and its class; (n, N) each and (N,)."""

    own: Floats
    base: Floats
    labels: np.typing.NDArray[np.int64]

    @cached_property
    def gains(self) -> Floats:
        return np.asarray(self.own - self.base)

    def of(self, place: int) -> tuple[Floats, float]:
        """A class's gain at each seed, and what its few items add to the error of the mean.

        That is at least what one item more or less does: of a class whose items all came out alike at every seed,
        their variance says nothing.
        """
        chosen = self.labels == place
        tau = stats.item_noise(self.own[:, chosen], self.base[:, chosen])
        return self.gains[:, chosen].mean(1), max(tau, 1 / int(chosen.sum()))


def harm_by_class(cell: CellRecords, tested: Tested) -> list[ClassHarm]:
    """Each class's gain over the shared pairs, the worst first; nothing where records do not tell right from wrong.

    An error has the seeds' spread, the noise of the class's own items, and what overlapping draws add. Below five pairs
    no class is said to lose or win.
    """
    labels = unpack_labels(tested.labels)
    items = _items(cell, labels)
    if items is None:
        return []
    places = np.unique(labels)
    columns = [items.of(place) for place in places]
    gains, tau = np.array([gains for gains, _ in columns]), np.array([tau for _, tau in columns])
    seen = evidence(gains, np.zeros_like(gains), tau, reuse=cell.reuse)
    mean, (error, freedom) = seen.mean, seen.error(0.0)
    low, high = stats.interval(mean, error, freedom, 1 - ALPHA)
    p = stats.holm(np.minimum(1, 2 * stats.p_below(-np.abs(mean), error, freedom)))
    several, enough = len(items.own) > 1, len(items.own) >= LEAST_PAIRS
    made = [
        ClassHarm(
            name=tested.classes[place],
            n_items=int((labels == place).sum()),
            n_pairs=len(items.own),
            gain=float(mean[i]),
            interval=(float(low[i]), float(high[i])) if several else None,
            p_adjusted=float(p[i]) if enough else 1.0,
        )
        for i, place in enumerate(places)
    ]
    return sorted(made, key=lambda harm: harm.gain)


def _items(cell: CellRecords, labels: np.typing.NDArray[np.int64]) -> _Items | None:
    """From the pairs whose readings are of exactly these items, each right or wrong."""
    readings = [(_reading(cell.own, seed), _reading(cell.base, seed)) for seed in cell.pairs]
    pairs = [(a, b) for a, b in readings if a and b and a.n == b.n == len(labels)]
    if not pairs:
        return None
    own, base = (np.array([one.contributions() for one in side]) for side in zip(*pairs, strict=True))
    sound = all(np.isin(np.abs(side), (0, 1)).all() for side in (own, base))
    return _Items(own, base, labels) if sound else None


def _reading(arm: Arm, seed: int) -> Measured | None:
    """Accuracy, or failing that the judged metric."""
    outcome: Outcome = arm.records[seed].outcome
    return outcome.measured.get(RIGHT_OR_WRONG) or outcome.measured.get(outcome.metric)


def decided(harms: Sequence[ClassHarm]) -> list[ClassHarm]:
    """The classes that lose or win."""
    return [harm for harm in harms if harm.word != "undecided"]
