"""The estimate of what is left: told when it can be trusted, learnt by kind, never nothing while jobs run."""

from collections.abc import Sequence

import pytest

from tlbench.engine.estimate import Estimate, in_words
from tlbench.engine.jobs import Job


def _job(label: str, seconds: float = 1.0, kind: str | None = None) -> Job:
    return Job(lambda _: None, label, seconds, kind=kind)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be moved."""
    moment = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: moment[0])
    return moment


def _do(estimate: Estimate, now: list[float], times: Sequence[float], first: int = 0) -> None:
    """One worker does jobs one after the other, which take so long."""
    for position, took in enumerate(times, first):
        estimate.watch(0, position, None)
        now[0] += took
        estimate.watch(0, position, took)


def test_it_learns_what_each_kind_takes(now: list[float]) -> None:
    estimate = Estimate([_job(label, 5.0) for label in ("fast", "slow") * 11])
    _do(estimate, now, [1.0, 9.0] * 10)
    assert estimate.seconds() == pytest.approx(10.0, abs=0.5)
    assert estimate.left() == "about 10 s left"


def test_a_kind_not_seen_yet_is_expected_as_the_others_turned_out(now: list[float]) -> None:
    estimate = Estimate([_job("long", 10.0), _job("long", 10.0), _job("short", 1.0)])
    _do(estimate, now, [20.0])
    assert estimate.seconds() == pytest.approx(22.0, rel=0.05)


def test_workers_share_what_is_left_and_the_longest_is_waited_for(now: list[float]) -> None:
    estimate = Estimate([_job("a", 10.0) for _ in range(5)])
    estimate.watch(0, 0, None)
    estimate.watch(1, 1, None)
    now[0] += 4.0
    assert estimate.seconds() == pytest.approx(6 + 10 + 10)  # three that wait cannot be halved
    now[0] += 6.0
    for worker in (0, 1):
        estimate.watch(worker, worker, 10.0)
        estimate.watch(worker, 2 + worker, None)
    now[0] += 9.0
    assert estimate.seconds() == pytest.approx(1 + 10)


def test_it_is_estimating_until_most_of_what_is_left_is_of_kinds_that_were_seen(now: list[float]) -> None:
    estimate = Estimate([_job("scores", 0.05)] * 2 + [_job("network", 10.0)] * 4)
    assert estimate.left() == "estimating"
    _do(estimate, now, [4.0])
    assert estimate.left() == "estimating"
    assert estimate.seconds() < 4 * 4 * 10  # 80 times its forecast, and yet next to nothing of the whole
    _do(estimate, now, [0.1, 100.0], first=1)
    assert estimate.left() == "about 5 min left"


def test_a_forecast_that_was_confirmed_is_told_of_other_kinds_too(now: list[float]) -> None:
    jobs = [_job("a", 10.0), _job("b", 10.0), _job("c", 10.0), _job("c", 10.0)]
    near, far, slow = Estimate(jobs), Estimate(jobs), Estimate(jobs)
    _do(near, now, [15.0])
    assert near.left() == "about 42 s left"  # 15 s of 10, and two more as forecast that keep it from learning too much
    _do(far, now, [30.0])
    assert far.left() == "estimating"
    _do(slow, now, [30.0, 40.0])
    assert slow.left() == "about 65 s left"  # a busy machine: all kinds are off alike
    _do(far, now, [4.0], first=1)
    assert far.left() == "about 33 s left"  # both together took 34 s of 20


def test_a_job_that_takes_far_longer_than_forecast_is_no_basis_for_a_number(now: list[float]) -> None:
    estimate = Estimate([_job("a", 10.0)] * 6)
    _do(estimate, now, [10.0, 10.0])
    estimate.watch(0, 2, None)
    now[0] += 12.0
    assert estimate.left() == "about 32 s left"
    now[0] += 20.0
    assert estimate.left() == "estimating"


def test_it_never_says_zero_while_jobs_run(now: list[float]) -> None:
    estimate = Estimate([_job("a", 1.0)] * 3)
    _do(estimate, now, [1.0, 1.0])
    estimate.watch(0, 2, None)
    now[0] += 0.9
    assert estimate.left() == "finishing"
    now[0] += 0.2
    assert estimate.left() == "finishing"
    estimate.watch(0, 2, 1.1)
    assert estimate.left() == ""


def test_a_worker_s_first_job_of_a_kind_counts_while_there_is_no_other(now: list[float]) -> None:
    estimate = Estimate([_job("a", 1.0)] * 12)
    _do(estimate, now, [11.0])
    assert estimate.seconds() > 80
    _do(estimate, now, [1.0], first=1)
    assert estimate.seconds() == pytest.approx(10.0, rel=0.15)


def test_jobs_of_one_label_and_another_kind_are_told_apart(now: list[float]) -> None:
    estimate = Estimate([_job("finetune", 1.0, "small")] * 8 + [_job("finetune", 1.0, "large")] * 4)
    _do(estimate, now, [1.0] * 7 + [1.0, 9.0, 9.0])
    assert estimate.seconds() == pytest.approx(18.0, rel=0.15)


def test_what_follows_is_part_of_what_is_left(now: list[float]) -> None:
    estimate = Estimate([_job("source", 10.0)] * 2, after=80.0)
    _do(estimate, now, [10.0])
    assert estimate.left() == "about 90 s left"
    unsure = Estimate([_job("source", 1.0)] * 2, after=80.0)
    _do(unsure, now, [1.0])
    assert unsure.left() == "estimating"


@pytest.mark.parametrize(
    ("seconds", "words"), [(1.2, "1 s"), (99.4, "99 s"), (100.0, "2 min"), (5999.0, "100 min"), (7200.0, "2.0 hours")]
)
def test_a_length_of_time_is_rounded(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
