"""What `run.json` holds: a run's plan and settings as types, written before its first trial."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tlbench.errors import TlbenchError
from tlbench.records import READABLE, RUN_FILE, SCHEMA_VERSION, read_json, write_json

LOOKS = (5, 10, 20)  # seeds at which adaptive runs look,
WEIGHTS = (0.2, 0.3, 0.5)  # and the share of the level that each look may spend
PATH = re.compile(r"[a-z0-9_][a-z0-9._-]*(/[a-z0-9_][a-z0-9._-]*){2}")  # target/source/method, each a slug
SURPLUS = 2  # baseline seeds a seed of an arm, where the two are not paired
Protocol: TypeAlias = Literal["plateau", "equal_steps", "equal_compute"]  # how long both sides are trained
Pairing: TypeAlias = Literal["paired", "welch"]
DrawMode: TypeAlias = Literal["seed", "all"]  # a draw from the pool for each seed, or one for all of them
Expectation: TypeAlias = Literal["unflagged", "negative", "any"]
Role: TypeAlias = Literal["cell", "control", "beside"]  # "beside": the convex head that stands beside a probe
LeakPolicy: TypeAlias = Literal["invalid", "drop", "allow"]  # what becomes of cells whose test items were seen before


def _inside(path: str) -> str:
    """A path that stays within the run's folder."""
    if not PATH.fullmatch(path):
        raise ValueError(f"'{path}' is no cell's path")
    return path


CellPath: TypeAlias = Annotated[str, AfterValidator(_inside)]


class Section(BaseModel):
    """A section of the file; keys that are not known are left out."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class VerdictSettings(Section):
    """What is fixed before any result; margins on the judged metric's scale, cost as a share of the baseline's.

    pairing: "paired" by seed, or "welch" with `SURPLUS` baseline seeds for each of an arm's.
    """

    alpha: float = Field(0.05, gt=0, lt=0.5)
    margin: float = Field(0.005, gt=0)
    convergence_margin: float = Field(0.01, gt=0)
    cost_margin: float = Field(0.1, gt=0)
    pairing: Pairing = "welch"

    @property
    def surplus(self) -> int:
        """Baseline seeds for each seed of an arm."""
        return SURPLUS if self.pairing == "welch" else 1


class Named(Section):
    """A source or a method: its label, the spec that the user typed, its options."""

    label: str
    spec: Any = None
    recipe: dict[str, Any] = {}


class PlannedSource(Named):
    """varies: whether each seed has weights of its own; else it is one checkpoint, and the verdict is about that."""

    varies: bool = False


class PlannedMethod(Named):
    """unfrozen: how many of the last blocks learn; None where nothing is trained."""

    unfrozen: int | None = None


class PlannedTarget(Section):
    """A target: its label, its dataset's label and spec, how many items are trained on, the shape of one.

    n_val: items validated on, on top of those trained on; pool: of which both are drawn; draw: anew for each seed, or
    once. steps: of every arm's budget.
    """

    label: str
    dataset: str
    spec: Any = None
    n_train: int
    n_val: int = 0
    pool: int = 0
    draw: DrawMode = "seed"
    steps: int = 0
    shape: tuple[int, ...] = ()


class Tested(Section):
    """What a target is tested on: its classes, and each test item's, packed."""

    classes: tuple[str, ...]
    labels: str


class Overlapping(Section):
    """What of a target's test split was seen before: by its pool, or by the source that is named.

    checked: whether it could be; exact: how many of those seen are there bit for bit, the others nearly; pool_share:
    how much of the target's pool the source was trained on; examples: pairs of items that are one.
    """

    target: str
    source: str = ""
    checked: bool = True
    n_test: int = 0
    seen: int = 0
    exact: int = 0
    pool_share: float = 0.0
    examples: tuple[str, ...] = ()


class Leak(Section):
    """What becomes of a cell whose test items were seen before, and why."""

    handling: Literal["invalid", "dropped", "allowed"]
    text: str

    @property
    def forbids(self) -> bool:
        """Whether no verdict can be given, so that nothing of the cell is run."""
        return self.handling == "invalid"


class PlannedCell(Section):
    """A cell: where its records lie, how many seeds are planned so far, its baseline under each budget protocol.

    expect: what a control must come out as. input: the form of its network's input. leak: where test items were seen.
    crossed: where the records of its trials with the next seed's draw of the source lie, at the first look's seeds.
    """

    path: CellPath
    seeds: int = Field(ge=0)
    baseline: CellPath
    baselines: dict[Protocol, CellPath]
    role: Role
    family: str
    expect: Expectation | None
    source: PlannedSource
    target: PlannedTarget
    method: PlannedMethod
    input: dict[str, Any] = {}
    leak: Leak | None = None
    crossed: CellPath | None = None


class RunSuite(Section):
    """What a reader must know of the suite. also: metrics shown beside the judged; budget: how every arm is trained."""

    name: str
    description: str = ""
    metric: str = "accuracy"
    also: tuple[str, ...] = ()
    protocols: tuple[Protocol, ...] = ("equal_steps",)
    seeds: int | Literal["auto"] = 5
    root_seed: int = 0
    image_size: int = 0
    network: dict[str, Any] = {}
    augment: Any = None
    budget: dict[str, Any] = {}


class Run(Section):
    """A run: its suite, cells and settings, how it is executed and where.

    looks, weights: seeds at each look and the share of the level it may spend. engine: how trials are run, with the
    choices that were made by timing. budgets: for each target and setup whose steps a pilot of scratch decided, how
    many. design: why the verdicts are paired, or not. reported: at how many seeds verdicts have been shown; late: they
    were shown at the full level before further looks were planned. tested: by target's label. target_scores: for each
    baseline, the validation score that "steps to target" asks for.
    """

    schema_version: int = SCHEMA_VERSION
    suite: RunSuite
    looks: tuple[int, ...] = Field(min_length=1)
    weights: tuple[float, ...] = Field(min_length=1)
    verdict: VerdictSettings
    cells: tuple[PlannedCell, ...]
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    leakage: tuple[Overlapping, ...] = ()
    engine: dict[str, Any] = {}
    budgets: dict[str, int] = {}
    design: str = ""
    reported: tuple[int, ...] = ()
    late: bool = False
    tested: dict[str, Tested] = {}
    environment: dict[str, Any] = {}
    target_scores: dict[str, float | None] = {}

    def write(self, folder: Path) -> None:
        """Writes `run.json`, whole or not at all."""
        write_json(folder / RUN_FILE, self.model_dump(mode="json"))


def parse(kind: type[Section], plain: Any, where: str, mend: str) -> Any:
    """A section from plain data; `where` names its origin in errors.

    Raises:
        TlbenchError: something in it is missing or of the wrong kind; `mend` says what to do.
    """
    try:
        return kind.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place, message = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise TlbenchError(f"{where}: {place + ': ' if place else ''}{message}; {mend}") from None


def read_run(folder: Path) -> Run:
    """A run's `run.json`.

    Raises:
        TlbenchError: there is none, it is of another schema version, or something in it is missing or wrong.
    """
    plain = read_json(folder / RUN_FILE)
    version = plain.get("schema_version")
    if version not in READABLE:
        raise TlbenchError(
            f"{folder / RUN_FILE} has schema version {version}, this tlbench reads {_listed(READABLE)}; "
            "run the suite afresh"
        )
    run: Run = parse(Run, plain, str(folder / RUN_FILE), "run the suite again")
    return run


def _listed(versions: tuple[int, ...]) -> str:
    return " and ".join(map(str, versions))
