"""Whether what a test holds was seen before: by the pool it is told apart from, or by a source."""

from tlbench.leakage.guard import Checked, check
from tlbench.leakage.marks import Marks, marks_of
from tlbench.leakage.overlap import Overlap, overlap

__all__ = ["Checked", "Marks", "Overlap", "check", "marks_of", "overlap"]
