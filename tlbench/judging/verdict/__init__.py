"""Verdicts: the array function that judges, the screen before it, and the path from a run's records."""

from tlbench.judging.verdict.arm import Arm
from tlbench.judging.verdict.by_class import ClassHarm, decided, harm_by_class
from tlbench.judging.verdict.cell_records import CellRecords, area_of, disagreement
from tlbench.judging.verdict.judge import LEAST_PAIRS, Design, Evidence, Judgement, evidence, judge
from tlbench.judging.verdict.judged import Judged, judge_run, verdicts
from tlbench.judging.verdict.shown import Verdict
from tlbench.judging.verdict.starts import Starts

__all__ = [
    "LEAST_PAIRS",
    "Arm",
    "CellRecords",
    "ClassHarm",
    "Design",
    "Evidence",
    "Judged",
    "Judgement",
    "Starts",
    "Verdict",
    "area_of",
    "decided",
    "disagreement",
    "evidence",
    "harm_by_class",
    "judge",
    "judge_run",
    "verdicts",
]
