"""Changes between two runs: what is known without statistics, what is proven, and what noise never becomes."""

from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.synthetic import accepted_cell, around, run_of
from tlbench.judging.accepted import Accepted
from tlbench.judging.changes import Change, Rule, changes, comparable_clocks
from tlbench.judging.changes.sentences import differences, row, said

RULE = Rule(alpha=0.05)
N = 10


def noisy(mean: float, spread: float, seed: int, n: int = N) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(mean, spread, n)]


def by_axis(before: Accepted, after: Accepted, rule: Rule = RULE) -> dict[tuple[str, str], Change]:
    return {(one.axis, one.path.split("/")[-1]): one for one in changes(before, after, rule)}


def gain(before: Accepted, after: Accepted, rule: Rule = RULE) -> Change:
    return by_axis(before, after, rule)["gain", "finetune"]


def test_equal_digests_are_unchanged_without_statistics() -> None:
    figures = accepted_cell(noisy(0.05, 0.01, 0))
    found = changes(figures, figures, RULE)
    assert {one.word for one in found} == {"unchanged"}
    assert {one.axis for one in found} == {"gain", "accuracy", "convergence"}
    assert all(one.noninferior for one in found)


def test_an_unchanged_arm_over_a_changed_baseline_is_a_changed_gain() -> None:
    levels = around(0.6, 0.01, N)
    before = accepted_cell([0.05] * N, base=levels)
    after = accepted_cell([0.02] * N, base=[level + 0.03 for level in levels])
    found = by_axis(before, after)
    assert found["accuracy", "finetune"].word == "unchanged"
    assert found["accuracy", "scratch"].word == "rose"
    assert found["gain", "finetune"].word == "dropped"


@pytest.mark.parametrize(("shift", "word"), [(-0.03, "dropped"), (0.03, "rose"), (0.0, "within noise")])
def test_a_change_is_judged_paired_by_seed(shift: float, word: str) -> None:
    before = noisy(0.05, 0.03, 0)
    after = [value + shift + noise for value, noise in zip(before, noisy(0, 0.006, 1), strict=True)]
    found = gain(accepted_cell(before), accepted_cell(after))
    assert (found.word, found.paired, found.n) == (word, True, N)
    assert found.interval is not None
    assert found.interval[0] < shift < found.interval[1]


def test_the_paired_p_is_scipys_where_the_floor_is_negligible() -> None:
    before, after = noisy(0.05, 0.03, 0), noisy(0.04, 0.03, 1)
    found = gain(accepted_cell(before), accepted_cell(after), Rule(0.05, margin=1e-9))
    assert found.p_drop == pytest.approx(scipy_stats.ttest_rel(after, before, alternative="less").pvalue)


def test_another_root_seed_is_compared_by_welch() -> None:
    before, after = noisy(0.05, 0.03, 0), noisy(0.04, 0.01, 1, 8)
    other = accepted_cell(after).model_copy(update={"root_seed": 1})
    found = gain(accepted_cell(before), other, Rule(0.05, margin=1e-9))
    expected = scipy_stats.ttest_ind(after, before, equal_var=False, alternative="less").pvalue
    assert (found.paired, found.n) == (False, 8)
    assert found.p_drop == pytest.approx(expected)


def test_a_small_drop_within_the_margin_is_no_drop() -> None:
    before = noisy(0.05, 0.03, 0)
    after = [value - 0.004 for value in before]
    assert gain(accepted_cell(before), accepted_cell(after)).word != "dropped"


def test_a_single_draw_of_other_weights_is_said_and_not_judged() -> None:
    before, after = accepted_cell(noisy(0.05, 0.01, 0)), accepted_cell(noisy(-0.2, 0.01, 1), weights=["v"] * N)
    found = gain(before, after)
    assert (found.word, found.noninferior) == ("source changed", False)
    assert "the source's own accuracy 90.0 -> 90.0" in found.note


def test_a_source_trained_for_each_seed_is_judged_when_it_changes() -> None:
    own, other = ([f"{name}{seed}" for seed in range(N)] for name in "ab")
    before = accepted_cell(noisy(0.05, 0.01, 0), weights=own)
    found = gain(before, accepted_cell(noisy(-0.05, 0.01, 1), weights=other))
    assert (found.word, found.paired) == ("dropped", False)


def test_other_data_is_not_compared() -> None:
    found = gain(accepted_cell([0.05] * N), accepted_cell([0.01] * N, data="e"))
    assert found.word == "other data"


def test_new_missing_and_few_are_named() -> None:
    one, other = accepted_cell([0.05] * N), accepted_cell([0.05] * N, path="t/far/finetune")
    words = {one.path: one.word for one in changes(one, other, RULE) if one.axis == "gain"}
    assert words == {"t/near/finetune": "missing", "t/far/finetune": "new"}
    few = gain(accepted_cell([0.05] * 4), accepted_cell([-0.05] * 4))
    assert (few.word, few.n) == ("too few", 4)


def test_an_arm_without_a_curve_has_no_convergence() -> None:
    figures = accepted_cell([0.05] * N, area=[None] * N)
    assert ("convergence", "finetune") not in by_axis(figures, figures)


def test_a_slower_machine_changes_no_cost_and_a_slower_arm_does() -> None:
    def timed(own: float, machine: float) -> Accepted:
        figures = accepted_cell(noisy(0.05, 0.01, 0))
        jitter = noisy(1.0, 0.02, 5)
        arms = {}
        for path, arm in figures.arms.items():
            rate = machine * (own if "near" in path else 2.0)
            arms[path] = arm.model_copy(update={"seconds": {seed: rate * by for seed, by in enumerate(jitter)}})
        return figures.model_copy(update={"arms": arms})

    assert by_axis(timed(1, 1), timed(1, 3))["cost", "finetune"].word in ("equal", "within noise")
    slower = by_axis(timed(1, 1), timed(2, 1))["cost", "finetune"]
    assert slower.word == "dropped"
    assert "2.00x -> 1.00x, 0.50x" in said(slower)


def test_clocks_of_other_machines_are_not_compared() -> None:
    where = run_of([]).environment
    seconds = dict.fromkeys(range(N), 1.0)
    one = accepted_cell([0.05] * N, seconds=seconds)
    other = one.model_copy(update={"environment": where | {"machine": where["machine"] | {"fingerprint": "1"}}})
    assert comparable_clocks(one, one)
    assert not comparable_clocks(one, other)
    assert not comparable_clocks(one, one.model_copy(update={"environment": where | {"threads": 2}}))
    assert not any(found.axis == "cost" for found in changes(one, other, RULE))


def test_what_it_could_have_seen_grows_with_the_noise() -> None:
    sides = [[accepted_cell(noisy(0.05, spread, seed)) for seed in (0, 1)] for spread in (0.005, 0.05)]
    calm, wild = (gain(before, after) for before, after in sides)
    assert calm.sees is not None
    assert wild.sees is not None
    assert 0.005 < calm.sees < wild.sees


def test_noise_between_unchanged_runs_fails_no_more_often_than_alpha() -> None:
    """20 unchanged cells on three axes: the share of comparisons with any drop, at alpha 0.05, in 300 of them."""
    random, failed = np.random.default_rng(0), 0
    template = accepted_cell([0.0] * N)
    for _ in range(300):
        sides = []
        for root in (0, 1):
            arms: dict[str, Any] = {}
            cells: dict[str, Any] = {}
            base = random.normal(0.6, 0.01, N)
            for path, level in [("b", base), *((f"t/s{i}/m", base + random.normal(0, 0.02, N)) for i in range(20))]:
                plain: dict[str, Any] = {
                    "score": list(level),
                    "area": list(level - 0.1),
                    "replay": [f"{v}" for v in level],
                }
                plain |= {"replay": [f"{v}" for v in level], "weights": [None] * N}
                arms[path] = template.arms["t/net/scratch"].model_copy(update=plain)
                if path != "b":
                    change = {"gain": list(level - base), "baseline": "b"}
                    cells[path] = template.cells["t/near/finetune"].model_copy(update=change)
            sides.append(template.model_copy(update={"root_seed": root, "arms": arms, "cells": cells}))
        failed += any(one.word == "dropped" for one in changes(sides[0], sides[1], RULE))
    assert failed <= scipy_stats.binom.ppf(0.999, 300, 0.05)


def test_a_change_is_told_with_its_interval_and_pairing() -> None:
    before = noisy(0.05, 0.03, 0)
    after = [value - 0.03 + noise for value, noise in zip(before, noisy(0, 0.006, 1), strict=True)]
    found = gain(accepted_cell(before), accepted_cell(after))
    assert row(found)[:3] == ("gain", "t/near/finetune", "dropped")
    assert "10 seeds paired, p <0.0001" in row(found)[3]


def test_differences_of_circumstances_are_listed() -> None:
    one = accepted_cell([0.05] * N)
    assert differences(one, one) == ["the same commit, code, versions, machine and settings"]
    where = one.environment | {"versions": {"tlbench": "0.1.0", "torch": "2.15"}}
    assert differences(one, one.model_copy(update={"environment": where})) == ["torch: None -> 2.15"]
