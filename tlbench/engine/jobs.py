"""Jobs: pieces of work that can be sent anywhere, each a small spec and what is known of it beforehand."""

import io
import pickle
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, TypeAlias

from tlbench.errors import TlbenchError, one_line
from tlbench.network import Setup
from tlbench.records import Outcome, Record
from tlbench.source import Source
from tlbench.trials import Choice, Plan, Scoring, Trial, run_together
from tlbench.workspace import Workspace

TOGETHER = 5  # seeds that are joined at most: those of the first look
Work: TypeAlias = Callable[[Workspace], Any]
Watch: TypeAlias = Callable[[int, int, float | None], None]


@dataclass(frozen=True)
class Job:
    """Work as it is expected: a spec that can be pickled and is called where it runs, with the workspace there.

    label: what is shown of it; seconds: what it should take; count: how many trials it is; shares: what of it stays in
    a worker's memory for others that share it; block: jobs of a lower one go first. kind: jobs of one turn out alike,
    those of a label where it is None.
    """

    work: Work
    label: str
    seconds: float
    count: int = 1
    shares: Hashable = None
    block: int = 0
    kind: Hashable = None


def unwatched(worker: int, position: int, took: float | None) -> None:
    """What a `Watch` is told: which worker begins a job (None), or has done it in so many seconds. Here, nobody is."""


@dataclass(frozen=True)
class Loading:
    """Has a source made ready (trained and kept, checked, downloaded) for seeds before any trial leans on it."""

    source: Source
    setup: Setup
    seeds: tuple[int, ...]
    root_seed: int

    def __call__(self, workspace: Workspace) -> tuple[str, ...]:
        """What the user should know of the source."""
        try:
            return self.source.prepare(self.setup, workspace, self.seeds, self.root_seed)
        except TlbenchError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it ends the run in a line that names the source
            raise TlbenchError(f"source '{self.source.label}' could not be made ready: {one_line(error)}") from None


@dataclass(frozen=True)
class Unit:
    """Trials of one arm that are run in one go, and which of them are asked for: the others have their record."""

    trials: tuple[Trial, ...]
    wanted: tuple[Trial, ...]
    choice: Choice

    @property
    def block(self) -> int:
        """Which block of seeds these are."""
        return block_of(self.trials[0])

    @property
    def shares(self) -> Hashable:
        """What other units find kept where this one ran: data, source weights, a frozen prefix."""
        first = self.trials[0]
        return first.conditions.target, first.conditions.setup, first.source_label, self.block

    def __call__(self, workspace: Workspace) -> list[tuple[Path, Record[Outcome]]]:
        """The records that were asked for, with their paths."""
        made = zip(self.trials, run_together(self.trials, workspace, self.choice), strict=True)
        return [(trial.path, record) for trial, record in made if trial in self.wanted]


class _Traveller(pickle.Pickler):
    """Pickles into nowhere and notes what only this program's main module defines."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO())
        self.only_here: list[str] = []

    def reducer_override(self, given: Any) -> Any:
        """Looks at every class and function on the way."""
        if isinstance(given, type | FunctionType) and given.__module__ == "__main__":
            self.only_here.append(given.__qualname__)
        return NotImplemented


def what_cannot_travel(plan: Plan) -> str:
    """What keeps a plan's trials from workers of another process, which do not import the main module; or nothing."""
    traveller = _Traveller()
    try:
        traveller.dump([plan.cells, plan.suite.baseline, plan.suite.similarities])
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        return f"a leaf cannot be sent to workers ({one_line(error)})"
    if traveller.only_here:
        return f"{traveller.only_here[0]} is defined in the program itself, not in a module that workers could import"
    return ""


def block_of(job: Trial | Scoring) -> int:
    """The block of seeds that may be trained together with this one."""
    return job.seed // TOGETHER
