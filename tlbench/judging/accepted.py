"""What a run came to, small enough to commit: arms and cells by seed, for comparing and for the gate."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from tlbench.errors import TlbenchError
from tlbench.judging.verdict import Arm, CellRecords, Judged, area_of, disagreement, higher_is_better, judge_run
from tlbench.records import RUN_FILE, Outcome, Record, digest_of, read_json, write_text
from tlbench.runfile import Role, Section, VerdictSettings, parse
from tlbench.shelf import slug

VERSION = 3
EARLIER = (1, 2)
DIGITS = 6  # decimals of scores: a millionth is far below one test item


class ProtocolChangedError(TlbenchError):
    """What was accepted was judged by an earlier edition of the protocol, so that nothing can be held to it."""


class Plain(Section):
    """A part of the file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


def _complete(settings: Any) -> Any:
    """What a run was judged by is never filled in by default."""
    if isinstance(settings, dict) and (missing := VerdictSettings.model_fields.keys() - settings.keys()):
        raise ValueError(f"{min(missing)} is missing")
    return settings


Settings: TypeAlias = Annotated[VerdictSettings, BeforeValidator(_complete)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class Machine(Section):
    """What comparing needs of a machine."""

    processor: str
    fingerprint: str


class Where(Section):
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
    """An arm by seed, lists in the order of `seeds`; scores on the metric's own scale.

    area: mean validation score over the budget above chance, None without a curve. replay: digests of recipe and
    outcome. weights: digests of the source's weights, None without a source. seconds: of the timing pass, by its seeds.
    data: a digest of the target, its content and n_train included. failed: seeds that the screen left out, diverged or
    collapsed; they are in none of the lists. at_chance: seeds no better than a guess.
    """

    seeds: list[int]
    score: list[float]
    area: list[float | None]
    replay: list[str]
    weights: list[str | None]
    source_accuracy: Share | None
    seconds: dict[int, Annotated[float, Field(gt=0)]]
    data: str
    failed: list[int]
    at_chance: list[int]

    @model_validator(mode="after")
    def _check(self) -> "ArmSeeds":
        _aligned(self.seeds, self.score, self.area, self.replay, self.weights)
        return self

    def by_seed(self, part: Literal["score", "area", "replay", "weights"]) -> dict[int, Any]:
        """One of the lists by seed."""
        return dict(zip(self.seeds, getattr(self, part), strict=True))


class CellSeeds(Plain):
    """A cell by seed: gains, better as they grow, and how many test items the arm or its baseline alone has right.

    apart: None where items are neither right nor wrong.
    """

    baseline: str
    target: str
    source: str
    method: str
    role: Role
    verdict: str
    seeds: list[int]
    gain: list[float]
    apart: list[tuple[int, int] | None]
    n_test: int

    @model_validator(mode="after")
    def _check(self) -> "CellSeeds":
        _aligned(self.seeds, self.gain, self.apart)
        return self

    def gains(self) -> dict[int, float]:
        """Gains by seed."""
        return dict(zip(self.seeds, self.gain, strict=True))


class Accepted(Plain):
    """What a run came to, with the settings it is held by; what `results/accepted/<suite>.json` contains."""

    schema_version: Literal[3] = 3
    suite: str
    metric: str
    higher_is_better: bool
    root_seed: int
    settings: Settings
    environment: dict[str, Any]
    engine: dict[str, Any]
    arms: dict[str, ArmSeeds]
    cells: dict[str, CellSeeds]

    @model_validator(mode="after")
    def _whole(self) -> "Accepted":
        Where.model_validate(self.environment)
        for path, cell in self.cells.items():
            for arm in (path, cell.baseline):
                if arm not in self.arms:
                    raise ValueError(f"cell {path} needs the arm {arm}, which is not there")
        return self

    def values(self, path: str) -> dict[int, float]:
        """An arm's scores by seed, better as they grow."""
        scores = self.arms[path].by_seed("score")
        return scores if self.higher_is_better else {seed: -score for seed, score in scores.items()}


def finished(judged: Judged) -> Judged:
    """The run itself.

    Raises:
        TlbenchError: planned trials are missing, or there are no cells.
    """
    if not judged.cells:
        raise TlbenchError(f"{judged.folder} has no cells")
    if open_ := sum(v.provisional for v in judged.verdicts):
        raise TlbenchError(f"{judged.folder}: {open_} cells lack planned trials; run the suite to its end first")
    return judged


def accepted_of(judged: Judged) -> Accepted:
    """What a judged run came to; cells without any pair are left out, and arms without any record."""
    arms: dict[str, ArmSeeds] = {}
    for cell in judged.cells:
        for path, arm, timed in (
            (cell.path, cell.own, cell.timed[0]),
            (cell.plan.baseline, cell.base, cell.timed[1]),
        ):
            if path not in arms and arm.records:
                arms[path] = _arm(arm, timed)
    pairs = zip(judged.cells, judged.verdicts, strict=True)
    run = judged.run
    return Accepted(
        suite=run.suite.name,
        metric=run.suite.metric,
        higher_is_better=higher_is_better(judged.cells),
        root_seed=run.suite.root_seed,
        settings=run.verdict,
        environment=run.environment,
        engine=run.engine,
        arms=arms,
        cells={cell.path: _cell(cell, verdict.verdict) for cell, verdict in pairs if cell.pairs},
    )


def _arm(arm: Arm, timed: dict[int, Record[Outcome]]) -> ArmSeeds:
    done = {seed: arm.records[seed] for seed in arm.good}
    outcomes = [record.outcome for record in done.values()]
    areas = [area_of(record) for record in done.values()]
    return ArmSeeds(
        seeds=list(done),
        score=[round(outcome.judged.score, DIGITS) for outcome in outcomes],
        area=[None if area is None else round(area, DIGITS) for area in areas],
        replay=[digest_of([record.recipe_digest, record.outcome_digest]) for record in done.values()],
        weights=[outcome.source_weights for outcome in outcomes],
        source_accuracy=outcomes[0].source_accuracy if outcomes else None,
        seconds={
            seed: max(round(record.timing.seconds, DIGITS), 10**-DIGITS)
            for seed, record in sorted(timed.items())
            if record.status == "done"
        },
        data=digest_of(next(iter(arm.records.values())).recipe.get("target")),
        failed=sorted(arm.failed),
        at_chance=[seed for seed, record in done.items() if record.outcome.judged.at_chance],
    )


def _cell(cell: CellRecords, verdict: str) -> CellSeeds:
    pairs = [(cell.own.records[seed].outcome, cell.base.records[seed].outcome) for seed in cell.pairs]
    return CellSeeds(
        baseline=cell.plan.baseline,
        target=cell.plan.target.label,
        source=cell.plan.source.label,
        method=cell.plan.method.label,
        role=cell.plan.role,
        verdict=verdict,
        seeds=cell.pairs,
        gain=[round(own.judged.value - base.judged.value, DIGITS) for own, base in pairs],
        apart=[disagreement(own, base) for own, base in pairs],
        n_test=pairs[0][0].judged.n,
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
    """An accepted file's content from plain data; `where` names its origin in errors.

    Raises:
        ProtocolChangedError: it is of an earlier edition.
        TlbenchError: a later schema version, or not such a file.
    """
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if isinstance(version, int) and version in EARLIER:
        raise ProtocolChangedError(
            f"protocol changed: {where} was accepted under edition {version} and this tlbench judges by {VERSION}; "
            "look at the run, then accept it anew"
        )
    if version != VERSION:
        raise TlbenchError(f"{where} has schema version {version}, this tlbench reads {VERSION}; accept a run anew")
    accepted: Accepted = parse(Accepted, plain, f"{where} is not an accepted file", "accept a run anew")
    return accepted


def read_accepted_or_run(path: Path) -> Accepted:
    """What a run came to, from its folder or from an accepted file.

    Raises:
        TlbenchError: neither is at the path, or it cannot be read.
    """
    if path.is_dir():
        return accepted_of(judge_run(path))
    if not path.exists():
        raise TlbenchError(f"nothing at {path}; give a run's folder (with its {RUN_FILE}) or an accepted file")
    return parse_accepted(read_json(path), str(path))


def varies(weights: Sequence[str | None]) -> bool:
    """Whether a source has weights of its own at each seed: it is then not one draw."""
    return len(set(weights)) > 1
