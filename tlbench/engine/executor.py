"""What an executor is: whoever runs jobs, here or elsewhere; and how a run is executed, as it is recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, TypeAlias

import torch

from tlbench.engine.jobs import Job, Watch, unwatched
from tlbench.processes import usable_cores

Mode: TypeAlias = Literal["fast", "plain"]


class Executor(Protocol):
    """Jobs in, results out as they come; a context manager that a study enters for as long as it runs.

    A job's work is called with a workspace of the place where it runs: where data and kept weights lie is resolved
    there, and no job says it. Results come back in any order, each with its job's position.
    """

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None: ...

    def run(self, jobs: Sequence[Job], watch: Watch = unwatched) -> Iterator[tuple[int, Any]]:
        """Yields (position, result) of each job as it is done; tells `watch` when one is begun and done.

        Raises:
            TlbenchError: a job raised one, or the place where it ran is gone.
        """
        ...

    def cancel(self) -> None:
        """Ends what is running and forgets what is not begun."""
        ...


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
    """A worker a core on the CPU, one an accelerator: all of them for `cuda` without a number."""
    if device.type == "cpu":
        return usable_cores()
    return max(1, torch.cuda.device_count()) if device == torch.device("cuda") else 1
