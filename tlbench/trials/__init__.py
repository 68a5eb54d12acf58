"""One trial from draw to outcome, and the plan that says which trials there are."""

from tlbench.trials.attempt import PLAIN, Choice, Data, Prepared, attempt, evaluate, layout_is_safe, prepare
from tlbench.trials.conditions import Arm
from tlbench.trials.plan import Cell, Plan, n_blocks, resolve
from tlbench.trials.runfile import notes, run_file
from tlbench.trials.scoring import Scoring
from tlbench.trials.trial import TOGETHER, Trial, Unit, block_of

__all__ = [
    "PLAIN",
    "TOGETHER",
    "Arm",
    "Cell",
    "Choice",
    "Data",
    "Plan",
    "Prepared",
    "Scoring",
    "Trial",
    "Unit",
    "attempt",
    "block_of",
    "evaluate",
    "layout_is_safe",
    "n_blocks",
    "notes",
    "prepare",
    "resolve",
    "run_file",
]
