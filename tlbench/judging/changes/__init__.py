"""What changed between two runs beyond noise, cell by cell and arm by arm."""

from tlbench.judging.changes.judged import change_evidence, changes
from tlbench.judging.changes.rule import AXES, UNTESTED, Change, Rule
from tlbench.judging.changes.sentences import counted, differences, loudest_first, p_text, row, said
from tlbench.judging.changes.series import comparable_clocks

__all__ = [
    "AXES",
    "UNTESTED",
    "Change",
    "Rule",
    "change_evidence",
    "changes",
    "comparable_clocks",
    "counted",
    "differences",
    "loudest_first",
    "p_text",
    "row",
    "said",
]
