"""A suite: what is crossed with what, read from TOML and validated, resolved into cells, and planned as trials."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, ValidationError, model_validator

from tlbench.dataset import DatasetSpec, Target, datasets
from tlbench.errors import TlbenchError, unknown
from tlbench.inputs import InputForm
from tlbench.method import Method, methods
from tlbench.network import ArchitectureSpec, Setup, networks
from tlbench.shelf import slug
from tlbench.similarity import Similarity, similarities
from tlbench.source import Source, sources
from tlbench.training import Budget
from tlbench.trial import Arm, Scoring, Trial
from tlbench.workspace import Workspace

SUITES = Path(__file__).parent / "suites"
Expectation: TypeAlias = Literal["unflagged", "negative", "any"]
SourceSpec: TypeAlias = Annotated[InstanceOf[Source], BeforeValidator(sources.make)]
MethodSpec: TypeAlias = Annotated[InstanceOf[Method], BeforeValidator(methods.make)]
SimilaritySpec: TypeAlias = Annotated[InstanceOf[Similarity], BeforeValidator(similarities.make)]
Counts: TypeAlias = Annotated[list[int], BeforeValidator(lambda value: [value] if isinstance(value, int) else value)]
Rates: TypeAlias = Annotated[
    tuple[Annotated[float, Field(gt=0)], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: [value] if isinstance(value, int | float) else value),
]


class Strict(BaseModel):
    """A table of a suite; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetEntry(Strict):
    """A dataset at one or several training budgets."""

    dataset: DatasetSpec
    n_train: Counts
    n_val: int = 0
    label: str = ""

    def targets(self) -> list[Target]:
        """A target for each budget."""
        name = slug(self.label) if self.label else self.dataset.label
        return [Target(self.dataset, n, self.n_val, f"{name}-n{n}") for n in self.n_train]


class Cross(Strict):
    """Sources crossed with targets (all where none are named, by the label of their dataset) and methods."""

    sources: list[SourceSpec] = Field(min_length=1)
    methods: list[MethodSpec] = Field(min_length=1)
    targets: list[str] = []
    family: str = "main"


class Control(Strict):
    """A declared pair that is judged apart, with what it must come out as."""

    source: SourceSpec
    method: MethodSpec
    expect: Expectation = "any"


class VerdictSettings(Strict):
    """The verdict's settings; accuracies in [0, 1]."""

    alpha: float = Field(0.05, gt=0, lt=0.5)
    margin: float = Field(0.005, gt=0, lt=1)
    pairing: Literal["paired", "welch"] = "paired"


class Suite(Strict):
    """What is crossed with what, and how each arm is trained."""

    name: str
    description: str = ""
    targets: list[TargetEntry] = Field(min_length=1)
    cross: list[Cross] = Field(min_length=1)
    controls: list[Control] | bool = True
    similarities: list[SimilaritySpec] = []
    baseline: MethodSpec = Field(default_factory=lambda: methods.make("scratch"))
    network: ArchitectureSpec = Field(default_factory=lambda: networks.make("resnet"))
    image_size: int = Field(0, ge=0)
    seeds: int = Field(5, ge=1)
    root_seed: int = Field(0, ge=0)
    epochs: int = Field(15, ge=1)
    batch_size: int = Field(32, ge=2)
    learning_rates: Rates = Budget.learning_rates
    weight_decay: float = Field(1e-2, ge=0)
    download: bool = False
    verdict: VerdictSettings = VerdictSettings()  # type: ignore[call-arg]

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = {target.label for entry in self.targets for target in entry.targets()}
        known |= {entry.label or entry.dataset.label for entry in self.targets}
        for name in (name for cross in self.cross for name in cross.targets):
            if name not in known:
                raise unknown("target of the suite", name, known)
        if self.baseline.needs_source:
            raise TlbenchError(f"baseline '{self.baseline.label}' needs a source; a baseline starts from none")
        return self

    @property
    def budget(self) -> Budget:
        """How every arm is trained."""
        return Budget(self.epochs, self.batch_size, self.learning_rates, self.weight_decay)

    def declared_controls(self) -> list[Control]:
        """The suite's own list, or the default: null fine-tuned and frozen, the first trained source's shuffled."""
        if not isinstance(self.controls, bool):
            return self.controls
        if not self.controls:
            return []
        pairs: list[tuple[str | dict[str, Any], Expectation, str]] = [
            ("null", "unflagged", "finetune"),
            ("null", "any", "linear_probe"),
        ]
        trained = [dataset for cross in self.cross for source in cross.sources for dataset in source.datasets()]
        pairs += [({"name": "shuffled", "dataset": dataset}, "negative", "linear_probe") for dataset in trained[:1]]
        return [Control(source=sources.make(s), method=methods.make(m), expect=e) for s, e, m in pairs]


def builtin() -> list[str]:
    """The names of the suites that come with tlbench."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def read_suite(name: str, overrides: dict[str, Any] | None = None) -> Suite:
    """A suite by its built-in name or the path of its TOML file; `overrides` replace its keys.

    Raises:
        TlbenchError: no such suite or file, not TOML, an unknown key or name (the nearest is suggested), a bad value.
    """
    path = Path(name) if name.endswith(".toml") else SUITES / f"{name}.toml"
    if not path.is_file():
        raise unknown("suite", name, builtin()) if path.parent == SUITES else TlbenchError(f"no suite file at {path}")
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TlbenchError(f"{path} is not a TOML suite: {error}") from None
    return make_suite({"name": path.stem} | plain | (overrides or {}), str(path))


def make_suite(plain: dict[str, Any], where: str) -> Suite:
    """A suite from plain data; `where` names its origin in errors."""
    try:
        return Suite.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise TlbenchError(f"{where}: {unknown('key', place, _keys(first['loc']))}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise TlbenchError(f"{where}: {place + ': ' if place else ''}{message}") from None
    except TlbenchError as error:
        raise TlbenchError(f"{where}: {error}") from None


def _keys(loc: tuple[int | str, ...]) -> Iterable[str]:
    """The keys of the table that an unknown key stands in, with the same path before them."""
    tables: dict[str, type[Strict]] = {"targets": TargetEntry, "cross": Cross, "controls": Control}
    table = tables.get(str(loc[0]), VerdictSettings) if len(loc) > 1 else Suite
    before = ".".join(str(part) for part in loc[:-1])
    return [f"{before}.{key}" if before else key for key in table.model_fields]


@dataclass(frozen=True)
class Cell:
    """Source x target x method with its baseline, its role and, for a control, what it must come out as."""

    source: Source
    method: Method
    arm: Arm
    role: Literal["cell", "control"]
    family: str
    expect: Expectation | None

    def trial(self, seed: int) -> Trial:
        """The cell at one seed."""
        return Trial(self.source, self.method, self.arm, seed)


@dataclass(frozen=True)
class Plan:
    """A suite resolved: its cells, the distinct trials and scorings, and the combinations that do not apply."""

    suite: Suite
    cells: list[Cell]
    skipped: list[str] = field(default_factory=list)

    def baseline(self, cell: Cell, seed: int) -> Trial:
        """The cell's baseline at one seed: the same target, setup and budget, no source."""
        return Trial(None, self.suite.baseline, cell.arm, seed)

    def trials(self) -> list[Trial]:
        """All distinct trials, seed by seed; a baseline is there once, however many cells lean on it."""
        seeds = range(self.suite.seeds)
        found = [trial for s in seeds for cell in self.cells for trial in (self.baseline(cell, s), cell.trial(s))]
        return list({trial.path: trial for trial in found}.values())

    def scorings(self) -> list[Scoring]:
        """The similarities of every source and target, at every seed's draw."""
        if not self.suite.similarities:
            return []
        measures, seeds = tuple(self.suite.similarities), range(self.suite.seeds)
        found = [Scoring(cell.source, measures, cell.arm, seed) for cell in self.cells for seed in seeds]
        return list({scoring.path: scoring for scoring in found}.values())


def resolve(suite: Suite, workspace: Workspace) -> Plan:
    """Opens the datasets, reconciles inputs and crosses sources, targets and methods into cells.

    Raises:
        TlbenchError: a dataset cannot be read, n_train does not fit its pool, or two entries share a label.
    """
    targets = [target for entry in suite.targets for target in entry.targets()]
    _distinct("target", targets)
    controls = suite.declared_controls()
    asked = [source for cross in suite.cross for source in cross.sources] + [control.source for control in controls]
    _distinct("source", asked)
    _distinct("method", [m for cross in suite.cross for m in cross.methods] + [c.method for c in controls])
    every = [*(t.dataset for t in targets), *(d for source in asked for d in source.datasets())]
    shapes = [workspace.split(dataset, "train").shape for dataset in every]
    colour = max(shape[0] for shape in shapes)
    cells: dict[str, Cell] = {}
    skipped: list[str] = []
    declared = {(control.source, control.method): control for control in controls}
    for target in targets:
        pool = workspace.split(target.dataset, "train")
        workspace.split(target.dataset, "test")
        default = InputForm(suite.image_size or max(pool.shape[1:]), colour)
        rows = [(s, m, c.family) for c in suite.cross if _meant(target, c, suite) for s in c.sources for m in c.methods]
        rows += [(control.source, control.method, "control") for control in controls]
        for source, method, family in rows:
            arm = Arm(target, _setup(source, suite, default), suite.budget, suite.root_seed)
            control = declared.get((source, method))
            cell = Cell(
                source, method, arm, "control" if control else "cell", family, control.expect if control else None
            )
            if (method.needs_source_head and not source.has_head) or not method.needs_source:
                skipped.append(f"{cell.trial(0).cell}: not applicable")
                continue
            cells.setdefault(cell.trial(0).cell, cell)
        arms = {cell.arm.setup.label: cell.arm for cell in cells.values() if cell.arm.target == target}
        for arm in arms.values():
            arm.draw(workspace, 0)
    if not cells:
        raise TlbenchError(f"suite '{suite.name}' has no cell: {'; '.join(skipped)}")
    _check_depths(list(cells.values()))
    return Plan(suite, list(cells.values()), list(dict.fromkeys(skipped)))


def _meant(target: Target, cross: Cross, suite: Suite) -> bool:
    entries = {t.label: entry.label or entry.dataset.label for entry in suite.targets for t in entry.targets()}
    return not cross.targets or target.label in cross.targets or entries[target.label] in cross.targets


def _setup(source: Source, suite: Suite, default: InputForm) -> Setup:
    architecture = source.architecture(suite.network)
    channels = architecture.channels or default.channels
    return Setup(architecture, source.form(InputForm(default.size, channels)))


def _check_depths(cells: list[Cell]) -> None:
    """A method that unfreezes more blocks than there are is told now, not in its trials."""
    counts = {cell.arm.setup: 0 for cell in cells}
    for setup in counts:
        counts[setup] = len(setup.build(2).names)
    for cell in cells:
        cell.method.unfrozen(counts[cell.arm.setup])


T = TypeVar("T", Target, Source, Method)


def _distinct(kind: str, entries: list[T]) -> None:
    seen: dict[str, T] = {}
    for entry in entries:
        if seen.setdefault(entry.label, entry) != entry:
            raise TlbenchError(f"two {kind} entries share the label '{entry.label}'; give one a label of its own")


def specs() -> dict[str, list[str]]:
    """What can be named in a suite, a list a shelf."""
    return {
        "datasets": list(datasets),
        "networks": list(networks),
        "sources": list(sources),
        "methods": list(methods),
        "similarities": list(similarities),
        "suites": builtin(),
    }
