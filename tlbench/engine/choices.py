"""A run's choices: for each setup and number of frozen blocks, how its trials are run, and what they will take."""

from collections.abc import Sequence
from typing import Any

from tlbench.engine.executor import Engine, Executor
from tlbench.engine.jobs import Job, Unit
from tlbench.engine.tuning import Tuned, Tuning
from tlbench.network import Setup
from tlbench.source import Source
from tlbench.suite import Suite
from tlbench.trials import PLAIN, Choice, Outline, Trial, outline
from tlbench.workspace import Workspace

OVERHEAD = 0.02  # seconds of a trial beside its steps


class Choices:
    """Settled by timing on first use, or taken over from the run that was begun here."""

    def __init__(self, workspace: Workspace, suite: Suite, engine: Engine, begun: dict[str, Any]) -> None:
        """begun: the choices of a run file."""
        self._workspace, self._suite, self._engine = workspace, suite, engine
        self._settled = {key: Tuned(Choice(**it["choice"]), it["milliseconds"]) for key, it in begun.items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as a run file holds it."""
        return {key: tuned.as_dict() for key, tuned in self._settled.items()}

    def settle(self, trials: Sequence[Trial], executor: Executor) -> None:
        """Has the workers time what these trials need and nobody has settled yet: whole networks, then their parts."""
        setups = {(trial.conditions.setup, 0) for trial in trials}
        for needed in (setups, {(trial.conditions.setup, self._outline(trial).frozen) for trial in trials}):
            missing = sorted(
                (pair for pair in needed if _key(*pair) not in self._settled), key=lambda pair: _key(*pair)
            )
            for position, tuned in executor.run([Job(self._tuning(*pair), "", 1.0) for pair in missing]):
                self._settled[_key(*missing[position])] = tuned

    def choice(self, trial: Trial) -> Choice:
        """How the trial is run."""
        tuned = self._tuned(trial.conditions.setup, self._outline(trial).frozen)
        return PLAIN if self._engine.mode == "plain" else tuned.choice

    def seconds(self, trial: Trial) -> float:
        """About what the trial will take."""
        conditions, parts = trial.conditions, self._outline(trial)
        budget, n_train = conditions.budget, conditions.target.n_train
        step = self._tuned(conditions.setup, parts.frozen).seconds
        steps = budget.steps * (len(budget.learning_rates) + 2 * conditions.run_on)  # the best, doubled once
        whole = self._tuned(conditions.setup, 0).seconds
        prefix = parts.frozen / parts.blocks * whole / 3 * budget.epoch(n_train)
        return OVERHEAD + step * steps + prefix

    def unit_seconds(self, unit: Unit) -> float:
        """About what its trials will take, one after the other."""
        return self.seconds(unit.trials[0]) * len(unit.trials)

    def source_seconds(self, source: Source, setup: Setup) -> float:
        """About what training the source will take; next to nothing for one that is read."""
        return OVERHEAD + 2 * self._tuned(setup, 0).seconds * getattr(source, "steps", 0)  # batches of 64

    def _outline(self, trial: Trial) -> Outline:
        return outline(trial.method, trial.conditions.setup, self._workspace)

    def _tuned(self, setup: Setup, frozen: int) -> Tuned:
        key = _key(setup, frozen)
        if key not in self._settled:
            self._settled[key] = self._tuning(setup, frozen)(self._workspace)
        return self._settled[key]

    def _tuning(self, setup: Setup, frozen: int) -> Tuning:
        """One layout serves a setup, so that arms share their frozen prefix: the whole network's."""
        plain = self._engine.mode == "plain"
        given = None if frozen == 0 or plain else self._tuned(setup, 0).choice.channels_last
        return Tuning(setup, frozen, self._suite.batch_size, self._suite.looks[0], plain, given)


def _key(setup: Setup, frozen: int) -> str:
    """Names a setup with so many frozen blocks in a run file."""
    return f"{setup.label}, {frozen} frozen"
