"""Progress of long work on stderr: a bar for all and one a worker in a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from tlbench.engine.estimate import Estimate
from tlbench.engine.jobs import Job, Watch

LINES = 10  # plain lines a phase
BARS = 8  # workers that get a bar of their own
Results: TypeAlias = Iterator[tuple[int, Any]]


class Progress:
    """Says lines and tracks jobs; results never go here."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, line: str) -> None:
        """One line, as it is."""
        self.console.print(line, markup=False, soft_wrap=True)

    def track(self, what: str, jobs: Sequence[Job], run: Callable[[Watch], Results], after: float = 0.0) -> Results:
        """Passes on the results of `run`, showing how much of the jobs is done and how long the rest will take.

        after: seconds of one worker that are expected to follow, as part of the rest.
        """
        if not jobs:
            return
        yield from (self._bars if self.console.is_terminal else self._plain)(what, Estimate(jobs, after), run)

    def _bars(self, what: str, guess: Estimate, run: Callable[[Watch], Results]) -> Results:
        text = TextColumn("{task.description}", markup=False)
        columns = text, BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}", markup=False)
        with Bars(*columns, console=self.console, transient=True) as bars:
            whole = bars.add_task(what, total=guess.total, left="")
            workers: dict[int, TaskID] = {}

            def watch(worker: int, position: int, took: float | None) -> None:
                guess.watch(worker, position, took)
                if worker not in workers and worker < BARS:
                    workers[worker] = bars.add_task("", total=guess.total, left="")
                if worker in workers:
                    job = guess.jobs[position]
                    done = 0 if took is None else job.count
                    bars.update(workers[worker], description=f"  worker {worker + 1}", left=job.label, advance=done)

            for position, result in run(watch):
                bars.update(whole, advance=guess.jobs[position].count, left=guess.left())
                yield position, result

    def _plain(self, what: str, guess: Estimate, run: Callable[[Watch], Results]) -> Results:
        said, done = 0, 0
        for position, result in run(guess.watch):
            done += guess.jobs[position].count
            if done * LINES // guess.total > said:
                said = done * LINES // guess.total
                self.say(", ".join(filter(None, (f"{what}: {done} of {guess.total} done", guess.left()))))
            yield position, result
