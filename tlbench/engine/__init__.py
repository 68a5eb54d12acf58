"""Who runs a plan's trials, where and how: executors, jobs, choices by timing, progress, what is resumed."""

from tlbench.engine.choices import Choices
from tlbench.engine.execution import Execution
from tlbench.engine.executor import Engine, Executor, Mode, default_jobs
from tlbench.engine.jobs import Job, Watch, what_cannot_travel
from tlbench.engine.means import Limits, Means, Ran
from tlbench.engine.ownership import clear, refuse_other_versions, refuse_what_is_not_ours
from tlbench.engine.piloting import piloted
from tlbench.engine.pool import WorkerPool
from tlbench.engine.progress import Progress
from tlbench.engine.resume import Pending, as_json, pending, ran_of
from tlbench.engine.tuning import Tuned, Tuning

__all__ = [
    "Choices",
    "Engine",
    "Execution",
    "Executor",
    "Job",
    "Limits",
    "Means",
    "Mode",
    "Pending",
    "Progress",
    "Ran",
    "Tuned",
    "Tuning",
    "Watch",
    "WorkerPool",
    "as_json",
    "clear",
    "default_jobs",
    "pending",
    "piloted",
    "ran_of",
    "refuse_other_versions",
    "refuse_what_is_not_ours",
    "what_cannot_travel",
]
