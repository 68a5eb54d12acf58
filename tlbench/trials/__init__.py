"""One trial from draw to outcome, and the plan that says which trials there are."""

from tlbench.trials.arm import ArmAtSeed
from tlbench.trials.cell import Cell
from tlbench.trials.choice import PLAIN, Choice, lay_out, layout_is_safe
from tlbench.trials.conditions import Conditions
from tlbench.trials.drawlines import n_validated
from tlbench.trials.draws import TrialData, data_of, draw_of
from tlbench.trials.grid import tries
from tlbench.trials.outcome import conclude
from tlbench.trials.outline import Outline, outline
from tlbench.trials.pilot import Pilot, budget_lines, pilots
from tlbench.trials.plan import Plan, resolve
from tlbench.trials.planfile import begun_budgets, notes, run_of
from tlbench.trials.scheme import PILOT, Scheme, pilot_suite, scheme_of
from tlbench.trials.similarity_scores import Scoring
from tlbench.trials.trial import FAILED_TOGETHER, Trial, run_together

__all__ = [
    "FAILED_TOGETHER",
    "PILOT",
    "PLAIN",
    "ArmAtSeed",
    "Cell",
    "Choice",
    "Conditions",
    "Outline",
    "Pilot",
    "Plan",
    "Scheme",
    "Scoring",
    "Trial",
    "TrialData",
    "begun_budgets",
    "budget_lines",
    "conclude",
    "data_of",
    "draw_of",
    "lay_out",
    "layout_is_safe",
    "n_validated",
    "notes",
    "outline",
    "pilot_suite",
    "pilots",
    "resolve",
    "run_of",
    "run_together",
    "scheme_of",
    "tries",
]
