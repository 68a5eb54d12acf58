"""Progress of long work on stderr: a bar in a terminal, plain lines elsewhere, with an estimate of what is left."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

LINES = 10  # plain lines a phase


class Progress:
    """Says lines and tracks jobs; results never go here."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, line: str) -> None:
        """One line, as it is."""
        self.console.print(line, markup=False, soft_wrap=True)

    def track(self, what: str, labels: Sequence[str], results: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        """Passes results on, showing how many of the labelled jobs are done and how long the rest will take."""
        if not labels:
            return
        guess = Estimate(labels)
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
            task = bar.add_task(what, total=len(labels), left="")
            for position, result in results:
                guess.done(position)
                bar.update(task, advance=1, left=guess.left())
                yield position, result

    def _plain(self, what: str, guess: "Estimate", results: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        total = len(guess.labels)
        marks = {round(total * i / LINES) for i in range(1, LINES + 1)}
        for count, (position, result) in enumerate(results, start=1):
            guess.done(position)
            if count in marks:
                self.say(f"{what}: {count} of {total} done{', ' + guess.left() if count < total else ''}")
            yield position, result


class Estimate:
    """How long the remaining jobs will take, each as long as those of its label have taken so far."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self._remaining = Counter(labels)
        self._spent: dict[str, list[float]] = defaultdict(list)
        self._last = time.monotonic()

    def done(self, position: int) -> None:
        """Counts a job as done now."""
        now = time.monotonic()
        self._spent[self.labels[position]].append(now - self._last)
        self._remaining[self.labels[position]] -= 1
        self._last = now

    def seconds(self) -> float:
        """The estimate; the intervals between completions already hold what the workers do side by side."""
        seen = [value for values in self._spent.values() for value in values]
        mean = sum(seen) / len(seen) if seen else 0.0
        each = {label: sum(values) / len(values) for label, values in self._spent.items()}
        return sum(count * each.get(label, mean) for label, count in self._remaining.items())

    def left(self) -> str:
        """The estimate in words."""
        seconds = self.seconds()
        return f"about {seconds:.0f} s left" if seconds < 100 else f"about {seconds / 60:.0f} min left"
