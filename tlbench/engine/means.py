"""What a study is run with, within which limits, and what it then did."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlbench.engine.executor import Mode


@dataclass(frozen=True)
class Limits:
    """Beyond these, no further look is begun: seconds since the start, seeds a cell."""

    seconds: float | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class Ran:
    """What a study did: jobs run, kept from before, failed; and how many of them have no record at the end.

    A missing record was removed, or damaged, by somebody else while the study ran.
    """

    ran: int
    kept: int
    failed: int
    missing: int


@dataclass(frozen=True)
class Means:
    """What a study is given to run with.

    device: auto, cpu, cuda, cuda:N or mps. jobs: workers, without a number one a core or one a GPU. mode: "fast", or
    "plain" for no shortcuts. like: the engine part of another run, whose choices are taken over where none was begun.
    """

    device: str = "auto"
    jobs: int | None = None
    mode: Mode = "fast"
    like: Mapping[str, Any] | None = None
