"""Where a record was made: commit, versions, machine, and a digest of the code that made it."""

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
ONLY_RUNS_OR_JUDGES = ("engine", "judging", "cli", "study.py")  # rooms and the front door: no outcome depends on them
LIBRARIES = ("tlbench", "torch", "torchvision", "numpy", "scipy", "scikit-learn")


@functools.cache
def code_digest() -> str:
    """A digest of the sources that outcomes depend on: records of equal recipe and code are replays of each other."""
    words = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] not in ONLY_RUNS_OR_JUDGES:
            words.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes())
    return words.hexdigest()[:16]


@functools.cache
def machine() -> dict[str, Any]:
    """The machine: processor, cores, system; its digest is the fingerprint within which seconds compare."""
    facts = {"processor": _processor(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}
    return facts | {"fingerprint": hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()[:12]}


@functools.cache
def commit() -> dict[str, Any]:
    """The commit of the checkout that tlbench runs from and whether it was dirty; nothing where it is installed."""
    run = functools.partial(subprocess.run, cwd=PACKAGE.parent, capture_output=True, text=True, check=False, timeout=10)
    try:
        tracked = run(["git", "ls-files", "tlbench/__init__.py"])
        if tracked.returncode or not tracked.stdout.strip():
            return {"commit": None, "dirty": None}
        head = run(["git", "rev-parse", "HEAD"]).stdout.strip() or None
        changes = run(["git", "status", "--porcelain", "--", "tlbench"]).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return {"commit": None, "dirty": None}
    return {"commit": head, "dirty": bool(changes)}


def describe(device: str, threads: int) -> dict[str, Any]:
    """A record's environment part."""
    versions = {name: _version(name) for name in LIBRARIES} | {"python": platform.python_version()}
    return {
        "device": device,
        "threads": threads,
        "machine": machine(),
        "versions": versions,
        "code": code_digest(),
        **commit(),
    }


@functools.cache
def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
