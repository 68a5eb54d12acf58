"""A suite resolved: datasets opened, inputs reconciled, sources crossed with targets and methods into cells."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from tlbench.dataset import Target
from tlbench.errors import TlbenchError
from tlbench.form import InputForm
from tlbench.method import Method
from tlbench.network import Setup
from tlbench.source import Source
from tlbench.suite import Cross, Expectation, Protocol, Suite
from tlbench.trials.conditions import PLATEAU, Arm
from tlbench.trials.scoring import Scoring
from tlbench.trials.trial import Trial
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class Cell:
    """Source x target x method with its baseline, its role and, for a control, what it must come out as."""

    source: Source | None
    method: Method
    arm: Arm
    role: Literal["cell", "control"]
    family: str
    expect: Expectation | None

    @property
    def path(self) -> str:
        """The cell's path within a run."""
        return self.trial(0).cell

    def trial(self, seed: int) -> Trial:
        """The cell at one seed."""
        return Trial(self.source, self.method, self.arm, seed)


@dataclass(frozen=True)
class Plan:
    """A suite resolved: its cells with the seeds planned for each so far, and the combinations that do not apply.

    extended: cells, by path, that have been given the seeds of a later look.
    """

    suite: Suite
    cells: list[Cell]
    skipped: list[str] = field(default_factory=list)
    extended: dict[str, int] = field(default_factory=dict)

    def seeds(self, cell: Cell) -> int:
        """How many seeds are planned for a cell so far."""
        return self.extended.get(cell.path, self.suite.looks[0])

    def baseline(self, cell: Cell, seed: int, protocol: Protocol | None = None) -> Trial:
        """The cell's baseline at one seed: the same target and setup, no source, the budget of the protocol.

        Without a protocol, of the suite's first, on which cells are judged.
        """
        return Trial(None, self.suite.baseline, budgeted(cell, protocol or self.suite.protocols[0]), seed)

    def baselines(self, cell: Cell, seed: int) -> dict[Protocol, Trial]:
        """The cell's baseline under each of the suite's protocols."""
        return {protocol: self.baseline(cell, seed, protocol) for protocol in self.suite.protocols}

    def trials(self) -> list[Trial]:
        """All distinct trials, seed by seed; a baseline is there once, however many cells lean on it."""
        pairs = [(cell, seed) for seed in range(self.suite.looks[-1]) for cell in self.cells if seed < self.seeds(cell)]
        found = [trial for c, seed in pairs for trial in (*self.baselines(c, seed).values(), c.trial(seed))]
        return list({trial.path: trial for trial in found}.values())

    def scorings(self) -> list[Scoring]:
        """The similarities of every source and target, at every planned seed's draw."""
        if not self.suite.similarities:
            return []
        measures = tuple(self.suite.similarities)
        found = [
            Scoring(cell.source, measures, cell.arm, seed)
            for cell in self.cells
            if cell.source is not None
            for seed in range(self.seeds(cell))
        ]
        return list({scoring.path: scoring for scoring in found}.values())


def budgeted(cell: Cell, protocol: Protocol) -> Arm:
    """The baseline's arm: the cell's own, or with the source's pretraining compute added, or run to a plateau.

    A source whose pretraining is unknown adds nothing: its cell says so by equal baselines.
    """
    arm = cell.arm
    if protocol == "plateau":
        return replace(arm, variant=PLATEAU)
    images = (cell.source.pretraining_images() or 0) if cell.source and protocol == "equal_compute" else 0
    if not images:
        return arm
    size = arm.budget.batch(arm.target.n_train)
    extra = math.ceil(images / (arm.target.n_train // size * size))
    longer = replace(arm.budget, epochs=arm.budget.epochs + extra)
    return replace(arm, budget=longer, variant=f"plus{extra}epochs")


def resolve(suite: Suite, workspace: Workspace) -> Plan:
    """Opens the datasets, reconciles inputs and crosses sources, targets and methods into cells.

    Raises:
        TlbenchError: a dataset cannot be read, n_train does not fit its pool, or two entries share a label.
    """
    targets = [target for entry in suite.targets for target in entry.targets()]
    _distinct("target", targets)
    controls = suite.declared_controls()
    asked = [source for cross in suite.cross for source in cross.sources] + [
        control.source for control in controls if control.source
    ]
    _distinct("source", asked)
    for one in asked:
        one.check(workspace)
    _distinct("method", [m for cross in suite.cross for m in cross.methods] + [c.method for c in controls])
    every = [*(t.dataset for t in targets), *(d for source in asked for d in source.datasets())]
    shapes = [dataset.split("train", workspace).shape for dataset in every]
    colour = max(shape[0] for shape in shapes)
    cells: dict[str, Cell] = {}
    skipped: list[str] = []
    declared = {(control.source, control.method): control for control in controls}
    for target in targets:
        pool = target.dataset.split("train", workspace)
        target.dataset.split("test", workspace)
        default = InputForm(suite.image_size or max(pool.shape[1:]), colour)
        rows: list[tuple[Source | None, Method, str]] = [
            (s, m, c.family) for c in suite.cross if _meant(target, c, suite) for s in c.sources for m in c.methods
        ]
        rows += [(control.source, control.method, "control") for control in controls]
        for source, method, family in rows:
            arm = Arm(target, _setup(source, suite, default), suite.budget, suite.root_seed, augment=suite.augment)
            control = declared.get((source, method))
            cell = Cell(
                source, method, arm, "control" if control else "cell", family, control.expect if control else None
            )
            if not _applies(source, method):
                skipped.append(f"{cell.path}: not applicable, {_why_not(source, method)}")
                continue
            cells.setdefault(cell.path, cell)
        arms = {cell.arm.setup.label: cell.arm for cell in cells.values() if cell.arm.target == target}
        for arm in arms.values():
            arm.draw(workspace, 0)
    crossed = sum(len(c.sources) * len(c.methods) for c in suite.cross for t in targets if _meant(t, c, suite))
    if len(skipped) >= crossed:
        raise TlbenchError(f"suite '{suite.name}' has nothing to judge: {'; '.join(dict.fromkeys(skipped))}")
    for cell in cells.values():  # a method that unfreezes more blocks than there are is told now, not in its trials
        cell.method.unfrozen(n_blocks(cell.arm.setup, workspace))
    return Plan(suite, list(cells.values()), list(dict.fromkeys(skipped)))


def _meant(target: Target, cross: Cross, suite: Suite) -> bool:
    entries = {t.label: entry.label or entry.dataset.label for entry in suite.targets for t in entry.targets()}
    return not cross.targets or target.label in cross.targets or entries[target.label] in cross.targets


def _applies(source: Source | None, method: Method) -> bool:
    if source is None or not method.needs_source:
        return source is None and not method.needs_source
    return source.has_head or not method.needs_source_head


def _why_not(source: Source | None, method: Method) -> str:
    if not method.needs_source:
        return f"{method.name} takes no source"
    return f"{method.name} needs a source" if source is None else f"{source.name} has no head that means anything"


def _setup(source: Source | None, suite: Suite, default: InputForm) -> Setup:
    architecture = source.architecture(suite.network) if source else suite.network
    form = InputForm(default.size, architecture.channels or default.channels)
    return Setup(architecture, source.form(form) if source else form)


def n_blocks(setup: Setup, workspace: Workspace) -> int:
    """How many blocks a setup's network has; it is built once to be counted."""
    return workspace.once((setup, "blocks"), lambda: len(setup.build(2).names))


T = TypeVar("T", Target, Source, Method)


def _distinct(kind: str, entries: list[T]) -> None:
    seen: dict[str, T] = {}
    for entry in entries:
        if seen.setdefault(entry.label, entry) != entry:
            raise TlbenchError(f"two {kind} entries share the label '{entry.label}'; give one a label of its own")
