"""A run judged: its plan, its records and its verdicts, read from its folder in one pass."""

from dataclasses import dataclass
from pathlib import Path

from tlbench.judging.readings import target_score
from tlbench.judging.verdict.cell_records import CellRecords, read_cells
from tlbench.judging.verdict.cells import judge_cells
from tlbench.judging.verdict.starts import Starts, best_starts
from tlbench.judging.verdict.verdict import Verdict
from tlbench.run import Run, read_run


@dataclass(frozen=True, eq=False)
class Judged:
    """A run's folder and `run.json`, its cells with their records and verdicts in one order, where to start from."""

    folder: Path
    run: Run
    cells: list[CellRecords]
    verdicts: list[Verdict]
    starts: list[Starts]


def judge_run(folder: Path) -> Judged:
    """Reads a run, finished or not, and judges it.

    Raises:
        TlbenchError: the folder holds no run.
    """
    run = read_run(folder)
    cells = read_cells(folder, run)
    if not run.target_scores:
        scores = {cell.plan.baseline: target_score(cell.base.records) for cell in cells}
        run = run.model_copy(update={"target_scores": scores})
    return Judged(folder, run, cells, judge_cells(run, cells), best_starts(run, cells))


def verdicts(folder: Path) -> tuple[Run, list[Verdict]]:
    """A run's `run.json` and the verdict of each of its cells.

    Raises:
        TlbenchError: the folder holds no run.
    """
    judged = judge_run(folder)
    return judged.run, judged.verdicts
