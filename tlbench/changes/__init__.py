"""What changed between two runs beyond noise, cell by cell and arm by arm."""

from tlbench.changes.judged import change_evidence, changes
from tlbench.changes.rule import AXES, UNTESTED, Change, Rule
from tlbench.changes.series import comparable_clocks

__all__ = ["AXES", "UNTESTED", "Change", "Rule", "change_evidence", "changes", "comparable_clocks"]
