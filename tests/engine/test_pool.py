"""Workers: results as they come, errors in a line, nobody left behind."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch

from tlbench.engine.executor import Engine, default_jobs
from tlbench.engine.jobs import Job, Work
from tlbench.engine.pool import WorkerPool, WorkerProcess, chosen, device_of
from tlbench.errors import TlbenchError
from tlbench.processes import FORKED, THREAD_VARIABLES, default_threads
from tlbench.workspace import Workspace


def _pid(_: Workspace) -> int:
    return os.getpid()


def _jobs(*work: Work) -> list[Job]:
    return [Job(one, "", 1.0) for one in work]


def _busy(_: Workspace) -> int:
    time.sleep(0.05)
    return os.getpid()


def _echo(number: int, _: Workspace) -> int:
    return number


def _bad(_: Workspace) -> int:
    raise TlbenchError("told")


def _start(_workspace: Workspace) -> tuple[dict[str, str | None], int, int]:
    """The thread variables, torch's threads, and fresh pages (4 KB) asked for by a tensor's fourth coming."""
    for _ in range(3):
        torch.ones(1 << 21)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 21)
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return {name: os.environ.get(name) for name in THREAD_VARIABLES}, torch.get_num_threads(), pages


def _killed(_: Workspace) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_one_job_is_done_here(workspace: Workspace) -> None:
    with WorkerPool(Engine("cpu", 1, 1), workspace) as pool:
        assert list(pool.run(_jobs(_pid, _pid))) == [(0, os.getpid()), (1, os.getpid())]


def test_several_jobs_are_done_elsewhere_by_workers_that_stay(workspace: Workspace) -> None:
    with WorkerPool(Engine("cpu", 2, 1), workspace) as pool:
        first = dict(pool.run(_jobs(*[_pid] * 6)))
        second = dict(pool.run(_jobs(*[_pid] * 6)))
    assert set(first) == set(range(6))
    assert os.getpid() not in first.values()
    assert set(second.values()) <= set(first.values()) | set(second.values())
    assert len(set(first.values()) | set(second.values())) <= 2


def _given(jobs: list[Job], turns: list[int]) -> list[int]:
    """The jobs in the order in which workers that ask in these turns are given them."""
    workers = [WorkerProcess(number, ProcessPoolExecutor(1)) for number in range(2)]  # starts no process
    left, found = list(range(len(jobs))), []
    for turn in turns:
        found.append(chosen(workers[turn], workers, left, jobs))
        left.remove(found[-1])
        workers[turn].shared.add(jobs[found[-1]].shares)
    return found


def test_what_is_shared_goes_to_the_worker_that_has_it() -> None:
    jobs = [Job(_busy, "", 1.0, shares=kind) for kind in "abcabc"]
    assert _given(jobs, [0, 1, 1, 0, 1, 0]) == [0, 1, 4, 3, 2, 5]


def test_a_much_longer_one_goes_first_and_a_later_block_last() -> None:
    jobs = [Job(_busy, "", seconds, shares=kind) for seconds, kind in ((9.0, "a"), (9.0, "b"), (1.0, "a"))]
    assert _given(jobs, [0, 0, 0]) == [0, 1, 2]
    assert _given([*jobs[:1], Job(_busy, "", 9.0, shares="b"), Job(_busy, "", 9.0, shares="a", block=1)], [0, 0]) == [
        0,
        1,
    ]


def test_jobs_are_told_when_they_begin_and_what_they_took(workspace: Workspace) -> None:
    jobs = [Job(_busy, "", seconds, shares=i % 2) for i, seconds in enumerate([9.0, 8.0, 7.0, 6.0, 1.0])]
    told: list[tuple[int, int, float | None]] = []
    with WorkerPool(Engine("cpu", 2, 1), workspace) as pool:
        assert {i for i, _ in pool.run(jobs, lambda *one: told.append(one))} == set(range(5))
    begun = [(worker, position) for worker, position, took in told if took is None]
    done = {(worker, position): took for worker, position, took in told if took is not None}
    assert {position for _, position in begun[:2]} == {0, 1}
    assert 4 in {position for _, position in begun[3:]}
    assert set(done) == set(begun)
    assert len(begun) == 5
    assert min(done.values()) >= 0.05


def test_results_come_with_their_own_position(workspace: Workspace) -> None:
    """Also where several of a worker's are done before anybody looks."""
    with WorkerPool(Engine("cpu", 2, 1), workspace) as pool:
        found = []
        for position, result in pool.run([Job(partial(_echo, number), "", 1.0) for number in range(40)]):
            time.sleep(0.01)
            found.append((position, result))
    assert sorted(found) == [(number, number) for number in range(40)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_threads_are_the_engines_within_and_the_callers_after(jobs: int, workspace: Workspace) -> None:
    torch.set_num_threads(2)
    with WorkerPool(Engine("cpu", jobs, 1), workspace) as pool:
        assert torch.get_num_threads() == 1
        assert [threads for _, (_, threads, _) in pool.run(_jobs(_start))] == [1]
    assert torch.get_num_threads() == 2
    with pytest.raises(TlbenchError, match="told"), WorkerPool(Engine("cpu", jobs, 1), workspace) as pool:
        list(pool.run(_jobs(_bad)))
    assert torch.get_num_threads() == 2


def test_what_is_cancelled_ends(workspace: Workspace) -> None:
    pool = WorkerPool(Engine("cpu", 2, 1), workspace)
    with pool:
        pids = {pid for _, pid in pool.run(_jobs(_busy, _busy, _busy))}
        pool.cancel()
        deadline = time.monotonic() + 20
        while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(_alive(pid) for pid in pids)


def test_an_error_in_a_worker_is_the_callers(workspace: Workspace) -> None:
    with pytest.raises(TlbenchError, match="told"), WorkerPool(Engine("cpu", 2, 1), workspace) as pool:
        list(pool.run(_jobs(_bad)))


def test_a_killed_worker_is_told_in_a_line(workspace: Workspace) -> None:
    with (
        pytest.raises(TlbenchError, match=r"a worker was killed.*fewer jobs"),
        WorkerPool(Engine("cpu", 2, 1), workspace) as pool,
    ):
        list(pool.run(_jobs(_killed)))


def test_workers_start_with_their_threads_and_keep_their_memory(workspace: Workspace) -> None:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    with WorkerPool(Engine("cpu", 2, 1), workspace) as pool:
        found = [result for _, result in pool.run(_jobs(_start, _start))]
    for variables, threads, pages in found:
        assert threads == 1
        assert not FORKED or set(variables.values()) == {str(default_threads(2))}
        assert not FORKED or pages < 100  # of the 2,048 that the tensor has
    assert not FORKED or before == {name: os.environ.get(name) for name in THREAD_VARIABLES}


@pytest.mark.parametrize(
    ("device", "cards", "jobs", "devices"),
    [
        ("cuda", 2, 2, ["cuda:0", "cuda:1", "cuda:0"]),
        ("cuda", 1, 1, ["cuda", "cuda", "cuda"]),
        ("cuda:1", 2, 1, ["cuda:1", "cuda:1", "cuda:1"]),
        ("mps", 0, 1, ["mps", "mps", "mps"]),
    ],
)
def test_a_worker_a_card(
    device: str, cards: int, jobs: int, devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    assert default_jobs(torch.device(device)) == jobs
    assert [device_of(device, worker) for worker in range(3)] == devices


def test_threads_share_the_cores() -> None:
    assert default_threads(10**6) == 1


def test_workers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "staying.py").write_text(
        textwrap.dedent("""
        import os, time
        from pathlib import Path

        def stay(folder, _):
            Path(folder, str(os.getpid())).touch()
            time.sleep(60)
        """)
    )
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent("""
        import sys
        from functools import partial
        from pathlib import Path
        import torch
        from staying import stay
        from tlbench.engine import Engine, Job, WorkerPool
        from tlbench.workspace import Storage, Workspace

        if __name__ == "__main__":
            place = Workspace(Storage(Path("."), Path(".")), torch.device("cpu"))
            with WorkerPool(Engine("cpu", 2, 1), place) as pool:
                list(pool.run([Job(partial(stay, sys.argv[1]), "", 1.0)] * 2))
        """)
    )
    pids = tmp_path / "pids"
    pids.mkdir()
    places = {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))}
    with subprocess.Popen([sys.executable, str(script), str(pids)], env=os.environ | places) as parent:
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
