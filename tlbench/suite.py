"""A suite: what is crossed with what, read from TOML and validated."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)

from tlbench.dataset import DatasetSpec, Target, datasets
from tlbench.errors import TlbenchError, unknown
from tlbench.form import forms
from tlbench.method import Budget, Method, head_rates, methods
from tlbench.metric import MetricSpec, metrics
from tlbench.network import ArchitectureSpec, networks
from tlbench.runfile import LOOKS, WEIGHTS, DrawMode, Expectation, LeakPolicy, Pairing, Protocol, VerdictSettings
from tlbench.shelf import Shelf, proper_slug, slug
from tlbench.similarity import Similarity, similarities
from tlbench.source import Source, SourceSpec, sources

SUITES = Path(__file__).parent / "suites"
SHELVES: dict[str, Shelf[Any]] = {  # what a suite can name
    "datasets": datasets,
    "forms": forms,
    "networks": networks,
    "sources": sources,
    "methods": methods,
    "metrics": metrics,
    "similarities": similarities,
}
MethodSpec: TypeAlias = Annotated[InstanceOf[Method], BeforeValidator(methods.make)]
SimilaritySpec: TypeAlias = Annotated[InstanceOf[Similarity], BeforeValidator(similarities.make)]
NULL_PAIRS: tuple[tuple[str, Expectation], ...] = (("finetune", "unflagged"), ("linear_probe", "any"))
Counts: TypeAlias = Annotated[list[int], BeforeValidator(lambda value: [value] if isinstance(value, int) else value)]


def _several(value: object) -> object:
    """One that stands alone is a list of one."""
    return [value] if isinstance(value, str) else value


Words: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_several)]
Rates: TypeAlias = Annotated[
    tuple[Annotated[float, Field(gt=0)], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: [value] if isinstance(value, int | float) else value),
]


def _seeds(value: object) -> int | Literal["auto"]:
    if value == "auto":
        return "auto"
    if isinstance(value, int | str) and str(value).isdigit() and int(value) >= 1:
        return int(value)
    raise ValueError(f"{value} is neither a number of at least 1 nor auto")


class Strict(BaseModel):
    """A table of a suite; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetEntry(Strict):
    """A dataset at one or several training budgets."""

    dataset: DatasetSpec
    n_train: Counts
    n_val: int = Field(0, ge=0)
    draw: DrawMode | None = None
    label: str = ""

    def targets(self) -> list[Target]:
        """A target for each budget."""
        name = slug(self.label) if self.label else self.dataset.label
        return [Target(self.dataset, n, self.n_val, f"{name}-n{n}", self.draw) for n in self.n_train]


class Cross(Strict):
    """Sources crossed with targets (all where none are named, by the label of their dataset) and methods."""

    sources: list[SourceSpec] = Field(min_length=1)
    methods: list[MethodSpec] = Field(min_length=1)
    targets: list[str] = []
    family: str = "main"


class Control(Strict):
    """A declared pair that is judged apart, with what it must come out as; no source for methods that take none."""

    source: SourceSpec | None = None
    method: MethodSpec
    expect: Expectation = "any"


class Settings(VerdictSettings):
    """The verdict's settings as a suite may set them; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    pairing: Pairing | Literal["pilot"] = "welch"  # type: ignore[assignment]


class Suite(Strict):
    """What is crossed with what, and how each arm is trained.

    protocols: the first is judged. steps: of every arm's budget; epochs: the same, said of each target's own items.
    Without either, a pilot of scratch finds how many.
    """

    name: str = ""
    description: str = ""
    targets: list[TargetEntry] = Field(min_length=1)
    cross: list[Cross] = Field(min_length=1)
    controls: list[Control] | bool = True
    similarities: list[SimilaritySpec] = []
    baseline: MethodSpec = Field(default_factory=lambda: methods.make("scratch"))
    network: ArchitectureSpec = Field(default_factory=lambda: networks.make("resnet"))
    image_size: int = Field(0, ge=0)
    protocols: list[Protocol] = Field(["plateau", "equal_steps"], min_length=1)
    seeds: Annotated[int | Literal["auto"], PlainValidator(_seeds)] = 5
    root_seed: int = Field(0, ge=0)
    steps: int | None = Field(None, ge=1)
    epochs: int | None = Field(None, ge=1)
    batch_size: int = Field(32, ge=2)
    learning_rates: Rates = Budget.learning_rates
    head_rates: Rates | None = None
    weight_decay: float = Field(1e-2, ge=0)
    augment: Words = ()
    download: bool = False
    leak: LeakPolicy = "invalid"
    metric: MetricSpec = Field(default_factory=lambda: metrics.make("accuracy"))
    also: Annotated[tuple[MetricSpec, ...], BeforeValidator(_several)] = ()
    verdict: Settings = Settings()  # type: ignore[call-arg]

    def __init__(self, **plain: Any) -> None:
        """A suite from plain data: specs as strings or tables, as TOML has them.

        Raises:
            TlbenchError: an unknown key or name (the nearest is suggested), or a bad value.
        """
        try:
            super().__init__(**plain)
        except ValidationError as error:
            raise TlbenchError(_told(error)) from None

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        """A slug: it names a folder and must not lead out of the one it stands in. Without one, the folder names it."""
        return proper_slug(name, "name") if name else ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = {target.label for entry in self.targets for target in entry.targets()}
        known |= {entry.label or entry.dataset.label for entry in self.targets}
        for name in (name for cross in self.cross for name in cross.targets):
            if name not in known:
                raise unknown("target of the suite", name, known)
        if self.baseline.needs_source:
            raise TlbenchError(f"baseline '{self.baseline.label}' needs a source; a baseline starts from none")
        if self.steps is not None and self.epochs is not None:
            raise TlbenchError(f"steps ({self.steps}) and epochs ({self.epochs}) are both given; leave out one of them")
        if self.head_rates and len(self.head_rates) != len(self.learning_rates):
            counts = f"{len(self.head_rates)} of them, but {len(self.learning_rates)} learning_rates"
            raise TlbenchError(f"head_rates: {counts}; give both grids one size, so that all choose alike")
        _known_words(self.augment)
        labels = [metric.label for metric in (self.metric, *self.also)]
        for label in labels:
            if labels.count(label) > 1:
                raise TlbenchError(f"metric '{label}' is named twice; 'also' names those beside the judged one, once")
        return self

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of seeds at which is judged: one, or several where seeds are drawn as they are needed."""
        return LOOKS if self.seeds == "auto" else (self.seeds,)

    @property
    def weights(self) -> tuple[float, ...]:
        """The share of the level that each look may spend."""
        return WEIGHTS if self.seeds == "auto" else (1.0,)

    @property
    def piloted(self) -> bool:
        """Whether a pilot finds the budget's steps."""
        return self.steps is None and self.epochs is None

    def budget(self, n_train: int) -> Budget:
        """How every arm at a target is trained; where a pilot finds the steps, what is reckoned with until then."""
        heads = self.head_rates or head_rates(self.learning_rates)
        made = Budget(Budget.steps, self.batch_size, self.learning_rates, self.weight_decay, heads)
        return made if self.piloted else replace(made, steps=self.steps or (self.epochs or 1) * made.epoch(n_train))

    def declared_controls(self) -> list[Control]:
        """The suite's own list, or the default.

        That is: the null source fine-tuned and frozen, the majority guess, and of the first source with known data its
        shuffled and pixel-permuted twins, frozen, and its statistics-matched one, fine-tuned.
        """
        if not isinstance(self.controls, bool):
            return self.controls
        if not self.controls:
            return []
        null = [Control(source=sources.make("null"), method=methods.make(m), expect=e) for m, e in NULL_PAIRS]
        guess = Control(method=methods.make("majority"), expect="negative")
        trained = [source for cross in self.cross for source in cross.sources if source.datasets()]
        return [*null, guess, *(_of_a_source(trained[0]) if trained else [])]


def _known_words(augment: tuple[str, ...]) -> None:
    """Raises where no form knows what is asked for; which form it will be is known with the data."""
    errors = []
    for form in forms.values():
        try:
            form.augmentation(augment)
        except TlbenchError as error:
            errors.append(error)
    if len(errors) == len(forms):
        raise errors[0]


def _of_a_source(source: Source) -> list[Control]:
    """A source's own controls: its data with labels or pixels permuted, trained once, and its weights' statistics."""
    frozen, tuned = methods.make("linear_probe"), methods.make("finetune")
    data = {"dataset": source.datasets()[0], "per_seed": False}
    label = source.datasets()[0].label
    spoilt = [sources.make({"name": name, "label": f"{name}-{label}"} | data) for name in ("shuffled", "permuted")]
    matched = Control(source=sources.make({"name": "matched", "source": source}), method=tuned, expect="any")
    return [*(Control(source=one, method=frozen, expect="negative") for one in spoilt), matched]


def builtin() -> list[str]:
    """The names of the suites that come with tlbench."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def read_suite(name: str | Path, overrides: dict[str, Any] | None = None) -> Suite:
    """A suite by its built-in name or the path of its TOML file; `overrides` replace its keys.

    Steps replace epochs and the other way round.

    Raises:
        TlbenchError: no such suite or file, not TOML, an unknown key or name (the nearest is suggested), a bad value.
    """
    path = Path(name) if str(name).endswith(".toml") else SUITES / f"{name}.toml"
    if not path.is_file():
        raise (
            unknown("suite", str(name), builtin())
            if path.parent == SUITES
            else TlbenchError(f"no suite file at {path}")
        )
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TlbenchError(f"{path} is not a TOML suite: {error}") from None
    given = overrides or {}
    if given.keys() & {"steps", "epochs"}:
        plain = {key: value for key, value in plain.items() if key not in ("steps", "epochs")}
    return make_suite(plain | {"name": plain.get("name") or path.stem} | given, str(path))


def make_suite(plain: Mapping[str, Any], where: str) -> Suite:
    """A suite from plain data; `where` names its origin in errors."""
    try:
        return Suite(**plain)
    except TlbenchError as error:
        raise TlbenchError(f"{where}: {error}") from None


def _told(error: ValidationError) -> str:
    """What is wrong with a suite, in a line."""
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"] if "[" not in str(part))
    if first["type"] == "extra_forbidden":
        return str(unknown("key", place, _keys(first["loc"])))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] not in ("missing", "value_error"):
        message += f", not {first['input']!r}"
    return f"{place + ': ' if place else ''}{message}"


def _keys(loc: tuple[int | str, ...]) -> Iterable[str]:
    """The keys of the table that an unknown key stands in, with the same path before them."""
    tables: dict[str, type[Strict]] = {"targets": TargetEntry, "cross": Cross, "controls": Control}
    table = tables.get(str(loc[0]), Settings) if len(loc) > 1 else Suite
    before = ".".join(str(part) for part in loc[:-1])
    return [f"{before}.{key}" if before else key for key in table.model_fields]
