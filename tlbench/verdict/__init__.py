"""Verdicts: the array function that judges, the screen before it, and the path from a run's records."""

from tlbench.verdict.cells import Verdict
from tlbench.verdict.held import Held
from tlbench.verdict.judge import LOOKS, WEIGHTS, Design, Evidence, Judgement, evidence, judge
from tlbench.verdict.judged import Judged, judge_run, verdicts
from tlbench.verdict.starts import Starts

__all__ = [
    "LOOKS",
    "WEIGHTS",
    "Design",
    "Evidence",
    "Held",
    "Judged",
    "Judgement",
    "Starts",
    "Verdict",
    "evidence",
    "judge",
    "judge_run",
    "verdicts",
]
