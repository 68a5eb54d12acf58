"""The doctor: a sane machine has no problem, each problem is found and told with its mend, and JSON is plain."""

import json
import os
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tlbench import processes as machines
from tlbench.cli import doctor
from tlbench.cli.doctor import Card, Problem, as_json, examine, lines
from tlbench.engine import executor
from tlbench.engine.tuning import Tuned
from tlbench.processes import THREAD_VARIABLES, usable_cores
from tlbench.trials.choice import Choice

GIB = doctor.GIB


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sane machine of four cores, 16 GiB and no accelerator: its `proc` and `cgroup` lie in the path given."""
    groups = tmp_path / "cgroup"
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (groups / "slice" / "job").mkdir(parents=True)
    (tmp_path / "proc" / "cpuinfo").write_text("processor : 0\nflags : fpu avx512_bf16 amx_bf16\n")
    (tmp_path / "proc" / "meminfo").write_text(f"MemTotal: {16 << 20} kB\nMemAvailable: {12 << 20} kB\n")
    (tmp_path / "proc" / "self" / "cgroup").write_text("1:cpu:/old\n0::/slice/job\n")
    monkeypatch.setattr(machines, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machines, "CGROUPS", groups)
    monkeypatch.setattr(doctor, "NVIDIA", tmp_path / "nvidia0")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50 * GIB))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    timed = Tuned(Choice(together=True, channels_last=True), {"apart": 2.5, "together, channels_last": 0.8})
    monkeypatch.setattr(doctor, "_timed", lambda _: timed)
    _run(monkeypatch, jobs=4, threads=1)
    for name in (*THREAD_VARIABLES, "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _run(monkeypatch: pytest.MonkeyPatch, jobs: int, threads: int) -> None:
    monkeypatch.setattr(doctor, "default_jobs", lambda _: jobs)
    monkeypatch.setattr(doctor, "default_threads", lambda _: threads)


def _problem() -> Problem:
    """The one problem of this machine, which the lines tell."""
    found = examine()
    (problem,) = found.problems
    assert lines(found)[-1] == f"problem   {problem.what}: {problem.mend}"
    return problem


def _built(monkeypatch: pytest.MonkeyPatch, cuda: str | None, hip: str | None = None) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)


@pytest.mark.usefixtures("machine")
def test_a_sane_machine_has_no_problem() -> None:
    found = examine()
    assert found.problems == ()
    assert lines(found)[-1] == "no problem found"


def test_what_is_here_is_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _built(monkeypatch, None)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    kept = machine / "cache" / "sources"
    kept.mkdir(parents=True)
    (kept / "a.safetensors").write_bytes(b"x" * (3 << 20))
    (kept / "b.safetensors").write_bytes(b"x")
    (kept / "c.safetensors.1.partial").write_bytes(b"x")
    told = dict(zip(*_columns(lines(examine())), strict=True))
    assert told["devices"].endswith("; no CUDA or MPS device that torch can use")
    assert told["cores"] == "4, 4 usable (4 by affinity, quota none)"
    assert told["memory"] == "16.0 GiB, 12.0 GiB available, limit none"
    assert told["torch"] == f"{torch.__version__}, CPU build; AVX512, mkldnn yes, bf16 amx_bf16, avx512_bf16"
    assert f"torch {torch.__version__.partition('+')[0]}" in told["versions"]
    assert told["cache"] == f"{machine / 'cache'}: there, writable, 50.0 GiB free"
    assert told["data"] == f"{machine / 'data'}: not there yet, writable, 50.0 GiB free"
    assert told["sources"] == "2 trained ones kept in the cache, 3 MiB"
    run = "workers 4 (one a core, faster than one with all threads), threads of each 1 (the cores, shared out)"
    assert told["a run"] == f"on cpu: {run}"
    assert "apart 2.50 ms, together channels_last 0.80 ms: chosen together, channels_last; a run times" in told["timed"]


def _columns(told: list[str]) -> tuple[list[str], list[str]]:
    return [line[:9].strip() for line in told], [line[10:] for line in told]


@pytest.mark.usefixtures("machine")
def test_the_findings_are_plain_json() -> None:
    found = examine()
    plain = as_json(found)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["places"]["cache"]["writable"] is True
    assert plain["memory"] == {"total": 16 * GIB, "available": 12 * GIB, "limit": None}
    assert (plain["usable"], plain["problems"]) == (4, [])


def test_the_ways_are_timed_here() -> None:
    timed = doctor._timed(torch.device("cpu"))
    assert timed.choice.name in timed.milliseconds
    assert min(timed.milliseconds.values()) > 0


def test_nothing_is_written(machine: Path) -> None:
    before = sorted(machine.rglob("*"))
    examine()
    assert sorted(machine.rglob("*")) == before


def test_cards_are_described_and_take_one_worker(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "nvidia0").touch()
    card = SimpleNamespace(name="Card", total_memory=80 * GIB, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    _run(monkeypatch, jobs=1, threads=4)
    found = examine()
    assert (found.cards, found.problems) == ((Card("Card", 80 * GIB, "9.0"),), ())
    assert "cuda:0 Card, 80.0 GiB, compute capability 9.0" in lines(found)[0]
    assert any("on cuda: workers 1 (one an accelerator)" in line for line in lines(found))


@pytest.mark.usefixtures("machine")
def test_an_apple_device_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    found = examine()
    assert (found.device, found.mps) == ("mps", True)
    assert lines(found)[0].endswith("; mps")


@pytest.mark.parametrize("sign", ["device file", "nvidia-smi"])
def test_a_cpu_build_beside_a_card_is_a_problem(sign: str, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sign == "nvidia-smi":
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    else:
        (machine / "nvidia0").touch()
    _built(monkeypatch, None)
    problem = _problem()
    assert problem.what == f"an NVIDIA device is here, but torch {torch.__version__} is a CPU build"
    assert problem.mend.startswith("install a CUDA build of torch")


def test_a_card_that_torch_cannot_use_is_a_problem(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "nvidia0").touch()
    _built(monkeypatch, "13.2")
    problem = _problem()
    assert problem.what == "an NVIDIA device is here, but torch cannot use it"
    assert problem.mend == "update its driver to one for CUDA 13.2, or install torch for an older CUDA"


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_card_is_no_problem(hidden: str, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "nvidia0").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert examine().problems == ()


@pytest.mark.usefixtures("machine")
def test_what_torch_complains_of_is_told_once_and_does_not_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    def complain() -> bool:
        warnings.warn("the driver\n is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", complain)
    assert _problem().what == "torch says: the driver is too old"


@pytest.mark.parametrize(("quota", "usable"), [("200000 100000", 2), ("50000 100000", 1), ("150000 100000", 2)])
@pytest.mark.parametrize("group", ["slice/job", "slice", "."])
def test_a_quota_limits_the_cores(group: str, quota: str, usable: int, machine: Path) -> None:
    (machine / "cgroup" / "slice" / "job" / "cpu.max").write_text("max 100000\n")
    (machine / "cgroup" / group / "cpu.max").write_text(f"{quota}\n")
    assert usable_cores() == examine().usable == usable
    assert executor.default_jobs(torch.device("cpu")) == usable


@pytest.mark.usefixtures("machine")
def test_affinity_limits_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert usable_cores() == 1


def test_a_quota_above_the_cores_is_no_problem(machine: Path) -> None:
    (machine / "cgroup" / "cpu.max").write_text("800000 100000\n")
    found = examine()
    assert (found.usable, found.quota, found.problems) == (4, 8.0, ())


@pytest.mark.parametrize(
    ("available", "mend"), [(3 << 20, "run with --jobs 3"), (1 << 19, "free some memory, or raise the limit")]
)
def test_more_workers_than_memory_is_a_problem(available: int, mend: str, machine: Path) -> None:
    (machine / "proc" / "meminfo").write_text(f"MemTotal: {16 << 20} kB\nMemAvailable: {available} kB\n")
    problem = _problem()
    assert problem.what.startswith("4 workers and ")
    assert problem.mend == mend


def test_the_control_groups_memory_counts_and_its_page_cache_does_not(machine: Path) -> None:
    group = machine / "cgroup" / "slice"
    (group / "memory.max").write_text(f"{5 * GIB}\n")
    (group / "memory.current").write_text(f"{4 * GIB}\n")
    (group / "memory.stat").write_text(f"anon {GIB}\ninactive_file {GIB}\n")
    found = examine()
    assert (found.memory.limit, found.memory.available) == (5 * GIB, 2 * GIB)
    assert found.problems == (
        Problem("4 workers and 2.0 GiB of memory available, less than 1 GiB each", "run with --jobs 2"),
    )


def test_a_system_without_proc_leaves_memory_unknown(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "PROC", machine / "nowhere")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    found = examine()
    assert (found.memory.total, found.memory.available, found.affinity, found.problems) == (None, None, 4, ())
    assert "memory    unknown, unknown available, limit none" in lines(found)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("name", THREAD_VARIABLES)
def test_a_thread_variable_set_to_something_else_is_a_problem(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    assert examine().problems == ()
    monkeypatch.setenv(name, "8")
    problem = _problem()
    assert problem.what == f"{name} is 8, and a run gives each worker 1"
    assert problem.mend.startswith(f"unset {name};")


def test_a_cache_that_cannot_be_written_is_a_problem(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and access(path, mode))
    assert _problem() == Problem(
        f"the cache {machine / 'cache'} is not writable", "set TLBENCH_CACHE to a folder that is"
    )


def test_a_cache_that_is_a_file_is_a_problem(machine: Path) -> None:
    (machine / "cache").write_text("not a folder")
    assert _problem().what == f"the cache {machine / 'cache'} is not writable"


def test_a_full_disk_is_a_problem(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 << 20))
    problem = _problem()
    assert problem.what == f"the disk of the cache {machine / 'cache'} has 5 MiB left"
    assert "TLBENCH_CACHE" in problem.mend


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("cuda", "hip", "expected"), [("13.2", None, "CUDA 13.2"), (None, "7.0", "ROCm 7.0"), (None, None, "CPU")]
)
def test_the_build_is_named(cuda: str | None, hip: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _built(monkeypatch, cuda, hip)
    assert examine().build.platform == expected


def test_an_arm_processors_flags_are_read(machine: Path) -> None:
    (machine / "proc" / "cpuinfo").write_text("processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n")
    assert examine().build.bf16 == ("bf16",)
