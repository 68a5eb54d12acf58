"""Verdicts: the array function that judges, the screen before it, and the path from a run's records."""

from tlbench.judging.verdict.arm import Arm
from tlbench.judging.verdict.axes import FINAL, design_of
from tlbench.judging.verdict.by_class import ClassHarm, decided, harm_by_class
from tlbench.judging.verdict.cell_records import CellRecords, area_of, disagreement, higher_is_better
from tlbench.judging.verdict.evidence import OVERLAP, Evidence, evidence, overlapping
from tlbench.judging.verdict.judge import LEAST_PAIRS, Design, Judgement, judge
from tlbench.judging.verdict.judged import Judged, judge_run, note_reported, target_scores, verdicts
from tlbench.judging.verdict.named import (
    IMAGES,
    LASTING,
    cell_of,
    method_of,
    source_of,
    target_of,
    told,
    told_source,
    told_target,
    typed,
    within,
)
from tlbench.judging.verdict.shown import Verdict
from tlbench.judging.verdict.starts import Starts

__all__ = [
    "FINAL",
    "IMAGES",
    "LASTING",
    "LEAST_PAIRS",
    "OVERLAP",
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
    "cell_of",
    "decided",
    "design_of",
    "disagreement",
    "evidence",
    "harm_by_class",
    "higher_is_better",
    "judge",
    "judge_run",
    "method_of",
    "note_reported",
    "overlapping",
    "source_of",
    "target_of",
    "target_scores",
    "told",
    "told_source",
    "told_target",
    "typed",
    "verdicts",
    "within",
]
