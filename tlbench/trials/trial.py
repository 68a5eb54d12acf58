"""A trial: one source, target, method and seed; running it gives its record, step by step in this file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tlbench import device, environment
from tlbench.errors import one_line
from tlbench.method import Method
from tlbench.records import Kind, Outcome, OutcomeT, Record, Timing
from tlbench.source import Source
from tlbench.trials.arm import ArmAtSeed, arm_of, weights_of
from tlbench.trials.choice import PLAIN, Choice
from tlbench.trials.conditions import Conditions
from tlbench.trials.draws import data_of
from tlbench.trials.grid import Tried, tries, tries_together
from tlbench.trials.outcome import conclude
from tlbench.workspace import Workspace

CROSSED = ".crossed"  # of the path of trials with another seed's draw of their source
FAILED_TOGETHER = "trained together, they failed"


@dataclass(frozen=True)
class Trial:
    """A cell at one seed. `source` is None for methods that take none.

    source_seed: whose draw of the source it starts from, where that is not the trial's own: so that what the source's
    draw adds can be told from what the data's does.
    """

    source: Source | None
    method: Method
    conditions: Conditions
    seed: int
    source_seed: int | None = None

    @property
    def drawn_with(self) -> int:
        """The seed of its source."""
        return self.seed if self.source_seed is None else self.source_seed

    @property
    def source_label(self) -> str:
        """The source's label; the setup's where there is no source, so that one baseline serves all its sources."""
        if self.source:
            return self.source.label
        return "-".join(filter(None, (self.conditions.setup.label, self.conditions.variant)))

    @property
    def cell(self) -> str:
        """The cell's path within a run."""
        crossed = "" if self.source_seed is None else CROSSED
        return f"{self.conditions.target.label}/{self.source_label}/{self.method.label}{crossed}"

    @property
    def path(self) -> Path:
        """The record's path within a run."""
        return Path(self.cell) / f"seed-{self.seed}.json"

    @property
    def timing_path(self) -> Path:
        """Where its timing record lies within a run."""
        return Path(self.cell) / f"timing-{self.seed}.json"

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Plain data that fixes the trial; a record holds for as long as it is equal."""
        source = source_recipe(self.source, workspace) if self.source else None
        own = {"source": source, "method": self.method.recipe()} | self.conditions.recipe(workspace, self.seed)
        return own if self.source_seed is None else own | {"source_seed": self.source_seed}

    def run(
        self, workspace: Workspace, choice: Choice | None = None, where: Mapping[str, Any] | None = None
    ) -> Record[Outcome]:
        """Runs the trial; what fails is a record too, with its reason. where: its environment, if known already."""
        choice = choice or Choice()
        work = partial(self._work, workspace, choice)
        return recorded("trial", self.recipe(workspace), work, Outcome, where or how_and_where(workspace, choice))

    def time(self, workspace: Workspace) -> Record[Outcome]:
        """Runs the trial for its seconds alone: to be called with nothing beside it, and without shortcuts."""
        where = how_and_where(workspace, PLAIN)
        within = replace(self, conditions=replace(self.conditions, run_on=False))  # cost is judged at equal steps
        return recorded("timing", self.recipe(workspace), partial(within._work, workspace, PLAIN), Outcome, where)  # noqa: SLF001

    def arm(self, workspace: Workspace) -> ArmAtSeed:
        """The trial's arm, its data drawn and its source loaded, not yet trained."""
        data, source = data_of(self.conditions, self.seed, workspace), self.source
        weights = weights_of(source, self.conditions, self.drawn_with, workspace) if source is not None else None
        return arm_of(weights, self.method, self.conditions, self.seed, data, workspace)

    def _work(self, workspace: Workspace, choice: Choice) -> tuple[Outcome, Timing]:
        arm = self.arm(workspace)
        return conclude(arm, tries(arm, choice))


def run_together(trials: Sequence[Trial], workspace: Workspace, choice: Choice) -> list[Record[Outcome]]:
    """Trials that differ in their seed alone; trained as one network, or one by one, with the reason on record."""
    alone = replace(choice, together=False)
    if len(trials) == 1 or not choice.together:
        return [trial.run(workspace, alone) for trial in trials]
    made = joint(trials, workspace, choice)
    if isinstance(made, str):
        where = how_and_where(workspace, alone, apart=made)
        return [trial.run(workspace, alone, where) for trial in trials]
    together = how_and_where(workspace, choice, len(trials))
    return [
        recorded("trial", trial.recipe(workspace), partial(conclude, arm, own), Outcome, together)
        for trial, (arm, own) in zip(trials, made, strict=True)
    ]


def joint(trials: Sequence[Trial], workspace: Workspace, choice: Choice) -> list[tuple[ArmAtSeed, Tried]] | str:
    """The trials' arms, trained as one network; or why they were not: what fails is then met by each alone."""
    try:
        arms = [trial.arm(workspace) for trial in trials]
        tried = tries_together(arms, choice)
    except Exception as error:  # noqa: BLE001  whatever it is, the seed that it befalls meets it alone
        return f"{FAILED_TOGETHER}: {one_line(error)}"
    return tried if isinstance(tried, str) else list(zip(arms, tried, strict=True))


def recorded(
    kind: Kind,
    recipe: Mapping[str, Any],
    work: Callable[[], tuple[OutcomeT, Timing]],
    outcome: type[OutcomeT],
    where: Mapping[str, Any],
) -> Record[OutcomeT]:
    """The record of a piece of work; what fails is one too, with its reason."""
    try:
        made, timing = work()
    except Exception as error:  # noqa: BLE001  whatever goes wrong in one trial, the run goes on and says so
        made, timing = outcome(failure=one_line(error)), Timing()
    return Record(kind, recipe, made, timing, where)


def how_and_where(
    workspace: Workspace, choice: Choice | None = None, n_together: int = 1, apart: str | None = None
) -> dict[str, Any]:
    """A record's environment; apart: why seeds that were to be trained together were not."""
    where = environment.describe(device.describe(workspace.device), torch.get_num_threads())
    engine = asdict(choice) | {"n_together": n_together, "apart": apart} if choice else {}
    return where | {"engine": engine} if engine else where


def source_recipe(source: Source, workspace: Workspace) -> dict[str, Any]:
    """The source's recipe, with a digest of content that may change under its name."""
    content = workspace.cached((source, "identity"), lambda: source.identity(workspace))
    return source.recipe(places=not content) | {"content": content}
