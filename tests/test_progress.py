"""Progress: plain lines where nobody watches, and an estimate by kind of job."""

from io import StringIO

import pytest
from rich.console import Console

from tlbench.progress import Estimate, Expected, Progress


def test_plain_lines_say_how_many_are_done() -> None:
    out = StringIO()
    progress = Progress(Console(file=out, width=200))
    results = list(progress.track("trials", [Expected("a", 1.0)] * 20, iter([(i, i) for i in range(20)])))
    assert [position for position, _ in results] == list(range(20))
    lines = out.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("trials: 2 of 20 done, about ")
    assert lines[-1] == "trials: 20 of 20 done"


def test_a_terminal_gets_a_bar() -> None:
    out = StringIO()
    progress = Progress(Console(file=out, force_terminal=True, width=100))
    assert len(list(progress.track("trials", [Expected("a", 1.0)] * 3, iter([(i, i) for i in range(3)])))) == 3
    assert "trials" in out.getvalue()


def test_nothing_to_do_says_nothing() -> None:
    out = StringIO()
    assert list(Progress(Console(file=out)).track("trials", [], iter([]))) == []
    assert out.getvalue() == ""


def test_markup_in_names_is_shown_as_it_is() -> None:
    out = StringIO()
    Progress(Console(file=out)).say("[red]name[/red]")
    assert out.getvalue() == "[red]name[/red]\n"


def test_the_estimate_knows_that_kinds_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    estimate = Estimate([Expected(label, 5.0) for label in ("fast", "slow", "fast", "slow")])
    for position, spent in ((0, 1.0), (1, 9.0)):
        now[0] += spent
        estimate.done(position)
    assert estimate.seconds() == pytest.approx(10.0)
    assert estimate.left() == "about 10 s left"


def test_a_kind_not_seen_yet_is_expected_as_the_others_turned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    estimate = Estimate([Expected("long", 10.0), Expected("long", 10.0), Expected("short", 1.0)])
    now[0] += 20.0
    estimate.done(0)
    assert estimate.seconds() == pytest.approx(22.0)


def test_a_job_may_count_for_several() -> None:
    out = StringIO()
    jobs = [Expected("a", 1.0, 5), Expected("b", 1.0, 10)]
    assert len(list(Progress(Console(file=out, width=200)).track("trials", jobs, iter([(0, 0), (1, 1)])))) == 2
    assert out.getvalue().splitlines()[0].startswith("trials: 5 of 15 done")
