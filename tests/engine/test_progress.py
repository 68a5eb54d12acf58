"""Progress: plain lines where nobody watches, bars where somebody does, and what is left."""

from collections.abc import Callable, Iterator, Sequence
from io import StringIO

from rich.console import Console

from tlbench.engine.jobs import Job, Watch
from tlbench.engine.progress import Progress


def _job(label: str, seconds: float = 1.0, count: int = 1) -> Job:
    return Job(lambda _: None, label, seconds, count)


def _run(n: int, workers: int = 1, took: float = 0.1) -> Callable[[Watch], Iterator[tuple[int, int]]]:
    def run(watch: Watch) -> Iterator[tuple[int, int]]:
        for position in range(n):
            watch(position % workers, position, None)
            watch(position % workers, position, took)
            yield position, position

    return run


def _lines(jobs: Sequence[Job]) -> list[str]:
    out = StringIO()
    assert len(list(Progress(Console(file=out, width=200)).track("trials", jobs, _run(len(jobs))))) == len(jobs)
    return out.getvalue().splitlines()


def test_plain_lines_say_how_many_are_done() -> None:
    lines = _lines([_job("a")] * 20)
    assert len(lines) == 10
    assert lines[0] == "trials: 2 of 20 done, about 3 s left"
    assert lines[-2] == "trials: 18 of 20 done, finishing"
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
