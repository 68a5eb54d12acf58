"""The shape of `report --json`, as a type and as a JSON Schema."""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from tlbench.judging.report.classes import as_plain, harms_of
from tlbench.judging.report.sentences import worst_first
from tlbench.judging.verdict import Judged, Starts, Verdict
from tlbench.records import SCHEMA_VERSION


@dataclass(frozen=True)
class Report:
    """A run's verdicts, the most harmful first; scores on the metric's own scale.

    looks, weights: seeds at each look and the share of the level that it may spend. design: why both sides are paired,
    or not. reported: at how many seeds verdicts were shown; late: at the full level before further looks were planned.
    starts: where to start from, by target. classes: by a cell's path, how many there are and which of them lose or win,
    where the run tells.
    """

    schema_version: int
    suite: str
    metric: str
    looks: tuple[int, ...]
    weights: tuple[float, ...]
    settings: dict[str, Any]
    design: str
    reported: tuple[int, ...]
    late: bool
    starts: list[Starts]
    cells: list[Verdict]
    classes: dict[str, dict[str, Any]]


def report_of(judged: Judged) -> Report:
    """What a judged run came to."""
    run = judged.run
    return Report(
        schema_version=SCHEMA_VERSION,
        suite=run.suite.name,
        metric=run.suite.metric,
        looks=run.looks,
        weights=run.weights,
        settings=run.verdict.model_dump(),
        design=run.design,
        reported=run.reported,
        late=run.late,
        starts=judged.starts,
        cells=worst_first(judged.verdicts),
        classes={cell.path: as_plain(harms) for cell in judged.cells if (harms := harms_of(cell, run))},
    )


def as_json(judged: Judged) -> dict[str, Any]:
    """The report as plain data."""
    return asdict(report_of(judged))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of it (draft 2020-12)."""
    return TypeAdapter(Report).json_schema(mode="serialization")
