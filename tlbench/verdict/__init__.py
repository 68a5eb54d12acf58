"""Verdicts: the array function that judges, the screen before it, and the path from a run's records."""

from tlbench.verdict.cells import Verdict, verdicts
from tlbench.verdict.judge import LOOKS, WEIGHTS, Design, Evidence, Judgement, evidence, judge
from tlbench.verdict.starts import Starts, best_starts

__all__ = [
    "LOOKS",
    "WEIGHTS",
    "Design",
    "Evidence",
    "Judgement",
    "Starts",
    "Verdict",
    "best_starts",
    "evidence",
    "judge",
    "verdicts",
]
