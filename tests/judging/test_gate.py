"""The gate: what fails it, what it only tells, and in which order exit codes go."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.synthetic import BASELINE, around, cell, control, rising, write_arm, write_failure, write_run
from tlbench.errors import TlbenchError
from tlbench.judging import gate as gates
from tlbench.judging.accepted import Accepted, accepted_of
from tlbench.judging.changes import Rule
from tlbench.judging.gate import Demands, Gate
from tlbench.judging.verdict import Judged, judge_run

N = 10
RULE = Rule()
PATH = cell("near").path
CELLS = [cell("near"), cell("far"), control("null", "unflagged")]


def run(folder: Path, *, shift: float = 0.0, base: float = 0.0, seed: int = 0, cells: Any = CELLS) -> Judged:
    """A run whose near arm is shifted, whose baseline is, and whose noise is the seed's."""
    random = np.random.default_rng(seed)
    write_run(folder, cells, N)
    levels = [float(level) for level in 0.6 + base + random.normal(0, 0.005, N)]
    write_arm(folder, BASELINE, levels, rising(0.1, 0.6 + base))
    for planned in cells:
        gain = {"near": 0.05 + shift, "far": -0.1}.get(planned.source.label, 0.0) - base
        own = [level + gain + float(noise) for level, noise in zip(levels, random.normal(0, 0.005, N), strict=True)]
        write_arm(folder, planned.path, own, rising(0.2, 0.7))
    return judge_run(folder)


@pytest.fixture
def accepted(tmp_path: Path) -> Accepted:
    return accepted_of(run(tmp_path / "accepted"))


def check(accepted: Accepted, judged: Judged, **demands: Any) -> Gate:
    return gates.check_gate(accepted, judged, RULE, Demands(**demands))


def kinds(gate: Gate, *, failing: bool = True) -> set[tuple[str, str, str]]:
    return {(f.kind, f.axis, f.path) for f in gate.findings if bool(f.code) == failing}


def test_the_same_run_is_held_without_statistics(accepted: Accepted, tmp_path: Path) -> None:
    gate = check(accepted, run(tmp_path / "b"))
    assert (gate.code, gate.findings) == (0, [])
    assert {one.word for one in gate.changes} == {"unchanged"}
    assert gate.sees() == {}


def test_noise_is_held_and_what_could_be_seen_is_told(accepted: Accepted, tmp_path: Path) -> None:
    gate = check(accepted, run(tmp_path / "b", seed=1))
    assert gate.code == 0
    told = "\n".join(gate.lines("x.json"))
    assert "gate synthetic: held (exit 0), against x.json" in told
    assert "gain: the smallest drop it can see (power 0.8) is " in told
    assert "both runs need a timing pass" in told


def test_a_drop_fails_and_names_the_cell(accepted: Accepted, tmp_path: Path) -> None:
    gate = check(accepted, run(tmp_path / "b", seed=1, shift=-0.04))
    assert gate.code == 1
    assert kinds(gate) == {("regression", "gain", PATH), ("regression", "accuracy", PATH)}
    assert "regression: glyphs-n40/near/finetune (gain): +4.8 -> +0.9, -3.9 [" in gate.findings[0].line()
    assert "NOT HELD" in gate.lines("x.json")[0]


def test_a_better_baseline_is_not_worse_transfer(accepted: Accepted, tmp_path: Path) -> None:
    gate = check(accepted, run(tmp_path / "b", seed=1, base=0.04))
    assert gate.code == 0
    told = kinds(gate, failing=False)
    assert ("better baseline", "gain", PATH) in told
    assert ("rose", "accuracy", BASELINE) in told


def test_a_worse_baseline_fails_by_itself(accepted: Accepted, tmp_path: Path) -> None:
    gate = check(accepted, run(tmp_path / "b", seed=1, base=-0.04))
    assert ("regression", "accuracy", BASELINE) in kinds(gate)


def test_slower_learning_fails_on_convergence(accepted: Accepted, tmp_path: Path) -> None:
    run(tmp_path / "b", seed=1)
    random = np.random.default_rng(2)
    own = [0.65 + float(noise) for noise in random.normal(0, 0.005, N)]
    write_arm(tmp_path / "b", PATH, own, rising(0.1, 0.6))
    assert ("regression", "convergence", PATH) in kinds(check(accepted, judge_run(tmp_path / "b")))


def test_a_removed_cell_fails_unless_it_is_allowed(accepted: Accepted, tmp_path: Path) -> None:
    judged = run(tmp_path / "b", cells=CELLS[1:])
    gate = check(accepted, judged)
    assert (gate.code, kinds(gate)) == (1, {("missing", "gain", PATH)})
    assert check(accepted, judged, allowed=(PATH,)).code == 0
    with pytest.raises(
        TlbenchError, match=r"unknown cell of the accepted file 'glyphs-n40/near/finetun': did you mean"
    ):
        check(accepted, judged, allowed=("glyphs-n40/near/finetun",))


def test_a_new_cell_is_told(accepted: Accepted, tmp_path: Path) -> None:
    gate = check(accepted, run(tmp_path / "b", cells=[*CELLS, cell("mid")]))
    assert gate.code == 0
    assert ("new", "gain", cell("mid").path) in kinds(gate, failing=False)


def test_a_control_is_not_gated_for_its_gain(accepted: Accepted, tmp_path: Path) -> None:
    run(tmp_path / "b")
    write_arm(tmp_path / "b", cell("null").path, around(0.3, 0.01, N), rising())
    gate = check(accepted, judge_run(tmp_path / "b"))
    assert gate.code == 0
    assert ("control", "", cell("null").path) in kinds(gate, failing=False)


def test_failed_trials_ask_for_three_and_a_regression_goes_before(accepted: Accepted, tmp_path: Path) -> None:
    run(tmp_path / "b", seed=1)
    write_failure(tmp_path / "b", cell("far").path, 0, "ValueError: nan")
    gate = check(accepted, judge_run(tmp_path / "b"))
    assert gate.code == 3
    assert "1 diverged or collapsed (seeds 0), 0 when accepted" in gate.findings[0].line()
    run(tmp_path / "b", seed=1, shift=-0.04)
    write_failure(tmp_path / "b", cell("far").path, 0)
    assert check(accepted, judge_run(tmp_path / "b")).code == 1


def test_failures_that_were_accepted_do_not_fail(tmp_path: Path) -> None:
    run(tmp_path / "b")
    write_failure(tmp_path / "b", PATH, 0)
    judged = judge_run(tmp_path / "b")
    assert check(accepted_of(judged), judged).code == 0


def test_a_negative_cell_fails_where_that_is_asked(accepted: Accepted, tmp_path: Path) -> None:
    judged = run(tmp_path / "b")
    assert check(accepted, judged).code == 0
    gate = check(accepted, judged, fail_on_negative=True)
    assert (gate.code, kinds(gate)) == (1, {("negative", "", cell("far").path)})


def test_an_undecided_cell_asks_for_four_where_that_is_asked(tmp_path: Path) -> None:
    judged = run(tmp_path / "b", shift=-0.05)
    accepted = accepted_of(judged)
    assert check(accepted, judged).code == 0
    gate = check(accepted, judged, conclusive=True)
    assert (gate.code, kinds(gate)) == (4, {("undecided", "", PATH)})


def test_too_little_evidence_fails_a_release(accepted: Accepted, tmp_path: Path) -> None:
    judged = run(tmp_path / "b", seed=1)
    assert check(accepted, judged).code == 0
    gate = check(accepted, judged, noninferior=True)
    assert gate.code == 1
    assert ("not shown non-inferior", "gain", PATH) in kinds(gate)
    assert check(accepted, run(tmp_path / "c"), noninferior=True).code == 0, "a replay is no worse"


def test_twenty_other_seeds_do_not_fail(accepted: Accepted, tmp_path: Path) -> None:
    codes = [check(accepted, run(tmp_path / "b", seed=seed)).code for seed in range(1, 21)]
    assert codes == [0] * 20


def test_records_of_other_code_are_refused(tmp_path: Path) -> None:
    judged = run(tmp_path / "b")
    gates.check_code(judged, "0")
    with pytest.raises(TlbenchError, match=r"made by other code .0, here 1.; the gate reads only this code's"):
        gates.check_code(judged, "1")


def test_collapsed_seeds_ask_for_three(accepted: Accepted, tmp_path: Path) -> None:
    """Screened or, where most collapse, at chance: no t test sees them for the spread they make."""
    for count in (1, 3, 6):
        run(tmp_path / "b", seed=1)
        kept = judge_run(tmp_path / "b").cells[0].own.records
        own = [0.1 if seed < count else kept[seed].outcome.judged.score for seed in range(N)]
        write_arm(tmp_path / "b", PATH, own, rising(0.2, 0.7))
        gate = check(accepted, judge_run(tmp_path / "b"))
        assert gate.code in (1, 3), count
        assert any(f.kind == "failed trials" and f.path == PATH for f in gate.findings), count


def test_a_drop_of_the_arm_is_not_excused_by_a_better_baseline(accepted: Accepted, tmp_path: Path) -> None:
    gate = check(accepted, run(tmp_path / "b", seed=1, base=0.03, shift=-0.02))
    assert ("regression", "gain", PATH) in kinds(gate)


def test_a_replay_of_a_few_seeds_is_not_a_replay(accepted: Accepted, tmp_path: Path) -> None:
    judged = run(tmp_path / "b")
    for seed in range(4, N):
        for planned in (BASELINE, *(one.path for one in CELLS)):
            (tmp_path / "b" / planned / f"seed-{seed}.json").unlink()
    gate = check(accepted, judge_run(tmp_path / "b"))
    assert judged.cells
    assert gate.code == 1
    assert {f.kind for f in gate.findings if f.code} == {"too few seeds"}


def test_another_suites_figures_are_refused(accepted: Accepted, tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match="are of suite 'other'"):
        check(accepted.model_copy(update={"suite": "other"}), run(tmp_path / "b"))


def test_a_baseline_whose_cells_may_all_be_missing_may_be_too(accepted: Accepted, tmp_path: Path) -> None:
    other = [cell("mid", path="t/mid/finetune", baseline="t/net/scratch", baselines={"equal_steps": "t/net/scratch"})]
    write_arm(tmp_path / "b", "t/net/scratch", around(0.6, 0.01, N), rising())
    judged = run(tmp_path / "b", cells=other)
    gate = check(accepted, judged, allowed=tuple(accepted.cells))
    assert gate.code == 0


def test_a_control_that_is_gone_fails_and_one_that_became_a_cell_is_gated(accepted: Accepted, tmp_path: Path) -> None:
    gone = check(accepted, run(tmp_path / "b", cells=CELLS[:2]))
    assert kinds(gone) == {("missing", "", cell("null").path)}
    run(tmp_path / "c", cells=[*CELLS[:2], cell("null")])
    write_arm(tmp_path / "c", cell("null").path, around(0.3, 0.01, N), rising())
    assert ("regression", "gain", cell("null").path) in kinds(check(accepted, judge_run(tmp_path / "c")))
