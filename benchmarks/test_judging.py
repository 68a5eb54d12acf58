"""What judging costs on 10^4 records: reading and judging them, rendering the report."""

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.big_run import SIDE
from tlbench import report
from tlbench.verdict import Judged, judge_run

ROUNDS = 3


def test_judge(benchmark: BenchmarkFixture, big_run: Path) -> None:
    """Seconds from the folder to 1000 verdicts."""
    judged: Judged = benchmark.pedantic(judge_run, (big_run,), rounds=ROUNDS)
    assert len(judged.verdicts) == SIDE**3


@pytest.fixture(scope="module")
def judged(big_run: Path) -> Judged:
    """The big run, judged."""
    return judge_run(big_run)


def test_render(benchmark: BenchmarkFixture, judged: Judged) -> None:
    """Seconds from verdicts to the page, the markdown and the figures in the folder."""
    page: Path = benchmark.pedantic(report.render, (judged,), rounds=ROUNDS)
    assert page.is_file()
