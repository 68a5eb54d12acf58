"""Workers: results as they come, errors in a line, nobody left behind."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from tlbench.errors import TlbenchError
from tlbench.executor import Engine, Pool
from tlbench.workers import FORKED, THREAD_VARIABLES, default_threads
from tlbench.workspace import Workspace


def _pid(_: Workspace) -> int:
    return os.getpid()


def _bad(_: Workspace) -> int:
    raise TlbenchError("told")


def _start(_: Workspace) -> tuple[dict[str, str | None], int, int]:
    """The thread variables, torch's threads, and fresh pages (4 KB) asked for by a tensor's second coming."""
    torch.ones(1 << 21)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 21)
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return {name: os.environ.get(name) for name in THREAD_VARIABLES}, torch.get_num_threads(), pages


def _killed(_: Workspace) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_one_job_is_done_here(workspace: Workspace) -> None:
    with Pool(Engine("cpu", 1, 1), workspace) as pool:
        assert list(pool.run([_pid, _pid])) == [(0, os.getpid()), (1, os.getpid())]


def test_several_jobs_are_done_elsewhere_by_workers_that_stay(workspace: Workspace) -> None:
    with Pool(Engine("cpu", 2, 1), workspace) as pool:
        first = dict(pool.run([_pid] * 6))
        second = dict(pool.run([_pid] * 6))
    assert set(first) == set(range(6))
    assert os.getpid() not in first.values()
    assert set(second.values()) <= set(first.values()) | set(second.values())
    assert len(set(first.values()) | set(second.values())) <= 2


def test_an_error_in_a_worker_is_the_callers(workspace: Workspace) -> None:
    with pytest.raises(TlbenchError, match="told"), Pool(Engine("cpu", 2, 1), workspace) as pool:
        list(pool.run([_bad]))


def test_a_killed_worker_is_told_in_a_line(workspace: Workspace) -> None:
    with (
        pytest.raises(TlbenchError, match=r"a worker was killed.*fewer --jobs"),
        Pool(Engine("cpu", 2, 1), workspace) as pool,
    ):
        list(pool.run([_killed]))


def test_workers_start_with_their_threads_and_keep_their_memory(workspace: Workspace) -> None:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    with Pool(Engine("cpu", 2, 1), workspace) as pool:
        found = [result for _, result in pool.run([_start, _start])]
    for variables, threads, pages in found:
        assert threads == 1
        assert not FORKED or set(variables.values()) == {str(default_threads(2))}
        assert not FORKED or pages < 100  # of the 2,048 that the tensor has
    assert not FORKED or before == {name: os.environ.get(name) for name in THREAD_VARIABLES}


def test_threads_share_the_cores() -> None:
    assert default_threads(10**6) == 1


def test_workers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent("""
        import os, sys, time
        from pathlib import Path
        import torch
        from tlbench.dataset import Storage
        from tlbench.executor import Engine, Pool
        from tlbench.workspace import Workspace

        def stay(_):
            Path(sys.argv[1], str(os.getpid())).touch()
            time.sleep(60)

        if __name__ == "__main__":
            place = Workspace(Storage(Path("."), Path(".")), torch.device("cpu"))
            with Pool(Engine("cpu", 2, 1), place) as pool:
                list(pool.run([stay, stay]))
        """)
    )
    pids = tmp_path / "pids"
    pids.mkdir()
    with subprocess.Popen([sys.executable, str(script), str(pids)]) as parent:
        deadline = time.monotonic() + 60
        while len(list(pids.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        parent.kill()
    workers = [int(path.name) for path in pids.iterdir()]
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in workers)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
