"""Progress of long work on stderr: a bar in a terminal, plain lines elsewhere, with an estimate of what is left."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

LINES = 10  # plain lines a phase


@dataclass(frozen=True)
class Expected:
    """A job as it is expected: its kind, the seconds it should take, how many trials it counts for."""

    label: str
    seconds: float
    count: int = 1


class Progress:
    """Says lines and tracks jobs; results never go here."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, line: str) -> None:
        """One line, as it is."""
        self.console.print(line, markup=False, soft_wrap=True)

    def track(
        self, what: str, jobs: Sequence[Expected], results: Iterator[tuple[int, Any]]
    ) -> Iterator[tuple[int, Any]]:
        """Passes results on, showing how much of the jobs is done and how long the rest will take."""
        if not jobs:
            return
        guess = Estimate(jobs)
        if not self.console.is_terminal:
            yield from self._plain(what, guess, results)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
        )
        with Bar(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(what, total=sum(job.count for job in jobs), left="")
            for position, result in results:
                guess.done(position)
                bar.update(task, advance=jobs[position].count, left=guess.left())
                yield position, result

    def _plain(self, what: str, guess: "Estimate", results: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        total, said, done = sum(job.count for job in guess.jobs), 0, 0
        for position, result in results:
            guess.done(position)
            done += guess.jobs[position].count
            if done * LINES // total > said:
                said = done * LINES // total
                self.say(f"{what}: {done} of {total} done{', ' + guess.left() if done < total else ''}")
            yield position, result


class Estimate:
    """How long the remaining jobs will take: as expected, corrected by how jobs of their label have turned out."""

    def __init__(self, jobs: Sequence[Expected]) -> None:
        self.jobs = jobs
        self._remaining = set(range(len(jobs)))
        self._spent: dict[str, tuple[float, float]] = {}  # by label: seconds that went by, seconds expected
        self._last = time.monotonic()

    def done(self, position: int) -> None:
        """Counts a job as done now."""
        now, job = time.monotonic(), self.jobs[position]
        spent, expected = self._spent.get(job.label, (0.0, 0.0))
        self._spent[job.label] = spent + now - self._last, expected + job.seconds
        self._remaining.discard(position)
        self._last = now

    def seconds(self) -> float:
        """The estimate; the time between completions already holds what the workers do side by side."""
        spent, expected = (sum(column) for column in zip(*self._spent.values(), strict=True)) if self._spent else (0, 1)
        usual = spent / max(expected, 1e-9)
        rates = {label: took / max(thought, 1e-9) for label, (took, thought) in self._spent.items()}
        left = (self.jobs[position] for position in self._remaining)
        return sum(job.seconds * rates.get(job.label, usual) for job in left)

    def left(self) -> str:
        """The estimate in words."""
        seconds = self.seconds()
        return f"about {seconds:.0f} s left" if seconds < 100 else f"about {seconds / 60:.0f} min left"
