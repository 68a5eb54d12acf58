"""What `tlbench doctor` says of this machine: what is here, what a run makes of it, what is wrong and its mend."""

import json
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tlbench import device as devices
from tlbench import environment
from tlbench import processes as machine
from tlbench.engine import Tuned, Tuning, default_jobs
from tlbench.form import forms
from tlbench.network import Setup, networks
from tlbench.processes import THREAD_VARIABLES, default_threads, groups, text
from tlbench.workspace import Workspace, storage

NVIDIA = Path("/dev/nvidia0")
GIB = 1 << 30
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86 and of Arm
TIMED = "a run times its own networks in this way before it begins, and takes what is fastest"
TRIED = {"name": "resnet", "depth": 8, "width": 8}  # the network of `quick`, at
TRIED_SIZE, TRIED_BATCH, TRIED_SEEDS = 8, 16, 5


@dataclass(frozen=True)
class Card:
    """A CUDA device: its memory in bytes and its compute capability."""

    name: str
    memory: int
    capability: str


@dataclass(frozen=True)
class Memory:
    """Bytes in all, available now, and allowed by the control group; None where that is unknown or unlimited."""

    total: int | None
    available: int | None
    limit: int | None


@dataclass(frozen=True)
class Build:
    """The build of torch: `platform` is CUDA, ROCm or CPU; bf16: the processor's flags for it."""

    version: str
    platform: str
    mkldnn: bool
    capability: str
    bf16: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A folder that tlbench reads or keeps things in; `free` is what its disk has left, in bytes."""

    path: str
    exists: bool
    writable: bool
    free: int


@dataclass(frozen=True)
class Problem:
    """Something that hurts a run, and what to do about it."""

    what: str
    mend: str


@dataclass(frozen=True)
class Diagnosis:
    """All that was seen.

    device, jobs and threads: what a run takes without options. cores: the system's; affinity: those this process may
    run on; quota: the control group's, in cores. places: data, cache and torch's published weights. kept: trained
    sources in the cache, kept_bytes their size. complaints: torch's own, about devices.
    """

    device: str
    processor: str
    cards: tuple[Card, ...]
    mps: bool
    cores: int
    affinity: int
    quota: float | None
    usable: int
    memory: Memory
    build: Build
    versions: dict[str, str | None]
    places: dict[str, Place]
    kept: int
    kept_bytes: int
    jobs: int
    threads: int
    timed: Tuned
    complaints: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def examine() -> Diagnosis:
    """Looks at this machine; nothing is written or downloaded, and a few steps of a small network are timed."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cards, chosen = _cards(), devices.choose("auto")
    where, jobs = storage(None, download=False), default_jobs(chosen)
    threads = default_threads(jobs)
    kept = [path.stat().st_size for path in (where.cache / "sources").glob("*.safetensors")]
    diagnosis = Diagnosis(
        device=str(chosen),
        processor=environment.machine()["processor"],
        cards=cards,
        mps=torch.backends.mps.is_available(),
        cores=os.cpu_count() or 1,
        affinity=machine.affinity(),
        quota=machine.quota(),
        usable=machine.usable_cores(),
        memory=_memory(),
        build=_build(),
        versions=environment.describe(str(chosen), threads)["versions"],
        places={
            "data": _place(where.data),
            "cache": _place(where.cache),
            "weights": _place(Path(torch.hub.get_dir()) / "checkpoints"),
        },
        kept=len(kept),
        kept_bytes=sum(kept),
        jobs=jobs,
        threads=threads,
        timed=_timed(chosen),
        complaints=tuple(dict.fromkeys(" ".join(str(warning.message).split()) for warning in said)),
    )
    problems = (*_cuda_problems(diagnosis), *_load_problems(diagnosis), *_place_problems(diagnosis))
    return replace(diagnosis, problems=problems)


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """The diagnosis as plain data, bytes in whole numbers."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(diagnosis) | {"usable": diagnosis.usable}))
    return plain


def lines(diagnosis: Diagnosis) -> list[str]:
    """The diagnosis in words; the last lines are the problems, or say that there are none."""
    build, memory, problems = diagnosis.build, diagnosis.memory, diagnosis.problems
    limits = f"{diagnosis.affinity} by affinity, quota {diagnosis.quota or 'none'}"
    matrix = f"{build.capability}, mkldnn {'yes' if build.mkldnn else 'no'}, bf16 {', '.join(build.bf16) or 'no'}"
    told = [
        ("devices", "; ".join(_device_words(diagnosis))),
        ("cores", f"{diagnosis.cores}, {diagnosis.usable} usable ({limits})"),
        ("memory", f"{_size(memory.total)}, {_size(memory.available)} available, limit {_size(memory.limit, 'none')}"),
        ("torch", f"{build.version}, {build.platform} build; {matrix}"),
        ("versions", ", ".join(f"{name} {version or 'missing'}" for name, version in diagnosis.versions.items())),
        *((name, _place_words(place)) for name, place in diagnosis.places.items()),
        ("sources", f"{diagnosis.kept} trained ones kept in the cache, {_size(diagnosis.kept_bytes)}"),
        ("a run", f"on {diagnosis.device}: {_run_words(diagnosis)}"),
        ("timed", f"{_timed_words(diagnosis.timed)}; {TIMED}"),
        *(("problem", f"{problem.what}: {problem.mend}") for problem in problems),
    ]
    return [f"{name:9} {words}" for name, words in told] + ([] if problems else ["no problem found"])


def _device_words(diagnosis: Diagnosis) -> Iterator[str]:
    yield f"cpu {diagnosis.processor}"
    for number, card in enumerate(diagnosis.cards):
        yield f"cuda:{number} {card.name}, {_size(card.memory)}, compute capability {card.capability}"
    if diagnosis.mps:
        yield "mps"
    if not diagnosis.cards and not diagnosis.mps:
        yield "no CUDA or MPS device that torch can use"


def _place_words(place: Place) -> str:
    there = "there" if place.exists else "not there yet"
    return f"{place.path}: {there}, {'writable' if place.writable else 'not writable'}, {_size(place.free)} free"


def _run_words(diagnosis: Diagnosis) -> str:
    why = "one a core, faster than one with all threads" if diagnosis.device == "cpu" else "one an accelerator"
    return f"workers {diagnosis.jobs} ({why}), threads of each {diagnosis.threads} (the cores, shared out)"


def _timed(device: torch.device) -> Tuned:
    """What a step of `quick`'s network takes in each way that is open here."""
    form = forms.make({"name": "images", "size": TRIED_SIZE, "channels": 1})
    setup = Setup(networks.make(TRIED), form)
    return Tuning(setup, 0, TRIED_BATCH, TRIED_SEEDS)(Workspace(storage(None, download=False), device))


def _timed_words(timed: Tuned) -> str:
    ways = ", ".join(f"{name.replace(', ', ' ')} {took:.2f} ms" for name, took in timed.milliseconds.items())
    what = f"a step and seed of resnet:8 of width 8 at {TRIED_SIZE} pixels, batch {TRIED_BATCH}"
    return f"{what}: {ways}: chosen {timed.choice.name}"


def _size(count: int | None, unknown: str = "unknown") -> str:
    if count is None:
        return unknown
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / (1 << 20):.0f} MiB"


def _cards() -> tuple[Card, ...]:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cards = [torch.cuda.get_device_properties(number) for number in range(count)]
    return tuple(Card(card.name, card.total_memory, f"{card.major}.{card.minor}") for card in cards)


def _build() -> Build:
    cuda, rocm = torch.version.cuda, torch.version.hip
    platform = f"CUDA {cuda}" if cuda else f"ROCm {rocm}" if rocm else "CPU"
    rows = (line.partition(":") for line in text(machine.PROC / "cpuinfo").splitlines())
    flags = next((set(flags.split()) for name, _, flags in rows if name.strip() in ("flags", "Features")), set())
    mkldnn, capability = torch.backends.mkldnn.is_available(), torch.backends.cpu.get_cpu_capability()
    return Build(torch.__version__, platform, mkldnn, capability, tuple(sorted(flags & BF16_FLAGS)))


def _counts(path: Path) -> dict[str, int]:
    """The numbers of a file of names and numbers."""
    rows = (line.replace(":", " ").split() for line in text(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}


def _memory() -> Memory:
    known = _counts(machine.PROC / "meminfo")  # in KiB
    total = known["MemTotal"] * 1024 if "MemTotal" in known else None
    rooms, limits = [known["MemAvailable"] * 1024] if "MemAvailable" in known else [], []
    for group in groups():
        limit, used = text(group / "memory.max").strip(), text(group / "memory.current").strip()
        if limit.isdecimal() and used.isdecimal():
            limits.append(int(limit))
            given_back = _counts(group / "memory.stat").get("inactive_file", 0)  # page cache, dropped when needed
            rooms.append(max(0, int(limit) - int(used) + given_back))
    return Memory(total, min(rooms, default=None), min(limits, default=None))


def _place(path: Path) -> Place:
    """A folder, or what would be made where it is missing: then its nearest parent says whether it can be."""
    path = path.absolute()
    nearest = next(folder for folder in (path, *path.parents) if os.access(folder, os.F_OK))
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return Place(str(path), nearest == path, writable, shutil.disk_usage(nearest).free)


def _cuda_problems(diagnosis: Diagnosis) -> Iterator[Problem]:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1")
    if not diagnosis.cards and not hidden and (NVIDIA.exists() or shutil.which("nvidia-smi")):
        if diagnosis.build.platform == "CPU":
            yield Problem(
                f"an NVIDIA device is here, but torch {diagnosis.build.version} is a CPU build",
                "install a CUDA build of torch (https://pytorch.org/get-started/locally)",
            )
        else:
            mend = f"update its driver to one for {diagnosis.build.platform}, or install torch for an older CUDA"
            yield Problem("an NVIDIA device is here, but torch cannot use it", mend)
    for said in diagnosis.complaints:
        yield Problem(f"torch says: {said}", "install the build of torch for this device and driver")


def _load_problems(diagnosis: Diagnosis) -> Iterator[Problem]:
    if diagnosis.memory.available is not None and diagnosis.memory.available < GIB * diagnosis.jobs:
        left = _size(diagnosis.memory.available)
        what = f"{diagnosis.jobs} workers and {left} of memory available, less than 1 GiB each"
        fewer = diagnosis.memory.available // GIB
        yield Problem(what, f"run with --jobs {fewer}" if fewer else "free some memory, or raise the limit")
    for name in THREAD_VARIABLES:
        if (value := os.environ.get(name, str(diagnosis.threads))) != str(diagnosis.threads):
            what = f"{name} is {value}, and a run gives each worker {diagnosis.threads}"
            yield Problem(what, f"unset {name}; libraries that load before the run sets its own keep {value}")


def _place_problems(diagnosis: Diagnosis) -> Iterator[Problem]:
    cache = diagnosis.places["cache"]
    if not cache.writable:
        yield Problem(f"the cache {cache.path} is not writable", "set TLBENCH_CACHE to a folder that is")
    if cache.free < GIB:
        mend = "free some, or set TLBENCH_CACHE to a folder on another disk"
        yield Problem(f"the disk of the cache {cache.path} has {_size(cache.free)} left", mend)
