"""A run judged: its plan, its records and its verdicts, read from its folder in one pass."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import pandas as pd

from tlbench.errors import TlbenchError
from tlbench.frame import verdict_table
from tlbench.judging.readings import target_score
from tlbench.judging.verdict.cell_records import CellRecords, read_cells
from tlbench.judging.verdict.cells import judge_cells
from tlbench.judging.verdict.shown import Verdict
from tlbench.judging.verdict.starts import Starts, best_starts
from tlbench.records import SCHEMA_VERSION
from tlbench.runfile import Run, read_run

SHOWN = (
    "role",
    "target",
    "source",
    "method",
    "verdict",
    "gain",
    "interval_low",
    "interval_high",
    "n_pairs",
)


@dataclass(frozen=True, eq=False)
class Judged:
    """A run's folder and `run.json`, its cells with their records and verdicts in one order, where to start from."""

    folder: Path
    run: Run
    cells: list[CellRecords]
    verdicts: list[Verdict]
    starts: list[Starts]

    def frame(self) -> pd.DataFrame:
        """A row a cell, the verdict's fields as columns; scores and gains in [0, 1], not in points."""
        return verdict_table(verdict.as_dict() for verdict in self.verdicts)

    def _repr_html_(self) -> str:
        """The table that a notebook shows: where to start from, then the cells, the most harmful first."""
        answers = "".join(f"<p>{escape(start.sentence())}</p>" for start in self.starts)
        if not self.verdicts:
            return f"{answers}<p>no cells</p>"
        table = self.frame()[list(SHOWN)].sort_values(["role", "gain"], na_position="last")
        html: str = table.to_html(index=False, na_rep="-", float_format="{:+.4f}".format)
        return answers + html

    def __repr__(self) -> str:
        counts = Counter(verdict.verdict for verdict in self.verdicts)
        said = ", ".join(f"{count} {word}" for word, count in counts.most_common())
        return f"Judged({str(self.folder)!r}: {said or 'no cells'})"


def target_scores(folder: Path, run: Run) -> dict[str, float | None]:
    """For each baseline of a run, the validation score that "steps to target" asks for."""
    return _target_scores(read_cells(folder, run))


def _target_scores(cells: Sequence[CellRecords]) -> dict[str, float | None]:
    return {cell.plan.baseline: target_score(cell.base.records) for cell in cells}


def judge_run(folder: str | Path) -> Judged:
    """Reads a run, finished or not, and judges it.

    Raises:
        TlbenchError: the folder holds no run.
    """
    folder = Path(folder)
    run = read_run(folder)
    cells = read_cells(folder, run)
    if not run.target_scores:
        run = run.model_copy(update={"target_scores": _target_scores(cells)})
    return Judged(folder, run, cells, judge_cells(run, cells), best_starts(run, cells))


def note_reported(judged: Judged) -> Judged:
    """Keeps in `run.json` at how many seeds verdicts were shown: a later look has to share the level with this one.

    Half a look is no look, and is shown as provisional. A folder that cannot be written is left as it is. Gives the run
    as it then stands.
    """
    run, complete = judged.run, judged.cells and not any(verdict.provisional for verdict in judged.verdicts)
    reported = tuple(sorted({*run.reported, *(cell.planned for cell in judged.cells if cell.plan.role == "cell")}))
    if complete and reported != run.reported and run.schema_version == SCHEMA_VERSION:
        run = run.model_copy(update={"reported": reported})
        with contextlib.suppress(TlbenchError):
            read_run(judged.folder).model_copy(update={"reported": reported}).write(judged.folder)
    return replace(judged, run=run)


def verdicts(folder: str | Path) -> tuple[Run, list[Verdict]]:
    """A run's `run.json` and the verdict of each of its cells.

    Raises:
        TlbenchError: the folder holds no run.
    """
    judged = judge_run(folder)
    return judged.run, judged.verdicts
