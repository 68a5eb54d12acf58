"""Progress of long work on stderr: a bar for all and one a worker in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

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

    def track(self, what: str, jobs: Sequence[Job], run: Callable[[Watch], Results]) -> Results:
        """Passes on the results of `run`, showing how much of the jobs is done and how long the rest will take."""
        if not jobs:
            return
        yield from (self._bars if self.console.is_terminal else self._plain)(what, Estimate(jobs), run)

    def _bars(self, what: str, guess: "Estimate", run: Callable[[Watch], Results]) -> Results:
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

    def _plain(self, what: str, guess: "Estimate", run: Callable[[Watch], Results]) -> Results:
        said, done = 0, 0
        for position, result in run(guess.watch):
            done += guess.jobs[position].count
            if done * LINES // guess.total > said:
                said = done * LINES // guess.total
                left = f", {guess.left()}" if done < guess.total else ""
                self.say(f"{what}: {done} of {guess.total} done{left}")
            yield position, result


@dataclass
class _Turned:
    """How jobs have turned out: seconds they took, seconds they were expected to take."""

    took: float = 0.0
    expected: float = 0.0

    def add(self, took: float, expected: float) -> None:
        self.took, self.expected = self.took + took, self.expected + expected


@dataclass
class Estimate:
    """How long the remaining jobs will take: as expected, corrected by how jobs of their label have turned out."""

    jobs: Sequence[Job]
    _left: set[int] = field(init=False)
    _running: dict[int, float] = field(default_factory=dict)  # by position: when it was begun
    _workers: set[int] = field(default_factory=set)
    _by_label: dict[str, _Turned] = field(default_factory=dict)
    _all: _Turned = field(default_factory=_Turned)

    def __post_init__(self) -> None:
        self._left = set(range(len(self.jobs)))

    @property
    def total(self) -> int:
        """Trials in all."""
        return sum(job.count for job in self.jobs)

    def watch(self, worker: int, position: int, took: float | None) -> None:
        """Counts a job as begun now, or as done in so many seconds."""
        if took is None:
            self._workers.add(worker)
            self._running[position] = time.monotonic()
            return
        job = self.jobs[position]
        self._by_label.setdefault(job.label, _Turned()).add(took, job.seconds)
        self._all.add(took, job.seconds)
        self._running.pop(position, None)
        self._left.discard(position)

    def seconds(self) -> float:
        """The estimate: what is left over the workers, at least as long as the longest that is running."""
        now = time.monotonic()
        running = [max(0.0, self._of(p) - (now - began)) for p, began in self._running.items()]
        waiting = sum(self._of(position) for position in self._left - self._running.keys())
        return max([(sum(running) + waiting) / max(1, len(self._workers)), *running])

    def _of(self, position: int) -> float:
        """What a job will take: a label of which little is known yet leans on how all have turned out."""
        job, usual = self.jobs[position], self._all.took / self._all.expected if self._all.expected else 1.0
        known = self._by_label.get(job.label, _Turned())
        return job.seconds * (known.took + usual * job.seconds) / (known.expected + job.seconds) if job.seconds else 0.0

    def left(self) -> str:
        """The estimate in words."""
        seconds = self.seconds()
        return f"about {seconds:.0f} s left" if seconds < 100 else f"about {seconds / 60:.0f} min left"
