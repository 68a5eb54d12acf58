"""A job: a piece of work for a worker, and what is known of it beforehand."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

from tlbench.workspace import Workspace

Work: TypeAlias = Callable[[Workspace], Any]
Watch: TypeAlias = Callable[[int, int, float | None], None]


@dataclass(frozen=True)
class Job:
    """Work as it is expected.

    label: its kind; seconds: what it should take; count: how many trials it is; shares: what of it stays in a worker's
    memory for others that share it; block: jobs of a lower one go first.
    """

    work: Work
    label: str
    seconds: float
    count: int = 1
    shares: Hashable = None
    block: int = 0


def unwatched(worker: int, position: int, took: float | None) -> None:
    """What a `Watch` is told: which worker begins a job (None), or has done it in so many seconds. Here, nobody is."""
