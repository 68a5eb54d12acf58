"""What a run came to, small enough to commit: arms and cells by seed, for comparing and for the gate."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tlbench.errors import TlbenchError
from tlbench.judging.verdict import Held, Judged, Side, area_of, at_chance, disagreement, judge_run
from tlbench.records import RUN_FILE, Record, digest_of, read_json, write_text
from tlbench.shelf import slug

VERSION = 1
DIGITS = 6  # decimals of accuracies: a millionth is far below one test item


class Plain(BaseModel):
    """A part of the file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Gain: TypeAlias = Annotated[float, Field(ge=-1, le=1)]


class Settings(BaseModel):
    """What comparing needs of a run's verdict settings."""

    model_config = ConfigDict(allow_inf_nan=False)
    margin: Share
    convergence_margin: Share
    cost_margin: Annotated[float, Field(gt=0)]


class Machine(BaseModel):
    """What comparing needs of a machine."""

    processor: str
    fingerprint: str


class Where(BaseModel):
    """What comparing needs of an environment."""

    device: str
    threads: int
    machine: Machine
    versions: dict[str, str | None]
    code: str
    commit: str | None


def _aligned(seeds: Sequence[int], *parts: Sequence[object]) -> None:
    if len({len(part) for part in (seeds, *parts)}) > 1:
        raise ValueError("its lists are not equally long")
    if len(set(seeds)) < len(seeds) or min(seeds, default=0) < 0:
        raise ValueError("its seeds are not distinct numbers from 0")


class ArmSeeds(Plain):
    """An arm by seed, lists in the order of `seeds`; accuracies in [0, 1].

    area: mean validation accuracy over the budget above chance, None without a curve. replay: digests of recipe and
    outcome. weights: digests of the source's weights, None without a source. seconds: of the timing pass, by its seeds.
    data: a digest of the target, its content and n_train included. failed: seeds that the screen left out, diverged or
    collapsed; they are in none of the lists. at_chance: seeds no better than the majority class.
    """

    seeds: list[int]
    accuracy: list[Share]
    area: list[Gain | None]
    replay: list[str]
    weights: list[str | None]
    source_accuracy: Share | None
    seconds: dict[int, Annotated[float, Field(gt=0)]]
    data: str
    failed: list[int]
    at_chance: list[int]

    @model_validator(mode="after")
    def _check(self) -> "ArmSeeds":
        _aligned(self.seeds, self.accuracy, self.area, self.replay, self.weights)
        return self

    def by_seed(self, part: Literal["accuracy", "area", "replay", "weights"]) -> dict[int, Any]:
        """One of the lists by seed."""
        return dict(zip(self.seeds, getattr(self, part), strict=True))


class CellSeeds(Plain):
    """A cell by seed: gains, and the test items that only the arm or only its baseline has right."""

    baseline: str
    target: str
    source: str
    method: str
    role: Literal["cell", "control"]
    verdict: str
    seeds: list[int]
    gain: list[Gain]
    apart: list[tuple[int, int]]
    n_test: int

    @model_validator(mode="after")
    def _check(self) -> "CellSeeds":
        _aligned(self.seeds, self.gain, self.apart)
        return self

    def gains(self) -> dict[int, float]:
        """Gains by seed."""
        return dict(zip(self.seeds, self.gain, strict=True))


class Accepted(Plain):
    """A run's figures with the settings they are held by; what `results/accepted/<suite>.json` contains."""

    schema_version: Literal[1] = 1
    suite: str
    root_seed: int
    settings: dict[str, Any]
    environment: dict[str, Any]
    engine: dict[str, Any]
    arms: dict[str, ArmSeeds]
    cells: dict[str, CellSeeds]

    @model_validator(mode="after")
    def _whole(self) -> "Accepted":
        Settings.model_validate(self.settings)
        Where.model_validate(self.environment)
        for path, cell in self.cells.items():
            for arm in (path, cell.baseline):
                if arm not in self.arms:
                    raise ValueError(f"cell {path} needs the arm {arm}, which is not there")
        return self


def finished(judged: Judged) -> Judged:
    """The run itself.

    Raises:
        TlbenchError: planned trials are missing, or there are no cells.
    """
    if not judged.held:
        raise TlbenchError(f"{judged.folder} has no cells")
    if open_ := sum(v.provisional for v in judged.verdicts):
        raise TlbenchError(f"{judged.folder}: {open_} cells lack planned trials; run the suite to its end first")
    return judged


def figures_of(judged: Judged) -> Accepted:
    """A judged run's figures; cells without any pair are left out, and arms without any record."""
    arms: dict[str, ArmSeeds] = {}
    for held in judged.held:
        both = (held.cell["path"], held.own, held.timed[0]), (held.cell["baseline"], held.base, held.timed[1])
        for path, side, timed in both:
            if path not in arms and side.records:
                arms[path] = _arm(side, timed)
    pairs = zip(judged.held, judged.verdicts, strict=True)
    cells = {held.cell["path"]: _cell(held, verdict.verdict) for held, verdict in pairs if held.pairs}
    run = judged.run
    return Accepted(
        suite=run["suite"]["name"],
        root_seed=run["suite"]["root_seed"],
        settings=run["verdict"],
        environment=run["environment"],
        engine=run["engine"],
        arms=arms,
        cells=cells,
    )


def _arm(side: Side, timed: dict[int, Record]) -> ArmSeeds:
    done = {seed: record for seed, record in sorted(side.records.items()) if seed not in side.failed}
    outcomes = [record.outcome for record in done.values()]
    areas = [area_of(record) for record in done.values()]
    return ArmSeeds(
        seeds=list(done),
        accuracy=[round(outcome["accuracy"], DIGITS) for outcome in outcomes],
        area=[None if area is None else round(area, DIGITS) for area in areas],
        replay=[digest_of([record.recipe_digest, digest_of(record.outcome)]) for record in done.values()],
        weights=[outcome["source_weights"] for outcome in outcomes],
        source_accuracy=outcomes[0]["source_accuracy"] if outcomes else None,
        seconds={
            seed: max(round(r.timing["seconds"], DIGITS), 10**-DIGITS)
            for seed, r in sorted(timed.items())
            if r.status == "done"
        },
        data=digest_of(next(iter(side.records.values())).recipe.get("target")),
        failed=sorted(side.failed),
        at_chance=[seed for seed, record in done.items() if at_chance(record.outcome)],
    )


def _cell(held: Held, verdict: str) -> CellSeeds:
    both = [(held.own.records[seed].outcome, held.base.records[seed].outcome) for seed in held.pairs]
    return CellSeeds(
        baseline=held.cell["baseline"],
        **{part: held.cell[part]["label"] for part in ("target", "source", "method")},
        role=held.cell["role"],
        verdict=verdict,
        seeds=held.pairs,
        gain=[round(own["accuracy"] - base["accuracy"], DIGITS) for own, base in both],
        apart=[disagreement(own, base) for own, base in both],
        n_test=both[0][0]["n_test"],
    )


def text_of(accepted: Accepted) -> str:
    """The file's text: an arm or a cell a line, so that a change of one is a change of a line."""
    plain = accepted.model_dump(mode="json")
    parts = [
        f' "{key}": {json.dumps(value, sort_keys=True)}' for key, value in plain.items() if key not in ("arms", "cells")
    ]
    for key in ("arms", "cells"):
        rows = ",\n".join(f"  {json.dumps(path)}: {json.dumps(row)}" for path, row in sorted(plain[key].items()))
        parts.append(f' "{key}": {{\n{rows}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def named(suite: str) -> str:
    """A suite's name as it names a file.

    Raises:
        TlbenchError: it is no slug, so that it could lead to another folder.
    """
    if slug(suite) != suite:
        raise TlbenchError(f"suite name '{suite}' cannot name a file; run the suite again under a name like 'my-suite'")
    return suite


def write_accepted(accepted: Accepted, folder: Path) -> Path:
    """Writes `<suite>.json` into the folder; its path."""
    path = folder / f"{named(accepted.suite)}.json"
    write_text(path, text_of(accepted))
    return path


def parse_accepted(plain: Any, where: str) -> Accepted:
    """Figures from plain data; `where` names its origin in errors.

    Raises:
        TlbenchError: another schema version, or not such a file.
    """
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if version != VERSION:
        raise TlbenchError(f"{where} has schema version {version}, this tlbench reads {VERSION}; accept a run anew")
    try:
        return Accepted.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place, message = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise TlbenchError(f"{where} is not an accepted file: {place or 'it'}: {message}; accept a run anew") from None


def read_figures(path: Path) -> Accepted:
    """The figures of a run's folder or of an accepted file.

    Raises:
        TlbenchError: neither is at the path, or it cannot be read.
    """
    if path.is_dir():
        return figures_of(judge_run(path))
    if not path.exists():
        raise TlbenchError(f"nothing at {path}; give a run's folder (with its {RUN_FILE}) or an accepted file")
    return parse_accepted(read_json(path), str(path))


def varies(weights: Sequence[str | None]) -> bool:
    """Whether a source has weights of its own at each seed: it is then not one draw."""
    return len(set(weights)) > 1
