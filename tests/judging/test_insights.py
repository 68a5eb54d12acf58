"""What a run says beyond its cells, and what it must not say: a change that no test shows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.synthetic import around, cell, judged_of, shown, write_arm, write_run
from tlbench.judging import insights, stats
from tlbench.judging.differences import differences
from tlbench.judging.verdict import Judged, judge_run
from tlbench.runfile import PlannedCell

DEPTHS = ("linear_probe", "last_k-1", "finetune")  # with 0, 1 and 2 blocks that learn


def _frozen(folder: Path, gains: tuple[float, ...], *, spread: float = 0.005, n: int = 5) -> Judged:
    """A run of one source, with these gains from the head alone on."""
    cells = [cell("near", method, unfrozen=k) for k, method in enumerate(DEPTHS[: len(gains)])]
    return _run(folder, dict(zip((c.path for c in cells), gains, strict=True)), cells, spread, n)


def _run(
    folder: Path, gains: Mapping[str, float], cells: list[PlannedCell], spread: float = 0.005, n: int = 5
) -> Judged:
    write_run(folder, cells, n)
    levels = around(0.6, 0.01, n)
    for base in {planned.baseline for planned in cells}:
        write_arm(folder, base, levels)
    for i, planned in enumerate(cells):
        noise = np.roll(around(gains[planned.path], spread, n), i)
        write_arm(folder, planned.path, [a + float(b) for a, b in zip(levels, noise, strict=True)])
    return judge_run(folder)


def _sized(folder: Path, gains: dict[int, float], *, spread: float = 0.005, protocol: str = "plateau") -> Judged:
    """A run of one source and method at several n_train."""
    cells = []
    for size in gains:
        target, base = f"glyphs-n{size}", f"glyphs-n{size}/resnet8/scratch"
        where = {"label": target, "dataset": "glyphs", "spec": "glyphs", "n_train": size, "shape": [1, 8, 8]}
        paths: dict[str, Any] = {"path": f"{target}/near/finetune", "baseline": base, "baselines": {protocol: base}}
        cells.append(cell("near", **paths, target=where))
    return _run(folder, dict(zip((c.path for c in cells), gains.values(), strict=True)), cells, spread)


def test_a_gain_is_split_into_scaling_and_features(tmp_path: Path) -> None:
    twin = shown("inconclusive", 0.02, source="matched-near", role="control")
    (line,) = insights.attribution(judged_of([shown("positive", 0.08), twin]))
    assert "+8.0 points" in line
    assert line.endswith("gives +2.0, features the other +6.0")
    cells = [cell("near"), cell("matched-near", role="control", expect="any")]
    judged = _run(tmp_path, {cells[0].path: 0.08, cells[1].path: 0.02}, cells)
    (line,) = insights.attribution(judged)
    assert "features the other +6.0 [" in line
    assert line.endswith(f"at the {judged.verdicts[0].n_pairs} seeds that both have")


def test_without_a_matched_twin_nothing_is_attributed() -> None:
    found = [shown("positive", 0.08), shown("neutral", source="null", role="control")]
    assert insights.attribution(judged_of(found)) == []


def test_a_change_between_depths_is_told_with_its_interval_where_it_is_shown(tmp_path: Path) -> None:
    (line,) = insights.depth(_frozen(tmp_path, (-0.2, -0.1, -0.099)))
    told = (
        "glyphs n=40 from near (this checkpoint): negative with the head alone (linear_probe) and the last block "
        "(last_k-1) and the last 2 blocks (finetune); the gain changes by +10.0 ["
    )
    assert line.startswith(told)
    assert line.endswith("] from linear_probe to last_k-1 within the budget")


def test_a_change_between_depths_that_is_not_shown_is_not_told(tmp_path: Path) -> None:
    judged = _frozen(tmp_path, (-0.03, -0.01, 0.0), spread=0.05)
    (line,) = insights.depth(judged)
    assert line.endswith("no depth of freezing is shown to hurt; no change between depths is shown within the budget")


def test_a_change_that_only_the_ends_show_is_told_of_the_ends(tmp_path: Path) -> None:
    (line,) = insights.depth(_frozen(tmp_path, (-0.02, 0.0, 0.02), spread=0.012))
    assert line.endswith("from linear_probe to finetune within the budget")
    assert "last_k-1 to" not in line


def test_depths_of_a_run_without_records_are_not_compared() -> None:
    sweep = [shown("negative", -0.2, method="a", unfrozen=0), shown("neutral", 0.2, method="b", unfrozen=1)]
    assert insights.depth_rows(judged_of(sweep)) == [
        ("glyphs n=40", "near", "negative with the head alone (a)", "no change between depths is shown")
    ]
    assert insights.depth(judged_of(sweep[:1])) == []


def test_differences_are_paired_by_seed_and_corrected_for_their_number(tmp_path: Path) -> None:
    judged = _frozen(tmp_path, (0.0, 0.02), spread=0.01)
    first, second = judged.verdicts
    (alone,) = differences(judged, [(first, second)])
    own = np.array([judged.cells[i].own.values([0, 1, 2, 3, 4]) for i in (1, 0)])
    change = own[0] - own[1]
    assert alone.mean == pytest.approx(change.mean())
    error = np.hypot(change.std(ddof=1) / np.sqrt(5), 0.4 * 0.005)
    assert alone.interval[1] - alone.mean == pytest.approx(2.7764 * error, rel=1e-3)
    twice = differences(judged, [(first, second), (first, second)])
    assert [d.p for d in twice] == pytest.approx([2 * alone.p] * 2)


def test_too_few_shared_seeds_are_no_test(tmp_path: Path) -> None:
    judged = _frozen(tmp_path, (-0.2, 0.2), n=4)
    assert differences(judged, [(judged.verdicts[0], judged.verdicts[1])]) == []


def test_help_turns_to_harm_where_both_are_flagged_and_the_fall_is_shown(tmp_path: Path) -> None:
    (line,) = insights.crossover(_sized(tmp_path, {10: 0.04, 100: 0.02, 1000: -0.02}))
    assert line.startswith("glyphs from near (this checkpoint) by finetune: the gain changes by -2.0 [")
    assert "; help turns to harm at about n_train 3" in line
    place = float(line.split("n_train ")[-1].split()[0])
    low, high = (float(end) for end in line.split("[")[-1].split("]")[0].split(", "))
    assert 100 < low < place < high < 1000
    assert place == pytest.approx(316, abs=3)


def test_a_fall_through_zero_between_cells_that_are_not_flagged_is_no_harm(tmp_path: Path) -> None:
    (line,) = insights.crossover(_sized(tmp_path, {10: 0.02, 100: -0.003}))
    assert "its mean passes zero at about n_train" in line
    assert "harm" not in line


@pytest.mark.parametrize(("protocol", "end"), [("plateau", "is shown"), ("equal_steps", "is shown within the budget")])
def test_a_change_between_sizes_that_is_not_shown_is_not_told(tmp_path: Path, protocol: str, end: str) -> None:
    (line,) = insights.crossover(_sized(tmp_path, {10: 0.02, 100: -0.01}, spread=0.05, protocol=protocol))
    assert line.endswith(f": no change between n_train 10 and 100 {end}")


def test_one_n_train_is_no_sweep() -> None:
    assert insights.insights(judged_of([shown("neutral")])) == []


def test_a_verdict_that_changes_with_the_budget_says_so_and_others_are_counted() -> None:
    def told(plateau: str, within: str) -> dict[str, dict[str, object]]:
        gains = {"plateau": (plateau, -0.03), "equal_steps": (within, 0.03)}
        return {name: {"verdict": word, "gain": gain, "interval": None} for name, (word, gain) in gains.items()}

    apart = shown("negative", -0.03, by_protocol=told("negative", "positive"))
    same = shown("negative", -0.03, source="far", by_protocol=told("negative", "negative"))
    assert insights.protocols([apart, same, same, shown("neutral")]) == [
        "near by finetune on glyphs n=40: negative at the plateau (-3.0), positive within the budget (+3.0)",
        "2 cells have one verdict at the plateau and within the budget",
    ]


@pytest.mark.parametrize(("head", "trained"), [(0.1, False), (0.001, True)])
def test_the_convex_head_is_told_beside_its_probe(tmp_path: Path, head: float, trained: bool) -> None:
    cells = [cell("near", "linear_probe", unfrozen=0), cell("near", "features", role="beside")]
    judged = _run(tmp_path, {cells[0].path: -0.1, cells[1].path: -0.1 + head}, cells)
    (line,) = insights.beside(judged)
    score = f"{50 + 100 * head:.1f}"
    told = "near (this checkpoint) by linear_probe on glyphs n=40 50.0, the convex head on the same features"
    assert line.startswith(f"{told} {score}: {100 * head:+.1f} [")
    assert line.endswith("so the probe is not trained out") is not trained
    assert [v.role for v in judged.verdicts] == ["cell", "beside"]


def test_a_crossing_is_one_fall_through_zero() -> None:
    x = np.array([0.0, 1.0, 2.0])
    assert stats.crossing(x, np.array([1.0, 1.0, -1.0])) == pytest.approx(1.5)
    assert stats.crossing(x, np.array([-1.0, 1.0, -1.0])) is None
    assert stats.crossing(x, np.array([1.0, 2.0, 3.0])) is None
    assert stats.crossing(x, np.array([1.0, 0.0, -1.0])) == pytest.approx(1.0)


def test_a_similarity_is_scored_as_a_forecast_with_an_interval_over_targets() -> None:
    cells = [
        shown("inconclusive", 0.01 * i, source=s, target=f"t{i}", similarity={"leep": -3.0 + i + k, "cka": float(-i)})
        for i in range(6)
        for k, s in enumerate("ab")
    ]
    (line,) = insights.forecast(cells)
    assert line.startswith("Rank correlation with the gain by finetune over 12 cells: leep +0.9")
    assert ", cka -1.00 [" in line
    assert line.endswith("; intervals over targets")
    assert insights.forecast(cells[:6])[0].endswith("(too few targets for an interval)")
    assert [row[:2] for row in insights.forecast_rows(cells)] == [("leep", "finetune"), ("cka", "finetune")]
