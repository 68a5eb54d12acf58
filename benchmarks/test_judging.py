"""What judging costs on 10^4 records: reading and judging them, rendering the report, comparing and gating."""

import os
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.big_run import SIDE, write_big_run
from tlbench.judging import HELD, Accepted, Demands, accepted_of, check_gate, read_accepted_or_run, report
from tlbench.judging.changes import Rule, changes
from tlbench.judging.verdict import Judged, judge_run

ROUNDS = 3


def test_judge(benchmark: BenchmarkFixture, big_run: Path) -> None:
    """Seconds from the folder to 1000 verdicts."""
    judged: Judged = benchmark.pedantic(judge_run, (big_run,), rounds=ROUNDS)
    assert len(judged.verdicts) == SIDE**3


@pytest.fixture(scope="module")
def judged(big_run: Path) -> Judged:
    """The big run, judged."""
    return judge_run(big_run)


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Accepted:
    """A replicate of it with another root seed, as accepted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # made-up records need not outlive a power cut
        return read_accepted_or_run(write_big_run(tmp_path_factory.mktemp("accepted"), root_seed=1))


def test_render(benchmark: BenchmarkFixture, judged: Judged) -> None:
    """Seconds from verdicts to the page, the markdown and the figures in the folder."""
    page: Path = benchmark.pedantic(report.render, (judged,), rounds=ROUNDS)
    assert page.is_file()


def test_compare(benchmark: BenchmarkFixture, accepted: Accepted, big_run: Path) -> None:
    """Seconds from the folder to what changed, against an accepted run at hand."""
    every = benchmark.pedantic(lambda: changes(accepted, read_accepted_or_run(big_run), Rule()), rounds=ROUNDS)
    assert len([change for change in every if change.axis == "gain"]) == SIDE**3


def test_gate(benchmark: BenchmarkFixture, accepted: Accepted, judged: Judged) -> None:
    """Seconds from verdicts to findings."""
    gate = benchmark.pedantic(check_gate, (accepted, judged, Rule(), Demands()), rounds=ROUNDS)
    assert gate.code == HELD


def test_accept(benchmark: BenchmarkFixture, judged: Judged) -> None:
    """Seconds from verdicts to what is committed."""
    assert len(benchmark.pedantic(accepted_of, (judged,), rounds=ROUNDS).cells) == SIDE**3
