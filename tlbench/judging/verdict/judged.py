"""A run judged: its plan, its records and its verdicts, read from its folder in one pass."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.judging.readings import reach
from tlbench.judging.verdict.cells import Verdict, judge_cells
from tlbench.judging.verdict.held import Held, read_held
from tlbench.judging.verdict.starts import Starts, best_starts
from tlbench.records import read_run


@dataclass(frozen=True, eq=False)
class Judged:
    """A run's folder and `run.json`, its cells with their records and verdicts in one order, where to start from."""

    folder: Path
    run: dict[str, Any]
    held: list[Held]
    verdicts: list[Verdict]
    starts: list[Starts]


def judge_run(folder: Path) -> Judged:
    """Reads a run, finished or not, and judges it.

    Raises:
        TlbenchError: the folder holds no run.
    """
    run = read_run(folder)
    held = read_held(folder, run)
    if not run.get("reach"):
        run["reach"] = {one.cell["baseline"]: reach(one.base.records) for one in held}
    return Judged(folder, run, held, judge_cells(run, held), best_starts(run, held))


def verdicts(folder: Path) -> tuple[dict[str, Any], list[Verdict]]:
    """A run's `run.json` and the verdict of each of its cells.

    Raises:
        TlbenchError: the folder holds no run.
    """
    judged = judge_run(folder)
    return judged.run, judged.verdicts
