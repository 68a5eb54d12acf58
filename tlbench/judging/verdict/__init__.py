"""Verdicts: the array function that judges, the screen before it, and the path from a run's records."""

from tlbench.judging.verdict.cells import Verdict
from tlbench.judging.verdict.held import Held, area_of, disagreement
from tlbench.judging.verdict.judge import LEAST_PAIRS, Design, Evidence, Judgement, evidence, judge
from tlbench.judging.verdict.judged import Judged, judge_run, verdicts
from tlbench.judging.verdict.screen import Side, at_chance
from tlbench.judging.verdict.starts import Starts

__all__ = [
    "LEAST_PAIRS",
    "Design",
    "Evidence",
    "Held",
    "Judged",
    "Judgement",
    "Side",
    "Starts",
    "Verdict",
    "area_of",
    "at_chance",
    "disagreement",
    "evidence",
    "judge",
    "judge_run",
    "verdicts",
]
