"""Runs jobs: in this process, or in local workers that live as long as the run; results come back as they are done."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

import torch

from tlbench.dataset import Storage
from tlbench.errors import TlbenchError
from tlbench.machine import usable_cores
from tlbench.workers import context, keep_freed_memory
from tlbench.workspace import Workspace

Mode: TypeAlias = Literal["fast", "plain"]
Work: TypeAlias = Callable[[Workspace], Any]


@dataclass(frozen=True)
class Engine:
    """How a run is executed: none of it changes a result beyond rounding, all of it is recorded."""

    device: str
    jobs: int
    threads: int
    mode: Mode = "fast"

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return vars(self).copy()


def default_jobs(device: torch.device) -> int:
    """A worker a core on the CPU, one on an accelerator."""
    return usable_cores() if device.type == "cpu" else 1


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


def _work(job: Work) -> Any:
    return job(_here[0])


class Pool:
    """Workers for a run; a context manager. `run` may be called several times."""

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        """Starts no worker yet; with one job, the work is done in this process."""
        self._engine, self._workspace = engine, workspace
        self._executor: ProcessPoolExecutor | None = None
        keep_freed_memory()
        torch.set_num_threads(engine.threads)

    def __enter__(self) -> Self:
        if self._engine.jobs > 1:
            arguments = (self._workspace.storage, self._engine.device, self._engine.threads)
            origin = context(self._engine.jobs, self._engine.threads)
            self._executor = ProcessPoolExecutor(self._engine.jobs, origin, _start_worker, arguments)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._executor is None:
            return
        workers = list((self._executor._processes or {}).values())  # noqa: SLF001  no public way to end running work
        self._executor.shutdown(wait=kind is None, cancel_futures=True)
        if kind is not None:
            for worker in workers:
                with contextlib.suppress(OSError):
                    worker.terminate()

    def run(self, jobs: Sequence[Work]) -> Iterator[tuple[int, Any]]:
        """Yields (position, result) of each job as it is done.

        Raises:
            TlbenchError: a worker was killed (most often for memory), or a job raised one.
        """
        if self._executor is None:
            for position, job in enumerate(jobs):
                yield position, job(self._workspace)
            return
        pending: dict[Future[Any], int] = {}
        queue = iter(enumerate(jobs))
        try:
            while True:
                for position, job in queue:
                    pending[self._executor.submit(_work, job)] = position
                    if len(pending) >= 2 * self._engine.jobs:
                        break
                if not pending:
                    return
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    yield pending.pop(future), future.result()
        except BrokenProcessPool:
            raise TlbenchError(
                "a worker was killed, most often for lack of memory; what is done is kept: "
                "run again with fewer --jobs or a smaller batch"
            ) from None
