"""One trial from draw to outcome, and the plan that says which trials there are."""

from tlbench.trials.arm import ArmAtSeed
from tlbench.trials.cell import Cell
from tlbench.trials.choice import PLAIN, Choice, lay_out, layout_is_safe
from tlbench.trials.conditions import PLATEAU, Conditions
from tlbench.trials.draws import TrialData, data_of, draw_of
from tlbench.trials.grid import tries
from tlbench.trials.outcome import conclude
from tlbench.trials.plan import Outline, Plan, outline, resolve
from tlbench.trials.planfile import notes, run_of
from tlbench.trials.similarity_scores import Scoring
from tlbench.trials.trial import FAILED_TOGETHER, Trial, run_together

__all__ = [
    "FAILED_TOGETHER",
    "PLAIN",
    "PLATEAU",
    "ArmAtSeed",
    "Cell",
    "Choice",
    "Conditions",
    "Outline",
    "Plan",
    "Scoring",
    "Trial",
    "TrialData",
    "conclude",
    "data_of",
    "draw_of",
    "lay_out",
    "layout_is_safe",
    "notes",
    "outline",
    "resolve",
    "run_of",
    "run_together",
    "tries",
]
