"""What of this machine processes may use, and how workers come to be: forked from a server that is started early."""

import contextlib
import ctypes
import math
import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SHELVES = ("datasets", "forms", "networks", "sources", "methods", "metrics", "similarities")
ALWAYS = ("tlbench.forms.images", "tlbench.metrics.accuracy")  # leaves that no suite has to name
PACKAGE = Path(__file__).parent
FORKED = sys.platform == "linux"  # elsewhere system libraries do not stand a fork
KEPT = 2**31 - 1  # bytes of freed memory at most, as many as the C library can be told
PIECE = 1 << 25  # bytes from which on memory is the system's own, the largest that the C library lets be said
PADDING = 1 << 26  # bytes by which memory grows
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # as mallopt(3) has them


def text(path: Path) -> str:
    """A system file's text; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def groups() -> list[Path]:
    """The folders of this process's control group (version 2) and of those above it: each may set a limit."""
    rows = text(PROC / "self" / "cgroup").splitlines()
    own = next((row.removeprefix("0::") for row in rows if row.startswith("0::")), "/").strip("/")
    return [CGROUPS / part for part in (Path(own), *Path(own).parents)]


def quota() -> float | None:
    """The control group's quota in cores; None without one."""
    pairs = [text(group / "cpu.max").split() for group in groups()]
    quotas = [int(pair[0]) / int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] != "max"]
    return min(quotas, default=None)


def affinity() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_cores() -> int:
    """As many cores as there is work to give: affinity and quota considered."""
    limit = quota()
    return affinity() if limit is None else max(1, min(affinity(), math.ceil(limit)))


def default_threads(jobs: int) -> int:
    """The cores that each worker gets."""
    return max(1, usable_cores() // jobs)


def start_early(jobs: int | None, asked: Iterable[str] = ()) -> None:
    """Starts the server, which imports while this process does; nothing where one worker or no fork is wanted.

    asked: suites, and leaves by name.
    """
    jobs = jobs or usable_cores()
    if FORKED and jobs > 1:
        forkserver.set_forkserver_preload(["tlbench.study", *ALWAYS, *leaves(asked)])
        with _threads(default_threads(jobs)), _uninterrupted():
            forkserver.ensure_running()


def leaves(asked: Iterable[str]) -> list[str]:
    """The modules of the leaves whose names stand in what was asked for, in a suite's file for a suite."""
    words = {word for one in asked for word in re.findall(r"\w+", _text(one))}
    return [f"tlbench.{shelf}.{name}" for shelf in SHELVES for name in sorted(words) if _is_leaf(shelf, name)]


def _is_leaf(shelf: str, name: str) -> bool:
    return (PACKAGE / shelf / f"{name}.py").is_file()


def _text(asked: str) -> str:
    path = Path(asked) if asked.endswith(".toml") else PACKAGE / "suites" / f"{asked}.toml"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return asked


def context(jobs: int, threads: int) -> BaseContext:
    """From which workers are started; the number of threads is in their environment before any library loads."""
    if FORKED:
        start_early(jobs)
        return multiprocessing.get_context("forkserver")
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    return multiprocessing.get_context("spawn")


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    """Within it, a process that is started is told to use so many threads."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(number)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Within it, a process that is started does not import this program's main module.

    Else a script without an `if __name__ == "__main__"` would run again in every worker, which needs nothing of it.
    """
    main = sys.modules["__main__"]
    before: dict[str, Any] = {name: vars(main)[name] for name in ("__spec__", "__file__") if name in vars(main)}
    main.__spec__ = None
    main.__dict__.pop("__file__", None)
    try:
        yield
    finally:
        vars(main).update(before)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Within it, a process that is started ignores an interrupt, also while it imports: its parent deals with it."""
    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if here else None
    try:
        yield
    finally:
        if here:
            signal.signal(signal.SIGINT, before)


def keep_freed_memory() -> None:
    """Has the C library use freed memory again instead of handing it back; does nothing where that is not glibc.

    Fresh pages are what activations of every step would otherwise be paid with.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        for what, value in ((MMAP_THRESHOLD, PIECE), (TRIM_THRESHOLD, KEPT), (TOP_PAD, PADDING)):
            library.mallopt(what, value)
