"""Who runs a plan's trials, where and how: workers, jobs, choices by timing, progress, what is resumed."""

from tlbench.engine.choices import Choices
from tlbench.engine.jobs import Job, Work
from tlbench.engine.ownership import clear, refuse_what_is_not_ours
from tlbench.engine.pool import Engine, Mode, Pool, default_jobs
from tlbench.engine.progress import Progress
from tlbench.engine.tuning import Tuned, Tuning

__all__ = [
    "Choices",
    "Engine",
    "Job",
    "Mode",
    "Pool",
    "Progress",
    "Tuned",
    "Tuning",
    "Work",
    "clear",
    "default_jobs",
    "refuse_what_is_not_ours",
]
