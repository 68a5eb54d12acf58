"""A run's choices: for each setup and number of frozen blocks, how its trials are run, and what they will take."""

from typing import Any

from tlbench.attempt import PLAIN, Choice
from tlbench.executor import Engine
from tlbench.network import Setup
from tlbench.plan import n_blocks
from tlbench.source import Source
from tlbench.suite import Suite
from tlbench.trial import Trial
from tlbench.tuning import Tuned, tune
from tlbench.workspace import Workspace

OVERHEAD = 0.02  # seconds of a trial beside its steps


class Choices:
    """Settled by timing on first use, or taken over from the run that was begun here."""

    def __init__(self, workspace: Workspace, suite: Suite, engine: Engine, begun: dict[str, Any]) -> None:
        """begun: the choices of a run file."""
        self._workspace, self._suite, self._engine = workspace, suite, engine
        self._found = {key: Tuned(Choice(**one["choice"]), one["milliseconds"]) for key, one in begun.items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as a run file holds it."""
        return {key: one.as_dict() for key, one in self._found.items()}

    def choice(self, trial: Trial) -> Choice:
        """How the trial is run."""
        tuned = self._tuned(trial.arm.setup, self._frozen(trial))
        return PLAIN if self._engine.mode == "plain" else tuned.choice

    def seconds(self, trial: Trial) -> float:
        """About what the trial will take."""
        budget, blocks = trial.arm.budget, n_blocks(trial.arm.setup, self._workspace)
        frozen = self._frozen(trial)
        step = self._tuned(trial.arm.setup, frozen).seconds
        steps = budget.steps(trial.arm.target.n_train) * len(budget.learning_rates)
        whole = self._tuned(trial.arm.setup, 0).seconds
        prefix = frozen / blocks * whole / 3 * (trial.arm.target.n_train // budget.batch(trial.arm.target.n_train))
        return OVERHEAD + step * steps + prefix

    def source_seconds(self, source: Source, setup: Setup) -> float:
        """About what training the source will take; next to nothing for one that is read."""
        return OVERHEAD + 2 * self._tuned(setup, 0).seconds * getattr(source, "steps", 0)  # batches of 64

    def _frozen(self, trial: Trial) -> int:
        blocks = n_blocks(trial.arm.setup, self._workspace)
        learning = trial.method.unfrozen(blocks)
        return 0 if learning is None else blocks - learning

    def _tuned(self, setup: Setup, frozen: int) -> Tuned:
        key = f"{setup.label}, {frozen} frozen"
        if key not in self._found:
            seeds, device = self._suite.looks[0], self._workspace.device
            self._found[key] = tune(setup, frozen, self._suite.batch_size, seeds, device)
        return self._found[key]
