"""The local executor: jobs in this process, or in workers that live as long as the run; results as they are done."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, Self

import torch

from tlbench.engine.executor import Engine
from tlbench.engine.jobs import Job, Watch, Work, unwatched
from tlbench.errors import TlbenchError
from tlbench.processes import context, keep_freed_memory, without_main
from tlbench.workspace import Storage, Workspace


def device_of(device: str, worker: int) -> str:
    """Where a worker computes: with `cuda` without a number, workers share the cards out in turn."""
    cards = torch.cuda.device_count() if device == "cuda" else 0
    return f"cuda:{worker % cards}" if cards > 1 else device


_here: list[Workspace] = []  # a worker's own workspace, which keeps what it has opened


def _start_worker(storage: Storage, device: str, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_die_with_parent, daemon=True).start()
    keep_freed_memory()
    torch.set_num_threads(threads)
    _here.append(Workspace(storage, torch.device(device)))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _begin() -> None:
    """Has a worker's process started."""


def _work(work: Work) -> tuple[float, Any]:
    """The work's seconds and result."""
    return _timed(work, _here[0])


def _timed(work: Work, workspace: Workspace) -> tuple[float, Any]:
    started = time.monotonic()
    result = work(workspace)
    return time.monotonic() - started, result


AHEAD = 2  # jobs that a worker has at most, one of them running: it never waits for this process
LOOKED_AT = 200  # jobs among which the next one is chosen


@dataclass
class WorkerProcess:
    """A process, the jobs that it has been given, and what it shares with others that come to it."""

    number: int
    executor: ProcessPoolExecutor
    given: deque[int] = field(default_factory=deque)
    shared: set[Hashable] = field(default_factory=set)


def chosen(worker: WorkerProcess, workers: Sequence[WorkerProcess], left: Sequence[int], jobs: Sequence[Job]) -> int:
    """The next in order, or one about as long whose shares this worker has, or failing that nobody else has."""
    first = jobs[left[0]]
    near = [p for p in left[:LOOKED_AT] if jobs[p].block == first.block and 2 * jobs[p].seconds >= first.seconds]
    elsewhere = {share for other in workers if other is not worker for share in other.shared} - {None}
    own = next((p for p in near if jobs[p].shares in worker.shared - {None}), None)
    free = next((p for p in near if jobs[p].shares not in elsewhere), left[0])
    return free if own is None else own


class WorkerPool:
    """Local worker processes: the executor that a study takes by default. `run` may be called several times."""

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        """Starts no worker and sets nothing yet; with one job, the work is done in this process."""
        self._engine, self._workspace = engine, workspace
        self._workers: list[WorkerProcess] = []
        self._threads_before = 0

    def __enter__(self) -> Self:
        keep_freed_memory()
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(self._engine.threads)
        if self._engine.jobs > 1:
            storage, threads = self._workspace.storage, self._engine.threads
            origin = context(self._engine.jobs, threads)
            for number in range(self._engine.jobs):
                arguments = storage, device_of(self._engine.device, number), threads
                self._workers.append(WorkerProcess(number, ProcessPoolExecutor(1, origin, _start_worker, arguments)))
            with without_main():
                for worker in self._workers:
                    worker.executor.submit(_begin)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._close(wait=kind is None)
        torch.set_num_threads(self._threads_before)

    def cancel(self) -> None:
        """Ends the workers, whatever they are at."""
        self._close(wait=False)

    def _close(self, *, wait: bool) -> None:
        for worker in self._workers:
            processes = list((worker.executor._processes or {}).values())  # noqa: SLF001  no public way to end them
            worker.executor.shutdown(wait=wait, cancel_futures=True)
            for process in processes if not wait else []:
                with contextlib.suppress(OSError):
                    process.terminate()
        self._workers = []

    def run(self, jobs: Sequence[Job], watch: Watch = unwatched) -> Iterator[tuple[int, Any]]:
        """Yields (position, result) of each job as it is done; tells `watch` when one is begun and done.

        Raises:
            TlbenchError: a worker was killed (most often for memory), or a job raised one.
        """
        if not self._workers:
            for position, job in enumerate(jobs):
                watch(0, position, None)
                took, result = _timed(job.work, self._workspace)
                watch(0, position, took)
                yield position, result
            return
        left, pending = list(range(len(jobs))), dict[Future[Any], tuple[int, WorkerProcess]]()
        try:
            while left or pending:
                for worker in [*self._workers] * AHEAD:
                    if left and len(worker.given) < AHEAD:
                        pending |= self._give(worker, left, jobs, watch)
                done = wait(pending, return_when=FIRST_COMPLETED).done
                for future in [
                    future for future in pending if future in done
                ]:  # a worker's in the order in which it did them
                    position, worker = pending.pop(future)
                    worker.given.popleft()
                    took, result = future.result()
                    watch(worker.number, position, took)
                    if worker.given:
                        watch(worker.number, worker.given[0], None)
                    yield position, result
        except BrokenProcessPool:
            raise TlbenchError(
                "a worker was killed, most often for lack of memory; what is done is kept: "
                "run again with fewer jobs or a smaller batch"
            ) from None

    def _give(
        self, worker: WorkerProcess, left: list[int], jobs: Sequence[Job], watch: Watch
    ) -> dict[Future[Any], tuple[int, WorkerProcess]]:
        position = chosen(worker, self._workers, left, jobs)
        left.remove(position)
        worker.shared.add(jobs[position].shares)
        worker.given.append(position)
        if len(worker.given) == 1:
            watch(worker.number, position, None)
        return {worker.executor.submit(_work, jobs[position].work): (position, worker)}
