"""Verdicts: the array function that judges, the screen before it, and the path from a run's records."""

from tlbench.verdict.cells import Verdict, verdicts
from tlbench.verdict.judge import LOOKS, WEIGHTS, Design, Evidence, Judgement, evidence, judge

__all__ = ["LOOKS", "WEIGHTS", "Design", "Evidence", "Judgement", "Verdict", "evidence", "judge", "verdicts"]
