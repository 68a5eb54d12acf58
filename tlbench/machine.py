"""What of the machine this process may use: cores by affinity and by the control group's quota."""

import math
import os
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


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
