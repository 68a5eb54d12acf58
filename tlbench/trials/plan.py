"""A suite resolved: datasets opened, inputs reconciled, sources crossed with targets and methods into cells."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tlbench.dataset import Labels, Target
from tlbench.errors import TlbenchError
from tlbench.form import Form, default_form
from tlbench.method import Method, methods
from tlbench.metric import Metric
from tlbench.network import Setup
from tlbench.runfile import Protocol, Role
from tlbench.source import Source
from tlbench.suite import Control, Cross, Suite
from tlbench.trials.cell import Cell
from tlbench.trials.conditions import Conditions
from tlbench.trials.draws import draw_of
from tlbench.trials.leaks import Found, guard
from tlbench.trials.outline import outline
from tlbench.trials.scheme import Scheme, scheme_of
from tlbench.trials.similarity_scores import Scoring
from tlbench.trials.trial import Trial
from tlbench.workspace import Workspace

LEAST_CROSSED = 3  # seeds, of fewer nothing can be told


@dataclass(frozen=True)
class Plan:
    """A suite resolved: its cells with the seeds planned for each so far, and the combinations that do not apply.

    extended: cells, by path, that have been given the seeds of a later look. overlaps: what of each target's test split
    was seen before, and by what. budgets: steps that a pilot found, by `budget_key`.
    """

    suite: Suite
    scheme: Scheme
    cells: list[Cell]
    skipped: list[str] = field(default_factory=list)
    extended: dict[str, int] = field(default_factory=dict)
    overlaps: list[Found] = field(default_factory=list)
    budgets: dict[str, int] = field(default_factory=dict)

    @property
    def runnable(self) -> list[Cell]:
        """The cells that are run: those of which a verdict can be given."""
        return [cell for cell in self.cells if not cell.invalid]

    def seeds(self, cell: Cell) -> int:
        """How many seeds are planned for a cell so far; what stands beside one has as many as that."""
        return self.extended.get(cell.beside or cell.path, self.suite.looks[0])

    def baseline_seeds(self, cell: Cell, protocol: Protocol) -> int:
        """How many seeds of a cell's baseline are planned so far; no more than its own where that trains longer."""
        return self.seeds(cell) * (self.scheme.surplus if protocol != "equal_compute" else 1)

    def piloted(self, found: Mapping[str, int]) -> "Plan":
        """The same with the budgets that a pilot has found, of those that the suite leaves open."""
        if not self.suite.piloted:
            return self
        budgets = self.budgets | {key: found[key] for key in self.unpiloted() if key in found}
        cells = [_with_steps(cell, budgets.get(budget_key(cell.conditions))) for cell in self.cells]
        return replace(self, cells=cells, budgets=budgets)

    def unpiloted(self) -> dict[str, Conditions]:
        """By key, the conditions under which nobody knows yet how many steps scratch needs."""
        if not self.suite.piloted:
            return {}
        keyed = {budget_key(cell.conditions): cell.conditions for cell in self.runnable}
        return {key: conditions for key, conditions in keyed.items() if key not in self.budgets}

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
        found = [trial for cell in self.runnable for trial in self._of(cell)]
        return sorted({trial.path: trial for trial in found}.values(), key=lambda trial: trial.seed)

    def _of(self, cell: Cell) -> Iterator[Trial]:
        """A cell's trials, its baselines' first."""
        for protocol in self.suite.protocols:
            yield from (self.baseline(cell, seed, protocol) for seed in range(self.baseline_seeds(cell, protocol)))
        yield from (cell.trial(seed) for seed in range(self.seeds(cell)))
        yield from self.crossed(cell)

    def crossed(self, cell: Cell) -> list[Trial]:
        """Of a convex head, the first look's trials again with the next seed's draw of their source.

        They cost next to nothing and tell what the source's draw adds to the spread from what the data's does.
        """
        n = self.suite.looks[0]
        if cell.role != "beside" or cell.source is None or not cell.source.varies or n < LEAST_CROSSED:
            return []
        return [replace(cell.trial(seed), source_seed=(seed + 1) % n) for seed in range(n)]

    def scorings(self) -> list[Scoring]:
        """The similarities of every source and target, at every planned seed's draw."""
        if not self.suite.similarities:
            return []
        measures = tuple(self.suite.similarities)
        found = [
            Scoring(cell.source, measures, cell.conditions, seed)
            for cell in self.runnable
            if cell.source is not None
            for seed in range(self.seeds(cell))
        ]
        return list({scoring.path: scoring for scoring in found}.values())


def budgeted(cell: Cell, protocol: Protocol) -> Conditions:
    """The baseline's conditions: the cell's own, or with the source's pretraining compute added, and not run on.

    At the plateau and within equal steps the baseline is one: its record holds both readings. A source whose
    pretraining is unknown adds nothing: its cell says so by equal baselines.
    """
    own = cell.conditions
    items = (cell.source.pretraining_items() or 0) if cell.source and protocol == "equal_compute" else 0
    if not items:
        return own
    extra = math.ceil(items / own.budget.batch(own.target.n_train))
    longer = replace(own.budget, steps=own.budget.steps + extra)
    return replace(own, budget=longer, variant=f"plus{extra}steps", run_on=False)


def budget_key(conditions: Conditions) -> str:
    """By which a budget is known that a pilot found: a target's and a setup's."""
    return f"{conditions.target.label}/{conditions.setup.label}"


def _with_steps(cell: Cell, steps: int | None) -> Cell:
    budget = cell.conditions.budget
    return replace(cell, conditions=replace(cell.conditions, budget=replace(budget, steps=steps or budget.steps)))


def resolve(suite: Suite, workspace: Workspace, scheme: Scheme | None = None) -> Plan:
    """Opens the datasets, reconciles inputs and crosses sources, targets and methods into cells.

    scheme: the suite's own where no run was begun.

    Raises:
        TlbenchError: a dataset cannot be read, n_train does not fit its pool, two entries share a label, or a method
            asks for what a network does not have.
    """
    targets, controls = [target for entry in suite.targets for target in entry.targets()], suite.declared_controls()
    asked = [source for cross in suite.cross for source in cross.sources]
    asked += [control.source for control in controls if control.source]
    _distinct("target", targets)
    _distinct("source", asked)
    used = [m for cross in suite.cross for m in cross.methods] + [control.method for control in controls]
    _distinct("method", [*used, *(methods.make(method.convex_twin) for method in used if method.convex_twin)])
    for source in asked:
        source.check(workspace)
    datasets = [*(target.dataset for target in targets), *(d for source in asked for d in source.datasets())]
    splits = [dataset.split("train", workspace) for dataset in datasets]
    cells: dict[str, Cell] = {}
    skipped: list[str] = []
    for target in targets:
        target.dataset.split("test", workspace)
        form = default_form(target.dataset.split("train", workspace), splits, suite.image_size)
        for cell in _crossed(suite, target, form, controls):
            if _applies(cell.source, cell.method):
                cells.setdefault(cell.path, cell)
            else:
                skipped.append(f"{cell.path}: not applicable, {_why_not(cell.source, cell.method)}")
    if not any(cell.crossed for cell in cells.values()):
        raise TlbenchError(f"suite '{suite.name}' has nothing to judge: {'; '.join(dict.fromkeys(skipped))}")
    _distinct("network", [cell.conditions.setup for cell in cells.values()])
    _try_out(cells.values(), workspace)
    guarded, overlaps = guard(list(cells.values()), suite.leak, workspace)
    return Plan(suite, scheme or scheme_of(suite, None), guarded, list(dict.fromkeys(skipped)), overlaps=overlaps)


def _crossed(suite: Suite, target: Target, form: Form, controls: Sequence[Control]) -> Iterator[Cell]:
    """The target's cells, those that do not apply among them: what is crossed, the controls, what stands beside."""
    expected = {(control.source, control.method): control.expect for control in controls}
    crosses = [cross for cross in suite.cross if _meant(target, cross, suite)]
    rows: list[tuple[Source | None, Method, str, bool]] = [
        (source, method, cross.family, True)
        for cross in crosses
        for source in cross.sources
        for method in cross.methods
    ]
    rows += [(control.source, control.method, "control", False) for control in controls]
    augment = type(form).augmentation(suite.augment)
    budget, run_on = suite.budget(target.n_train), "plateau" in suite.protocols
    cells = list[Cell]()
    for source, method, family, crossed in rows:
        setup = _setup(source, suite, form)
        conditions = Conditions(
            target, setup, budget, suite.metric, augment, suite.root_seed, run_on=run_on, also=suite.also
        )
        role: Role = "control" if (source, method) in expected else "cell"
        cells.append(Cell(source, method, conditions, role, family, expected.get((source, method)), crossed))
    yield from cells
    there = {(cell.source, cell.method) for cell in cells}
    yield from (one for one in map(_beside, cells) if one is not None and (one.source, one.method) not in there)


def _beside(cell: Cell) -> Cell | None:
    """The convex head that is shown beside a cell, where its method has one."""
    if not cell.method.convex_twin or not _applies(cell.source, cell.method):
        return None
    twin = methods.make(cell.method.convex_twin)
    return Cell(cell.source, twin, cell.conditions, "beside", "beside", None, crossed=False, beside=cell.path)


def _try_out(cells: Collection[Cell], workspace: Workspace) -> None:
    """Has what would fail in every trial fail now: each target's draw and measures, each method's start."""
    for conditions in {(c.conditions.target, c.conditions.setup.label): c.conditions for c in cells}.values():
        draw, _ = draw_of(conditions, 0, workspace)
        pool, test = (conditions.target.dataset.split(name, workspace) for name in ("train", "test"))
        _measurable("test split", test.labels, (conditions.metric, *conditions.also), conditions.target)
        _measurable("validation draw", pool.labels[draw.validation], (conditions.metric,), conditions.target)
    for cell in cells:
        fitted(cell, workspace)
        outline(cell.method, cell.conditions.setup, workspace)


def _measurable(what: str, labels: Labels, metrics: Collection[Metric], target: Target) -> None:
    """Raises where there is a metric that cannot be read on items with these labels."""
    for metric in metrics:
        try:
            metric.chance(labels)
        except TlbenchError as error:
            raise TlbenchError(f"target {target.label}, {what}: {error}") from None


def fitted(cell: Cell, workspace: Workspace) -> tuple[str, ...]:
    """What is to be said of how the cell's source fits its setup.

    Raises:
        TlbenchError: it does not.
    """
    source, setup = cell.source, cell.conditions.setup
    if source is None:
        return ()
    return workspace.cached((source, setup, "fits"), lambda: source.fits(setup, workspace))


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


def _setup(source: Source | None, suite: Suite, default: Form) -> Setup:
    architecture = source.architecture(suite.network) if source else suite.network
    form = architecture.form(default)
    return Setup(architecture, source.form(form) if source else form)


T = TypeVar("T", Target, Source, Method, Setup)


def _distinct(kind: str, entries: list[T]) -> None:
    seen: dict[str, T] = {}
    for entry in entries:
        if seen.setdefault(entry.label, entry) != entry:
            raise TlbenchError(f"two {kind} entries share the label '{entry.label}'; give one a label of its own")
