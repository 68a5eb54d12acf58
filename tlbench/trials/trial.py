"""A trial: one source, target, method and seed; running it gives its record."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch

from tlbench import device, environment
from tlbench.errors import one_line
from tlbench.method import Method
from tlbench.records import Record
from tlbench.source import Source
from tlbench.trials.attempt import PLAIN, Choice
from tlbench.trials.begun import Begun, Result, begin, run_alone, run_joined
from tlbench.trials.conditions import Arm
from tlbench.workspace import Workspace

TOGETHER = 5  # seeds that are joined at most: those of the first look
Kind: TypeAlias = Literal["trial", "similarity", "timing"]


@dataclass(frozen=True)
class Trial:
    """A cell at one seed. `source` is None for methods that take none."""

    source: Source | None
    method: Method
    arm: Arm
    seed: int

    @property
    def source_label(self) -> str:
        """The source's label; the setup's where there is no source, so that one baseline serves all its sources."""
        return self.source.label if self.source else "-".join(filter(None, (self.arm.setup.label, self.arm.variant)))

    @property
    def cell(self) -> str:
        """The cell's path within a run."""
        return f"{self.arm.target.label}/{self.source_label}/{self.method.label}"

    @property
    def path(self) -> Path:
        """The record's path within a run."""
        return Path(self.cell) / f"seed-{self.seed}.json"

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Plain data that fixes the trial; a record holds for as long as it is equal."""
        source = source_recipe(self.source, workspace) if self.source else None
        return {"source": source, "method": self.method.recipe()} | self.arm.recipe(workspace, self.seed)

    def run(self, workspace: Workspace, choice: Choice = Choice()) -> Record:  # noqa: B008  frozen
        """Runs the trial; what fails is a record too, with its reason."""
        work = partial(self._work, workspace, choice)
        return recorded("trial", self.recipe(workspace), workspace, work, choice)

    def begin(self, workspace: Workspace) -> Begun:
        """The trial under way."""
        return begin(self.source, self.method, self.arm, self.seed, workspace)

    def _work(self, workspace: Workspace, choice: Choice) -> Result:
        return run_alone(self.begin(workspace), choice)

    @property
    def timing_path(self) -> Path:
        """Where its timing record lies within a run."""
        return Path(self.cell) / f"timing-{self.seed}.json"

    def time(self, workspace: Workspace) -> Record:
        """Runs the trial for its seconds alone: to be called with nothing beside it, and without shortcuts."""
        work = partial(self._work, workspace, PLAIN)
        return recorded("timing", self.recipe(workspace), workspace, work, PLAIN)


def block_of(trial: Trial) -> int:
    """The block of seeds that may be trained together with this one."""
    return trial.seed // TOGETHER


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
        one = self.trials[0]
        return one.arm.target, one.arm.setup, one.source_label, self.block

    def __call__(self, workspace: Workspace) -> list[tuple[Path, Record]]:
        """The records that were asked for, with their paths."""
        made = zip(self.trials, run_together(self.trials, workspace, self.choice), strict=True)
        return [(trial.path, record) for trial, record in made if trial in self.wanted]


def run_together(trials: Sequence[Trial], workspace: Workspace, choice: Choice) -> list[Record]:
    """Trials that differ in their seed alone; trained as one network where that can be done, else one by one."""
    if len(trials) > 1 and choice.together:
        try:
            results = run_joined([trial.begin(workspace) for trial in trials], choice)
        except Exception:  # noqa: BLE001, S110  whatever it is, each trial meets it alone below and records it
            pass
        else:
            where = _where(workspace, choice, len(trials))
            return [
                _made("trial", trial.recipe(workspace), outcome, timing, where)
                for trial, (outcome, timing) in zip(trials, results, strict=True)
            ]
    return [trial.run(workspace, replace(choice, together=False)) for trial in trials]


def source_recipe(source: Source, workspace: Workspace) -> dict[str, Any]:
    content = workspace.once((source, "identity"), lambda: source.identity(workspace))
    return source.recipe() | {"content": content}


def recorded(
    kind: Kind,
    recipe: dict[str, Any],
    workspace: Workspace,
    work: Callable[[], Result],
    choice: Choice | None = None,
) -> Record:
    """The record of a piece of work; what fails is one too, with its reason."""
    where = _where(workspace, choice, 1)
    try:
        outcome, timing = work()
    except Exception as error:  # noqa: BLE001  whatever goes wrong in one trial, the run goes on and says so
        outcome, timing = {"failure": one_line(error)}, {}
    return _made(kind, recipe, outcome, timing, where)


def _made(
    kind: Kind, recipe: dict[str, Any], outcome: dict[str, Any], timing: dict[str, Any], where: dict[str, Any]
) -> Record:
    return Record(kind, "failed" if outcome["failure"] else "done", recipe, outcome, timing, where)


def _where(workspace: Workspace, choice: Choice | None, n_together: int) -> dict[str, Any]:
    where = environment.describe(device.describe(workspace.device), torch.get_num_threads())
    return where if choice is None else where | {"engine": asdict(choice) | {"n_together": n_together}}
