"""Records: what a trial leaves behind, as plain data in one JSON file each, written whole or not at all."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from tlbench.curve import LearningCurve
from tlbench.errors import TlbenchError, one_line
from tlbench.packing import Contributions, unpack_items

SCHEMA_VERSION = 3
READABLE = (2, 3)  # schema versions that are read; records of an older one are made anew where a run is gone on with
RUN_FILE = "run.json"
DRAWN_BY = "drawn by tlbench"  # by which a run's figures are known
Status: TypeAlias = Literal["done", "failed"]
Kind: TypeAlias = Literal["trial", "similarity", "timing"]


def digest_of(plain: Any) -> str:
    """A digest of plain data, the same whatever the order of its keys."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Measured:
    """A metric's reading of a test split of n items, with all that judging needs to know of the metric.

    items: each item's contribution, packed; their mean is the score. chance: the score of a guess that has learnt
    nothing; chance_limit: the best score that such a guess reaches by luck. margin: what counts as a difference, where
    the suite does not say.
    """

    score: float
    items: str
    n: int
    chance: float
    chance_limit: float
    higher_is_better: bool
    margin: float

    @property
    def value(self) -> float:
        """The score, better as it grows."""
        return self.score if self.higher_is_better else -self.score

    @property
    def lift(self) -> float:
        """How much better than chance the score is."""
        return self.score - self.chance if self.higher_is_better else self.chance - self.score

    @property
    def at_chance(self) -> bool:
        """Whether luck alone reaches as far."""
        return self.score <= self.chance_limit if self.higher_is_better else self.score >= self.chance_limit

    def contributions(self) -> Contributions:
        """(n,) each test item's part in `value`, better as it grows."""
        found = unpack_items(self.items, self.n)
        return found if self.higher_is_better else -found


@dataclass(frozen=True)
class Outcome:
    """What came out of a trial; a failed one has its reason and nothing else.

    metric: the judged one, a key of `measured`. within: readings at the suite's budget, where the arm was run on beyond
    it; run_on: by which factor. train_loss: the last of the curve, at the end of what `measured` reads. pool: how many
    labelled items there were to draw from. learning_rate: the chosen one, None where nothing was trained; at_edge: it
    is the smallest or the largest of its grid. blocks: the network's; frozen: parts that did not move; parameters: how
    many a prediction takes. input: the fitted form. curve: within the suite's budget, None for an arm without one.
    source_weights: a digest.
    """

    failure: str | None = None
    metric: str = ""
    measured: Mapping[str, Measured] = field(default_factory=dict)
    within: Mapping[str, Measured] = field(default_factory=dict)
    run_on: int = 1
    train_loss: float | None = None
    validation_chance: float = 0.0
    n_train: int = 0
    n_validation: int = 0
    pool: int = 1
    learning_rate: float | None = None
    at_edge: bool = False
    steps: int = 0
    blocks: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    parameters: int = 0
    input: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    curve: LearningCurve | None = None
    source_weights: str | None = None
    source_accuracy: float | None = None

    @property
    def judged(self) -> Measured:
        """The judged metric's reading."""
        return self.measured[self.metric]

    @property
    def within_budget(self) -> Measured:
        """The same at the suite's budget, however far the arm was run on."""
        return self.within.get(self.metric, self.judged)

    def as_plain(self) -> dict[str, Any]:
        """Plain data, without what a failed trial does not have."""
        if self.failure is not None and not self.measured:
            return {"failure": self.failure}
        plain = asdict(self)
        if self.curve is not None:
            del plain["curve"]["seconds"]  # those are timing, here always empty
        return plain

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Outcome":
        """From plain data."""
        held = plain.get("curve")
        readings = {
            key: {name: Measured(**one) for name, one in plain.get(key, {}).items()} for key in ("measured", "within")
        }
        made = {
            **readings,
            "curve": LearningCurve(seconds=(), **{key: tuple(values) for key, values in held.items()})
            if held
            else None,
            "input": dict(plain.get("input", {})),
        }
        return cls(**{**plain, **made, **{key: tuple(plain.get(key, ())) for key in ("blocks", "frozen", "notes")}})


@dataclass(frozen=True)
class Scores:
    """What similarities make of a source and a target, by label; None where one does not apply."""

    failure: str | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    higher_is_closer: Mapping[str, bool] = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self) if self.failure is None else {"failure": self.failure}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Scores":
        """From plain data."""
        return cls(plain["failure"], dict(plain.get("scores", {})), dict(plain.get("higher_is_closer", {})))


OutcomeT = TypeVar("OutcomeT", Outcome, Scores)


@dataclass(frozen=True)
class Timing:
    """Seconds of a trial, of its whole grid, at each evaluation, of its source's training (None where unknown).

    All of these are within the suite's budget, however far the arm was run on; predict_seconds: of reading one test
    item. prefix: the boundary of the frozen prefix that was run once, and where its activations were kept. parts:
    seconds of a scoring, by similarity.
    """

    seconds: float = 0.0
    grid_seconds: float = 0.0
    curve_seconds: tuple[float, ...] = ()
    source_seconds: float | None = None
    predict_seconds: float = 0.0
    prefix: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Timing":
        """From plain data."""
        return cls(**{**plain, "curve_seconds": tuple(plain.get("curve_seconds", ()))})


@dataclass(frozen=True)
class Record(Generic[OutcomeT]):
    """Four parts: recipe (what was asked), outcome, timing, environment. Replay: recipe and outcome are equal."""

    kind: Kind
    recipe: Mapping[str, Any]
    outcome: OutcomeT
    timing: Timing
    environment: Mapping[str, Any]
    schema_version: int = SCHEMA_VERSION

    @property
    def status(self) -> Status:
        """Whether there is a result."""
        return "done" if self.outcome.failure is None else "failed"

    @property
    def recipe_digest(self) -> str:
        """Tells whether the record still holds for what is asked."""
        return digest_of(self.recipe)

    @property
    def outcome_digest(self) -> str:
        """Tells whether two records came out the same."""
        return digest_of(self.outcome.as_plain())

    def write(self, path: Path) -> None:
        """Writes the record, whole or not at all."""
        parts = {"kind": self.kind, "status": self.status, "recipe": self.recipe, "outcome": self.outcome.as_plain()}
        parts |= {"timing": asdict(self.timing), "environment": self.environment}
        digests = {"recipe_digest": self.recipe_digest, "outcome_digest": self.outcome_digest}
        write_json(path, parts | {"schema_version": self.schema_version} | digests)


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """Writes a JSON object, whole or not at all; see `write_text` for what it raises."""
    write_text(path, json.dumps(plain, indent=1, allow_nan=False))


def write_text(path: Path, text: str) -> None:
    """Writes beside the file's place and moves it there, so that a reader sees the old file or the new one.

    Raises:
        TlbenchError: the folder cannot be written or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise TlbenchError(f"cannot write {path}: {one_line(error)}; free space or name another folder") from None


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        TlbenchError: no such file, or not a JSON object.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise TlbenchError(f"no file at {path}; give the folder that a run was written to") from None
    except (OSError, ValueError) as error:
        raise TlbenchError(f"{path} cannot be read: {one_line(error)}; remove it and run again") from None
    if not isinstance(plain, dict):
        raise TlbenchError(f"{path} is not a record; remove it and run again")
    return plain


def read_record(path: Path, outcome: type[OutcomeT]) -> Record[OutcomeT] | None:
    """The record at `path`; None where there is none, or where it is damaged or of another schema version."""
    if not path.is_file():
        return None
    try:
        plain = read_json(path)
        made = outcome.of(plain["outcome"])
        where = plain["environment"], plain["schema_version"]
        record = Record(plain["kind"], plain["recipe"], made, Timing.of(plain["timing"]), *where)
        digests = plain["recipe_digest"], plain["outcome_digest"]
    except (TlbenchError, TypeError, KeyError, AttributeError, ValueError):
        return None
    sound = record.schema_version in READABLE and digests == (record.recipe_digest, digest_of(plain["outcome"]))
    return record if sound else None


def iterate(folder: Path) -> Iterator[tuple[Path, Record[Outcome]]]:
    """All sound trial records under a run's folder with their paths, in the paths' order."""
    for path in sorted(folder.rglob("seed-*.json")):
        record = None if path.parent.name == "similarity" else read_record(path, Outcome)
        if record is not None and record.kind == "trial":
            yield path, record
