"""Starts either side as a process of its own and measures it: seconds from start to end, peak memory, load."""

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch

from benchmarks.workloads import Unit, Workload
from tlbench.frame import read

ROOT = Path(__file__).parents[2]
SAMPLE_SECONDS = 0.5  # between two looks at memory: reading it costs a millisecond
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
CALM = 0.15  # cores that others may use while a side runs: two threads in step lose far more than they are denied
PATIENCE = 10  # seconds to wait for a calm machine before a run
TLBENCH, PIL, TENSOR = "tlbench", "pil", "tensor"
KINDS = (PIL, TENSOR)
Cost: TypeAlias = dict[str, Any]


def tree(root: int) -> list[int]:
    """A process and its descendants, where /proc tells."""
    found = [root]
    for pid in found:
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, path.read_text(encoding="ascii").split())
    return found


def resident_bytes(pids: Sequence[int]) -> int:
    """Memory of these processes: each one's own pages, and those of files (libraries) once; 0 where /proc is silent.

    Pages that a forked process has not written to yet count for it too: the sum is somewhat too large. What would tell
    exactly (PSS) takes a tenth of a second a look, and holds the process up meanwhile.
    """
    own, files = 0, 0
    for pid in pids:
        with contextlib.suppress(OSError):
            resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1:3])
            own, files = own + resident - shared, max(files, shared)
    return (own + files) * os.sysconf("SC_PAGE_SIZE")


def device_bytes(device: str) -> int:
    """Memory in use on the whole accelerator; 0 without one."""
    if not device.startswith("cuda"):
        return 0
    free, total = torch.cuda.mem_get_info(torch.device(device))
    return total - free


def busy_seconds() -> float:
    """Seconds of all cores' work since the machine started, stolen time included; 0 where /proc does not tell."""
    with contextlib.suppress(OSError):
        user, nice, system, _, _, *rest = Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]
        return sum(map(int, (user, nice, system, *rest))) / os.sysconf("SC_CLK_TCK")
    return 0.0


def adopt_orphans() -> None:
    """Has processes whose parent ends become this one's children, so that their work is counted; Linux only."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def bury_orphans(known: Iterable[int]) -> None:
    """Waits until all children but the known ones have ended."""
    for pid in set(tree(os.getpid())[1:]) - set(known):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def own_seconds() -> float:
    """Seconds of work of this process and of those it started that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@dataclass(frozen=True)
class Others:
    """How many cores other processes use, on average since this was made."""

    busy: float = field(default_factory=busy_seconds)
    own: float = field(default_factory=own_seconds)
    since: float = field(default_factory=time.monotonic)

    def cores(self) -> float:
        """The mean so far."""
        others = busy_seconds() - self.busy - (own_seconds() - self.own)
        return max(0.0, others) / (time.monotonic() - self.since)


def settle() -> None:
    """Waits until others leave the machine alone for a second, for at most `PATIENCE` seconds."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        others = Others()
        time.sleep(1)
        if others.cores() <= CALM:
            return


@dataclass
class Peak:
    """The most memory seen, in bytes: of a process tree, and what an accelerator holds beyond what it held before."""

    device: str
    host: int = 0
    accelerator: int = 0
    _before: int = field(init=False)
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._before = device_bytes(self.device)

    def _watch(self, root: int) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.host = max(self.host, resident_bytes(tree(root)))
            self.accelerator = max(self.accelerator, device_bytes(self.device) - self._before)

    @contextlib.contextmanager
    def watching(self, root: int) -> Iterator[None]:
        """Looks every `SAMPLE_SECONDS` at the tree under `root` until it is left."""
        thread = threading.Thread(target=self._watch, args=(root,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


@dataclass(frozen=True)
class Sides:
    """Where both sides run: a folder for suites and results, the device, and how many workers tlbench may start."""

    folder: Path
    device: str
    jobs: int | None

    def measure(self, command: Sequence[str], log: Path) -> Cost:
        """Seconds and peak memory of a command, its output in `log`; others: cores that others used meanwhile.

        Raises:
            SystemExit: the command failed; the end of its output is in the message.
        """
        settle()
        adopt_orphans()
        known = tree(os.getpid())
        peak, others = Peak(self.device), Others()
        with log.open("w", encoding="utf-8") as sink:
            started = time.perf_counter()
            with subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink) as process:  # noqa: S603
                with peak.watching(process.pid):
                    code = process.wait()
                seconds = time.perf_counter() - started
                bury_orphans(known)
                used = others.cores()
        if code:
            raise SystemExit(f"{' '.join(command)} ended with {code}:\n{log.read_text(encoding='utf-8')[-2000:]}")
        megabytes = {"host_mb": peak.host / 1e6, "device_mb": peak.accelerator / 1e6}
        return {"seconds": seconds, "others": used} | {k: round(v) or None for k, v in megabytes.items()}

    def tlbench(self, workload: Workload, *options: str) -> tuple[Cost, Path]:
        """A fresh `tlbench run` of the grid, start-up, judging and report inside; its cost and its results' folder."""
        suite = self._suite(workload)
        out = suite.with_suffix("")
        command = [sys.executable, "-m", "tlbench", "run", str(suite), "--out", str(out), "--device", self.device]
        if self.jobs:
            command += ["--jobs", str(self.jobs)]
        return self.measure([*command, *options], suite.with_suffix(".log")), out

    def peer(self, workload: Workload, kind: str, units: Sequence[Unit]) -> Cost:
        """A peer on some units of the grid: its cost, and under `rows` accuracy and seconds of each training."""
        suite = self._suite(workload)
        rows, labelled = suite.with_suffix(".json"), [u._replace(target=workload.target_label(u.target)) for u in units]
        asked = ["--kind", kind, "--units", json.dumps(labelled), "--device", self.device, "--out", str(rows)]
        cost = self.measure([sys.executable, "-m", "benchmarks.peers", str(suite), *asked], suite.with_suffix(".log"))
        found: dict[str, Any] = json.loads(rows.read_text(encoding="utf-8"))
        return cost | found

    def _suite(self, workload: Workload) -> Path:
        """The suite in a file whose name no other run has."""
        path = self.folder / f"{len(list(self.folder.glob('*.toml'))):03d}-{workload.name}.toml"
        path.write_text(workload.toml(), encoding="utf-8")
        return path


def accuracies(folder: Path) -> list[dict[str, Any]]:
    """Test accuracy of every trial of a run: source, target, seed, arm, accuracy; scratch's source is the network."""
    frame = read(folder).rename(columns={"method": "arm"})
    rows = frame[["source", "target", "seed", "arm", "accuracy"]].to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]
