"""How long the jobs that are left will take: as was forecast, corrected by how those that are done turned out."""

import heapq
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from tlbench.engine.jobs import Job

MOST = 2 / 3  # of what is left: where kinds of which a job is done make up so much, the estimate is shown
FACTOR = 2.0  # within which a forecast is confirmed
ENOUGH = 0.1  # of all: a forecast is confirmed by no less
DOUBT = 0.05  # of all: so much is taken to have turned out as forecast, beside what did
LEAN = 0.1  # of a job: so much of a kind is taken to have turned out as the others did
OVERDUE = 0.2  # of what it has taken: a job that is overdue is taken to need so much more
GRACE = 1.0  # seconds that every job may be late
SCHEDULED = 64  # jobs that are dealt out to workers one by one; of more, the average tells enough


def in_words(seconds: float) -> str:
    """A length of time, rounded."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} hours"


@dataclass
class _Turned:
    """How jobs have turned out: seconds they took, seconds they were forecast to take.

    A worker's first job of a kind also pays for what is opened and made ready there: it counts while there is no other.
    """

    took: float = 0.0
    expected: float = 0.0
    first: tuple[float, float] = (0.0, 0.0)
    begun_by: set[int] = field(default_factory=set)

    def add(self, worker: int, took: float, expected: float) -> None:
        if worker in self.begun_by:
            self.took, self.expected = self.took + took, self.expected + expected
        else:
            self.begun_by.add(worker)
            self.first = self.first[0] + took, self.first[1] + expected

    @property
    def known(self) -> tuple[float, float]:
        """Seconds taken, and forecast, of the jobs that tell most."""
        return (self.took, self.expected) if self.expected else self.first


@dataclass
class Estimate:
    """What is left of jobs, and when it can be told.

    after: seconds of one worker that are forecast to follow these jobs.
    """

    jobs: Sequence[Job]
    after: float = 0.0
    _left: set[int] = field(init=False)
    _forecast: float = field(init=False)
    _running: dict[int, float] = field(default_factory=dict)  # by position: when it was begun
    _workers: set[int] = field(default_factory=set)
    _by_kind: list[_Turned] = field(init=False)
    _kinds: list[int] = field(init=False)  # by position: which of them
    _done: tuple[float, float] = (0.0, 0.0)  # seconds taken, and forecast

    def __post_init__(self) -> None:
        self._left = set(range(len(self.jobs)))
        self._forecast = sum(job.seconds for job in self.jobs) + self.after
        numbers: dict[Hashable, int] = {}
        self._kinds = [numbers.setdefault(_kind(job), len(numbers)) for job in self.jobs]
        self._by_kind = [_Turned() for _ in numbers]

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
        self._by_kind[self._kinds[position]].add(worker, took, job.seconds)
        self._done = self._done[0] + took, self._done[1] + job.seconds
        self._running.pop(position, None)
        self._left.discard(position)

    def left(self) -> str:
        """What is left in words: nothing where all is done, "estimating" where it cannot be told yet."""
        if not self._left:
            return ""
        if not self.trusted():
            return "estimating"
        seconds = self.seconds()
        return "finishing" if round(seconds) < 1 else f"about {in_words(seconds)} left"

    def seconds(self) -> float:
        """The estimate: what is left, dealt out to the workers, at least as long as the longest that is running."""
        now, n, usual = time.monotonic(), max(1, len(self._workers)), self._usual()
        running = [_rest(self._of(position, usual), now - began) for position, began in self._running.items()]
        waiting = [self._of(position, usual) for position in sorted(self._left - self._running.keys())]
        after = self.after * usual / n
        if len(waiting) > SCHEDULED:
            return max([(sum(running) + sum(waiting)) / n, *running]) + after
        free = [*running, *[0.0] * (n - len(running))]
        heapq.heapify(free)
        for seconds in waiting:
            heapq.heapreplace(free, free[0] + seconds)
        return max(free) + after

    def trusted(self) -> bool:
        """Whether most of what is left is of kinds of which a job is done, or the forecast has been confirmed.

        Not where a running job has already taken far longer than it should.
        """
        now, usual = time.monotonic(), self._usual()
        if any(now - began > FACTOR * self._of(p, usual) + GRACE for p, began in self._running.items()):
            return False
        whole = [(self._of(p, usual), self._by_kind[self._kinds[p]].begun_by) for p in self._left]
        seen = sum(seconds for seconds, done_by in whole if done_by)
        return seen >= MOST * (sum(seconds for seconds, _ in whole) + self.after * usual) or self._confirmed()

    def _confirmed(self) -> bool:
        """Whether no small part is done, and took what was forecast or is off by much the same in each kind.

        On a machine that is busy with other work everything takes longer, which does not make a forecast wrong.
        """
        took, expected = self._done
        if expected < ENOUGH * self._forecast or not expected:
            return False
        ratios = [done / forecast for done, forecast in (turned.known for turned in self._by_kind) if forecast]
        alike = len(ratios) > 1 and max(ratios) <= FACTOR * min(ratios)
        return alike or 1 / FACTOR <= took / expected <= FACTOR

    def _usual(self) -> float:
        """How all have turned out, as a factor of their forecasts; little is learnt from little."""
        known = [turned.known for turned in self._by_kind]
        took, expected = sum(took for took, _ in known), sum(expected for _, expected in known)
        doubt = DOUBT * self._forecast
        return (took + doubt) / (expected + doubt) if expected + doubt else 1.0

    def _of(self, position: int, usual: float) -> float:
        """What a job will take: a kind of which little is known yet leans on how all have turned out."""
        job = self.jobs[position]
        took, expected = self._by_kind[self._kinds[position]].known
        lean = LEAN * job.seconds
        return job.seconds * (took + usual * lean) / (expected + lean) if job.seconds else 0.0


def _kind(job: Job) -> Hashable:
    return job.label if job.kind is None else job.kind


def _rest(whole: float, elapsed: float) -> float:
    """What a running job still needs; of one that is overdue it is not known, but the longer it took, the more."""
    return whole - elapsed if elapsed < whole else min(OVERDUE * elapsed, elapsed - whole)
