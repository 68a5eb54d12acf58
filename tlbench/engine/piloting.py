"""Budgets that a suite leaves open are found by pilots of scratch, all at once, before anything is judged."""

from functools import partial

from tlbench.engine.executor import Executor, Mode
from tlbench.engine.jobs import Job
from tlbench.engine.progress import Progress
from tlbench.trials import PLAIN, Choice, Plan, budget_lines, pilots
from tlbench.workspace import Workspace


def piloted(plan: Plan, workspace: Workspace, mode: Mode, executor: Executor, progress: Progress) -> Plan:
    """The plan with every budget known; what pilots found is said."""
    todo = pilots(plan, PLAIN if mode == "plain" else Choice(together=True), workspace)
    jobs, found = [Job(pilot, "pilot", 1.0) for pilot in todo], dict[str, int]()
    for position, steps in progress.track("pilot", jobs, partial(executor.run, jobs)):
        found[todo[position].label] = steps
    made = plan.piloted(found)
    for line in budget_lines(made) if found else []:
        progress.say(line)
    return made
