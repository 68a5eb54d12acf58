"""A run's choices: for each setup and number of frozen blocks, how its trials are run, and what they will take."""

from collections.abc import Sequence
from typing import Any

from tlbench.engine.jobs import Job
from tlbench.engine.pool import Engine, Pool
from tlbench.engine.tuning import Tuned, Tuning
from tlbench.network import Setup
from tlbench.source import Source
from tlbench.suite import Suite
from tlbench.trials import PLAIN, Choice, Trial, n_blocks
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

    def settle(self, trials: Sequence[Trial], pool: Pool) -> None:
        """Has the workers time what these trials need and nobody has settled yet: whole networks, then their parts."""
        for several in ({(t.arm.setup, 0) for t in trials}, {(t.arm.setup, self._frozen(t)) for t in trials}):
            missing = sorted((one for one in several if _key(*one) not in self._found), key=lambda one: _key(*one))
            for position, tuned in pool.run([Job(self._tuning(*one), "", 1.0) for one in missing]):
                self._found[_key(*missing[position])] = tuned

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
        key = _key(setup, frozen)
        if key not in self._found:
            self._found[key] = self._tuning(setup, frozen)(self._workspace)
        return self._found[key]

    def _tuning(self, setup: Setup, frozen: int) -> Tuning:
        """One layout serves a setup, so that arms share their frozen prefix: the whole network's."""
        plain = self._engine.mode == "plain"
        given = None if frozen == 0 or plain else self._tuned(setup, 0).choice.channels_last
        return Tuning(setup, frozen, self._suite.batch_size, self._suite.looks[0], plain, given)


def _key(setup: Setup, frozen: int) -> str:
    """Names a setup with so many frozen blocks in a run file."""
    return f"{setup.label}, {frozen} frozen"
