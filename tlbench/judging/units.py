"""In what a metric's scores and gains are told: hundredths of those between 0 and 1, a loss as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

HUNDREDTHS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


@dataclass(frozen=True)
class Unit:
    """A unit's name in the plural, how many of it are one on the metric's scale, and how many decimals are told."""

    name: str
    scale: float
    digits: int

    def plain(self, value: float | None) -> str:
        """A score, or the size of a difference."""
        return "-" if value is None else f"{self.scale * value:.{self.digits}f}"

    def signed(self, value: float | None) -> str:
        """A difference with its sign."""
        return "-" if value is None else f"{self.scale * value:+.{self.digits}f}"

    def ranged(self, value: float | None, ends: Sequence[float] | None) -> str:
        """A difference with its interval."""
        return self.signed(value) + (f" [{self.signed(ends[0])}, {self.signed(ends[1])}]" if ends else "")

    def short(self, value: float) -> str:
        """A setting, such as a margin, with no more decimals than it needs."""
        return f"{self.scale * value:g}"


def unit_of(metric: str) -> Unit:
    """A metric's unit, by its label; one that is not known here is told on its own scale."""
    if metric in HUNDREDTHS:
        return Unit("points", 100.0, 1)
    return Unit("nats" if metric == "log_loss" else f"of {metric}", 1.0, 3)
