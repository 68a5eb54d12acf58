"""The side-by-side run: peers do what a trial does, fractions cover the grid, arithmetic and tables are right."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import peers
from benchmarks.peers import Kind, prepare, run, trials
from benchmarks.speed.arithmetic import exponent, gate, ratio, scaled
from benchmarks.speed.findings import findings, held
from benchmarks.speed.page import HEADER, render, table
from benchmarks.speed.roofline import needed
from benchmarks.workloads import (
    ARMS,
    METHODS,
    MID,
    TINY,
    Unit,
    Workload,
    alone,
    quick,
    scaling,
    start_up,
    twenty_cells,
    warm_up,
)
from tlbench.suite import make_suite
from tlbench.trials import resolve
from tlbench.workspace import Workspace

PATTERNS = {"name": "patterns", "size": 8}
SMALL = replace(
    MID,
    sources={"own": {"name": "trained", "dataset": PATTERNS, "steps": 5}},
    targets={"other": {"dataset": {**PATTERNS, "variant": 1, "similarity": 0.0}}},
    n_train=48,
    n_val=32,
    common={
        "network": {"name": "resnet", "width": 4},
        "image_size": 8,
        "epochs": 2,
        "batch_size": 16,
        "learning_rates": [0.01],
    },
)
UNIT = Unit("own", "other", 1)


@pytest.mark.parametrize("kind", ["pil", "tensor"])
def test_a_peer_reaches_what_a_trial_reaches(kind: Kind, workspace: Workspace) -> None:
    plan = resolve(make_suite(SMALL.suite(), "tests"), workspace)
    ours = trials(plan, UNIT, SMALL.target_label("other"))
    assert list(ours) == list(ARMS)
    for trial in ours.values():
        outcome = trial.run(workspace).outcome
        theirs = run(prepare(trial, workspace), kind, workspace.device)
        assert theirs.accuracy == pytest.approx(outcome.judged.score, abs=2 / outcome.judged.n)
        assert outcome.curve is not None
        assert theirs.curve == pytest.approx(outcome.curve.validation_score, abs=1 / 32)


def test_a_peer_takes_the_quicker_of_one_thread_and_all(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    case = prepare(resolve(make_suite(SMALL.suite(), "tests"), workspace).cells[0].trial(0), workspace)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    for quicker in (1, 4):
        monkeypatch.setattr(peers, "_seconds_a_step", lambda _network, _case, n, best=quicker: float(n != best))
        assert peers.quicker_threads(case) == quicker


def test_a_peer_refuses_images_it_would_have_to_resize(workspace: Workspace) -> None:
    larger = replace(SMALL, common={**SMALL.common, "image_size": 10})
    plan = resolve(make_suite(larger.suite(), "tests"), workspace)
    with pytest.raises(SystemExit, match="do not resize"):
        prepare(plan.cells[0].trial(0), workspace)


@pytest.mark.parametrize("workload", [TINY, MID], ids=lambda workload: workload.name)
def test_every_variant_is_a_suite_and_survives_its_file(workload: Workload) -> None:
    variants = [quick(workload), start_up(workload), warm_up(workload), twenty_cells(workload)]
    variants += [alone(workload, arm) for arm in ARMS]
    variants += [one for grids in scaling(workload).values() for one in grids.values()]
    for one in (workload, *variants):
        assert tomllib.loads(one.toml()) == one.suite()
        suite = make_suite(one.suite(), one.name)
        assert len(suite.targets) == len({target for _, target in one.crossed()})


def test_fractions_are_units_of_the_grid_and_cover_every_seed_source_and_target() -> None:
    for workload, count, rounds in ((TINY, 4, 3), (MID, 1, 4)):
        ran = [unit for index in range(rounds) for unit in workload.fraction(index, count)]
        assert set(ran) <= set(workload.units())
        assert len(set(ran)) == len(ran)
        for part in range(3):
            assert {unit[part] for unit in ran} == {unit[part] for unit in workload.units()}


def test_twenty_cells_are_twenty() -> None:
    assert len(twenty_cells(TINY).crossed()) * len(METHODS) == 20


def rows(accuracy: float, seconds: float = 1.0, source: str = "own") -> list[dict[str, Any]]:
    """Every arm at two seeds, the second one a point better."""
    return [
        {"source": source, "target": "t", "seed": s, "arm": arm, "accuracy": accuracy + s / 100, "seconds": seconds}
        for arm in ARMS
        for s in range(2)
    ]


def test_a_fraction_is_scaled_arm_by_arm() -> None:
    given = [{"arm": "scratch", "seconds": 2.0}, {"arm": "scratch", "seconds": 4.0}, {"arm": "finetune", "seconds": 1}]
    assert scaled(given, {"scratch": 10, "finetune": 5, "linear_probe": 0}) == 35


def test_a_ratio_is_that_of_the_medians() -> None:
    assert ratio([10.0, 20.0, 90.0], [2.0, 2.0, 3.0]) == {"ratio": 10, "low": 5, "high": 30}


def test_the_gate_holds_within_two_standard_errors_and_fails_beyond() -> None:
    ours = [row | {"source": "network"} if row["arm"] == "scratch" else row for row in rows(0.8)]
    same, near, far = (gate(ours, rows(0.8 + more), 10**6) for more in (0.0, 0.01, 0.02))
    assert all(row["held"] for row in [*same, *near])
    assert not any(row["held"] for row in far)
    assert far[0] == {"arm": "scratch", "n": 2, "tlbench": 0.805, "peer": pytest.approx(0.825)} | {
        "allowed": pytest.approx(2 * 0.01 / 2**0.5),
        "furthest": pytest.approx(0.02),
        "held": False,
    }


def test_the_gate_allows_for_the_size_of_the_test_set() -> None:
    assert gate(rows(0.8), rows(0.85), 100)[0]["held"]


def test_growth_is_an_exponent() -> None:
    assert exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2)


def test_needed_work_shrinks_with_what_is_frozen() -> None:
    found = needed(SMALL)
    assert found["n_test"] == 800
    assert found["arms"]["scratch"] == found["arms"]["finetune"]
    less = [found["arms"][arm] for arm in METHODS]
    assert less == sorted(less, reverse=True)
    assert found["total"] > SMALL.seeds * sum(found["arms"].values())


def measured() -> dict[str, Any]:
    """A run of one round in which P1 takes a second a training and P2 half of it."""
    cost = {"seconds": 4.0, "others": 0.05, "host_mb": 900, "device_mb": None}
    both = {"pil": cost | {"threads": 1, "rows": rows(0.8)}, "tensor": cost | {"threads": 2, "rows": rows(0.8, 0.5)}}
    one = {"tlbench": cost, "accuracies": rows(0.8), **both}
    grid = {"suite": TINY.suite(), "counts": TINY.counts(), "shared_baselines": TINY.shared_baselines(), "units": 60}
    grid |= {"fraction": 2, "needed": {"total": 4e9, "n_test": 100}, "rounds": [one], "full": both}
    point = {"tlbench": cost, "start-up": 1.0}
    verdicts = {
        "pil": [both["pil"]],
        "tlbench": cost,
        "pairs": 5,
        "targets": 2,
        "ran": 90,
        "verdicts": {"c": "neutral"},
    }
    machine = {"cores": 2, "processor": "P"}
    where = {
        "machine": machine,
        "versions": {"torch": "2", "python": "3"},
        "device": "cpu",
        "commit": None,
        "dirty": None,
    }
    return {
        "made": "today",
        "asked": {"quick": True},
        "environment": where,
        "jobs": 2,
        "peaks": [{"mm": 2e9, "conv": 4e9, "mix": 2e9}],
        "grids": {"tiny": grid},
        "methods": {"units": 20, "rounds": [{"start-up": cost | {"seconds": 3.0}} | dict.fromkeys(ARMS, cost)]},
        "verdicts": verdicts | {"fixed": verdicts},
        "scaling": {"seeds": [point | {"size": size} for size in (5.0, 10.0)]},
    }


def test_findings_of_a_run() -> None:
    found = findings(measured())
    side = found["grids"]["tiny"]["sides"]
    assert held(found)
    assert (side["pil"]["seconds"], side["pil"]["ratio"], side["tensor"]["ratio"]) == (300, 75, 37.5)
    assert side["pil, scratch shared"]["seconds"] == 260
    assert side["tlbench"]["of_mix"] == 0.5
    probe = found["methods"]["arms"][-1]
    assert (probe["arm"], probe["pil"]["ratio"], probe["pil"]["ratio_off"]) == ("linear_probe", 5, 20)
    assert found["verdicts"]["ratio"] == 125
    assert found["scaling"][0]["exponents"]["seconds"] == pytest.approx(0)


def test_the_page_tells_ratios_memory_and_that_a_quick_run_means_nothing() -> None:
    plain = measured()
    text = render(plain, findings(plain))
    assert "| P1 | 300 | **75.0x** | 75.0 to 75.0 | 0.0 | 1% | 0% | 900 |" in text
    assert "the figures mean nothing" in text
    assert "1 of 1 equal those of 20 seeds everywhere" in text
    assert "Accuracy agrees everywhere." in text


def test_disturbed_rounds_are_left_out_or_told() -> None:
    plain = measured()
    rounds = plain["grids"]["tiny"]["rounds"]
    rounds.append(rounds[0] | {"pil": rounds[0]["pil"] | {"others": 1.0, "rows": rows(0.8, 9.0)}})
    found = findings(plain)
    assert found["grids"]["tiny"]["sides"]["pil"]["seconds"] == 300
    assert "1 more rounds, in which others used" in render(plain, found)
    del rounds[0]
    assert "In every round others used" in render(plain, findings(plain))


def test_the_page_says_where_accuracy_does_not_agree() -> None:
    plain = measured()
    plain["grids"]["tiny"]["rounds"][0]["pil"]["rows"] = rows(0.2)
    found = findings(plain)
    assert not held(found)
    assert "**NO**" in render(plain, found)


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def test_the_documentation_opens_with_what_the_page_says() -> None:
    written = Path(__file__).parents[1] / "docs" / "performance.md"
    assert written.read_text(encoding="utf-8").startswith(HEADER)
