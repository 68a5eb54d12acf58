"""Progress: plain lines where nobody watches, bars where somebody does, and an estimate by kind of job."""

from collections.abc import Callable, Iterator, Sequence
from io import StringIO

import pytest
from rich.console import Console

from tlbench.engine.jobs import Job, Watch
from tlbench.engine.progress import Estimate, Progress


def _job(label: str, seconds: float = 1.0, count: int = 1) -> Job:
    return Job(lambda _: None, label, seconds, count)


def _run(n: int, workers: int = 1) -> Callable[[Watch], Iterator[tuple[int, int]]]:
    def run(watch: Watch) -> Iterator[tuple[int, int]]:
        for position in range(n):
            watch(position % workers, position, None)
            watch(position % workers, position, 0.1)
            yield position, position

    return run


def _lines(jobs: Sequence[Job]) -> list[str]:
    out = StringIO()
    assert len(list(Progress(Console(file=out, width=200)).track("trials", jobs, _run(len(jobs))))) == len(jobs)
    return out.getvalue().splitlines()


def test_plain_lines_say_how_many_are_done() -> None:
    lines = _lines([_job("a")] * 20)
    assert len(lines) == 10
    assert lines[0].startswith("trials: 2 of 20 done, about ")
    assert lines[-1] == "trials: 20 of 20 done"


def test_a_terminal_gets_a_bar_for_all_and_one_a_worker() -> None:
    out = StringIO()
    progress = Progress(Console(file=out, force_terminal=True, width=100))
    found = list(progress.track("trials", [_job("[b]last_k[/b]")] * 6, _run(6, workers=2)))
    assert [position for position, _ in found] == list(range(6))
    for text in ("trials", "6/6", "worker 1", "worker 2", "3/6", "[b]last_k[/b]"):
        assert text in out.getvalue()


def test_nothing_to_do_says_nothing() -> None:
    assert _lines([]) == []


def test_markup_in_names_is_shown_as_it_is() -> None:
    out = StringIO()
    Progress(Console(file=out)).say("[red]name[/red]")
    assert out.getvalue() == "[red]name[/red]\n"


def test_a_job_may_count_for_several() -> None:
    assert _lines([_job("a", count=5), _job("b", count=10)])[0].startswith("trials: 5 of 15 done")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be moved."""
    moment = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: moment[0])
    return moment


def test_the_estimate_learns_what_each_kind_takes(now: list[float]) -> None:
    estimate = Estimate([_job(label, 5.0) for label in ("fast", "slow") * 11])
    for position in range(20):
        estimate.watch(0, position, None)
        took = 1.0 if position % 2 == 0 else 9.0
        now[0] += took
        estimate.watch(0, position, took)
    assert estimate.seconds() == pytest.approx(10.0, abs=0.5)
    assert estimate.left() == "about 10 s left"


def test_a_kind_not_seen_yet_is_expected_as_the_others_turned_out(now: list[float]) -> None:
    estimate = Estimate([_job("long", 10.0), _job("long", 10.0), _job("short", 1.0)])
    estimate.watch(0, 0, None)
    now[0] += 20.0
    estimate.watch(0, 0, 20.0)
    assert estimate.seconds() == pytest.approx(22.0)


def test_workers_share_what_is_left_and_the_longest_is_waited_for(now: list[float]) -> None:
    estimate = Estimate([_job("a", 10.0) for _ in range(4)])
    estimate.watch(0, 0, None)
    estimate.watch(1, 1, None)
    now[0] += 4.0
    assert estimate.seconds() == pytest.approx((6 + 6 + 10 + 10) / 2)
    now[0] += 6.0
    estimate.watch(0, 0, 10.0)
    estimate.watch(1, 1, 10.0)
    estimate.watch(1, 2, None)
    now[0] += 9.0
    estimate.watch(0, 3, None)
    assert estimate.seconds() == pytest.approx(10.0)
