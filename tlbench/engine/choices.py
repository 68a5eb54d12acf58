"""A run's choices: for each setup and number of frozen blocks, how its trials are run, and what they will take."""

from collections.abc import Sequence
from typing import Any

from tlbench.engine.executor import Engine, Executor
from tlbench.engine.forecast import OVERHEAD, pretraining_seconds, size_of, trial_seconds
from tlbench.engine.jobs import Job, Loading, Unit
from tlbench.engine.tuning import Tuned, Tuning
from tlbench.network import Setup
from tlbench.source import Source
from tlbench.suite import Suite
from tlbench.training import BATCH, CHECKED
from tlbench.trials import PLAIN, Choice, Outline, Scoring, Trial, outline
from tlbench.workspace import Workspace

SOURCE = -1  # in place of frozen blocks: as sources are trained, apart and in batches of their own
A_SCORE = 0.02  # seconds of a similarity, features aside


class Choices:
    """Settled by timing on first use, or taken over from the run that was begun here."""

    def __init__(self, workspace: Workspace, suite: Suite, engine: Engine, begun: dict[str, Any]) -> None:
        """begun: the choices of a run file."""
        self._workspace, self._suite, self._engine = workspace, suite, engine
        self._settled = {key: Tuned(**(it | {"choice": Choice(**it["choice"])})) for key, it in begun.items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as a run file holds it."""
        return {key: tuned.as_dict() for key, tuned in self._settled.items()}

    def settle(self, trials: Sequence[Trial], executor: Executor) -> None:
        """Has the workers time what these trials need and nobody has settled yet: whole networks, then their parts."""
        setups = {(trial.conditions.setup, 0) for trial in trials}
        trained = {(trial.conditions.setup, SOURCE) for trial in trials if self._is_to_be_trained(trial)}
        parts = {(trial.conditions.setup, self._outline(trial).frozen) for trial in trials}
        for needed in (setups, parts | trained):
            missing = sorted(
                (pair for pair in needed if _key(*pair) not in self._settled), key=lambda pair: _key(*pair)
            )
            for position, tuned in executor.run([Job(self._tuning(*pair), "", 1.0) for pair in missing]):
                self._settled[_key(*missing[position])] = tuned

    def _is_to_be_trained(self, trial: Trial) -> bool:
        """Whether the trial's source is."""
        source, given = trial.source, trial.conditions
        if source is None or not _trains(source):
            return False
        return not source.ready(given.setup, self._workspace, trial.seed, given.root_seed)

    def choice(self, trial: Trial) -> Choice:
        """How the trial is run."""
        tuned = self._tuned(trial.conditions.setup, self._outline(trial).frozen)
        return PLAIN if self._engine.mode == "plain" else tuned.choice

    def seconds(self, trial: Trial, *, plain: bool = False) -> float:
        """About what the trial will take; plain: without shortcuts, whatever was chosen."""
        conditions, parts = trial.conditions, self._outline(trial)
        whole, own = (self._tuned(conditions.setup, frozen) for frozen in (0, parts.frozen))
        prefixed = conditions.augment.idle and self._engine.mode != "plain" and not plain
        size = size_of(trial, parts, self._workspace, plain=plain)
        return trial_seconds(size, parts, whole, own, prefixed=prefixed)

    def unit_seconds(self, unit: Unit) -> float:
        """About what its trials will take, one after the other."""
        return self.seconds(unit.trials[0]) * len(unit.trials)

    def scoring_seconds(self, scoring: Scoring) -> float:
        """About what the similarities of a pair at one seed will take, most of which is reading features."""
        read = self._tuned(scoring.conditions.setup, 0).read_seconds(scoring.conditions.target.n_train)
        return OVERHEAD + 3 * read + A_SCORE * len(scoring.similarities)

    def joins(self, setup: Setup) -> bool:
        """Whether whole networks of the setup are trained together, those of sources too."""
        return self._engine.mode != "plain" and self._tuned(setup, 0).choice.together

    def loading_seconds(self, loading: Loading) -> float:
        """About what making a source ready will take: next to nothing where it is read, or was trained before."""
        source, setup = loading.source, loading.setup
        missing = [s for s in loading.seeds if not source.ready(setup, self._workspace, s, loading.root_seed)]
        return OVERHEAD + len(missing) * (self._training(source, setup) if missing and _trains(source) else 0.0)

    def _training(self, source: Source, setup: Setup) -> float:
        checked = sum(len(dataset.split("test", self._workspace)) for dataset in source.datasets())
        items, tuned = source.pretraining_items() or 0, self._tuned(setup, SOURCE)
        return pretraining_seconds(items, BATCH, min(CHECKED, checked), tuned)

    def _outline(self, trial: Trial) -> Outline:
        return outline(trial.method, trial.conditions.setup, self._workspace)

    def _tuned(self, setup: Setup, frozen: int) -> Tuned:
        key = _key(setup, frozen)
        if key not in self._settled:
            self._settled[key] = self._tuning(setup, frozen)(self._workspace)
        return self._settled[key]

    def _tuning(self, setup: Setup, frozen: int) -> Tuning:
        """One layout serves a setup, so that arms share their frozen prefix: the whole network's."""
        if frozen == SOURCE:
            joined = self.joins(setup)
            return Tuning(setup, 0, BATCH, self._suite.looks[0] if joined else 1, not joined)
        plain = self._engine.mode == "plain"
        given = None if frozen == 0 or plain else self._tuned(setup, 0).choice.channels_last
        return Tuning(setup, frozen, self._suite.batch_size, self._suite.looks[0], plain, given)


def _key(setup: Setup, frozen: int) -> str:
    """Names a setup with so many frozen blocks in a run file."""
    return f"{setup.label}, source" if frozen == SOURCE else f"{setup.label}, {frozen} frozen"


def _trains(source: Source) -> bool:
    return bool(source.pretraining_items())
