"""Plans: cells with roles, one baseline a setup, inputs reconciled, mistakes told before anything is trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.drawn import noise
from tests.tiny import SOURCE, tiny_suite
from tlbench.errors import TlbenchError
from tlbench.forms.images import Images
from tlbench.network import networks
from tlbench.source import sources
from tlbench.trials import notes, run_of
from tlbench.trials.plan import resolve
from tlbench.workspace import Workspace


def test_cells_controls_and_baselines_are_planned_once(workspace: Workspace) -> None:
    plan = resolve(tiny_suite(controls=True), workspace)
    assert [(c.method.label, c.role) for c in plan.cells] == [
        ("linear_probe", "cell"),
        ("finetune", "cell"),
        ("finetune", "control"),
        ("linear_probe", "control"),
        ("majority", "control"),
        ("linear_probe", "control"),
        ("linear_probe", "control"),
        ("finetune", "control"),
        *[("features-logistic", "beside")] * 4,
    ]
    trials = plan.trials()
    assert len(trials) == 2 * (8 + 4 + 1)
    assert len({trial.path for trial in trials}) == len(trials)


def test_a_declared_pair_is_a_control_even_where_it_is_crossed(workspace: Workspace) -> None:
    suite = tiny_suite(controls=True, cross=[{"sources": ["null"], "methods": ["finetune", "last_k:1"]}])
    roles = {c.method.label: c.role for c in resolve(suite, workspace).cells if c.source and c.source.label == "null"}
    expected = {"finetune": "control", "last_k-1": "cell", "linear_probe": "control", "features-logistic": "beside"}
    assert roles == expected


def test_the_convex_head_stands_beside_each_probe_unless_it_is_there_anyway(workspace: Workspace) -> None:
    other = {**SOURCE, "steps": 11, "label": "other"}
    crosses = [
        {"sources": [SOURCE], "methods": ["linear_probe", "features"]},
        {"sources": [other], "methods": ["linear_probe", "finetune"]},
    ]
    plan = resolve(tiny_suite(cross=crosses), workspace)
    shown = [(c.source.label, c.role, c.family) for c in plan.cells if c.source and c.method.name == "features"]
    assert shown == [(sources.make(SOURCE).label, "cell", "main"), ("other", "beside", "beside")]
    beside, probe = plan.cells[-1], next(c for c in plan.cells if c.path.endswith("other/linear_probe"))
    assert (beside.expect, beside.beside) == (None, probe.path)
    assert len(plan.trials()) == 2 * (5 + 1)
    plan.extended[probe.path] = 4
    assert plan.seeds(beside) == plan.seeds(probe) == 4
    assert plan.seeds(plan.cells[0]) == 2


def test_a_head_of_another_kind_under_the_name_of_the_one_beside_is_refused(workspace: Workspace) -> None:
    clash = ["linear_probe", {"name": "features", "classifier": "knn", "label": "features-logistic"}]
    with pytest.raises(TlbenchError, match="two method entries share the label 'features-logistic'"):
        resolve(tiny_suite(cross=[{"sources": [SOURCE], "methods": clash}]), workspace)


def test_what_a_target_draws_stands_in_the_plan(workspace: Workspace) -> None:
    targets = [{"dataset": "patterns", "n_train": [32, 1000]}, {"dataset": "digits", "n_train": 50, "n_val": 60}]
    run = run_of(resolve(tiny_suite(targets=targets), workspace), workspace, "x", {"threads": 1})
    drawn = {(t.label, t.n_val, t.pool, t.draw) for t in (cell.target for cell in run.cells)}
    expected = {("patterns-1.0-n32", 500, 1600, "seed"), ("patterns-1.0-n1000", 500, 1600, "all")}
    assert drawn == expected | {("digits-n50", 60, 1438, "seed")}
    said = "\n".join(run.notes)
    assert "patterns-1.0-n1000: one draw for every seed: verdicts are about these images" in said
    assert "patterns-1.0-n32: trains on 32 items and validates on 500: 532 labelled items of the 1600" in said
    assert "digits-n50: 60 items to validate on are few" in said
    assert "overlap" not in said
    assert {cell.role for cell in run.cells if cell.method.label == "features-logistic"} == {"beside"}
    assert run.suite.budget["head_rates"] == (0.03,)


@pytest.mark.parametrize(("draw", "said"), [("seed", "each draw takes 62% of the pool"), ("all", "one draw for every")])
def test_how_a_target_draws_can_be_asked_for(draw: str, said: str, workspace: Workspace) -> None:
    targets = [{"dataset": "patterns", "n_train": 1000, "draw": draw}]
    plan = resolve(tiny_suite(targets=targets), workspace)
    assert any(said in line for line in notes(plan, workspace))


def test_a_warm_start_that_is_drawn_anew_from_a_target_that_is_not_is_said(workspace: Workspace) -> None:
    warm = {"name": "trained", "dataset": "patterns", "steps": 10, "n_train": 500, "per_seed": True, "label": "warm"}
    for n_train, there in ((1000, True), (600, False)):
        suite = tiny_suite(
            targets=[{"dataset": "patterns", "n_train": n_train}], cross=[{"sources": [warm], "methods": ["finetune"]}]
        )
        said = "source warm draws items of its own for each seed, not the first of these"
        assert any(said in line for line in notes(resolve(suite, workspace), workspace)) == there


def test_direct_from_a_source_without_head_is_skipped_and_said(workspace: Workspace) -> None:
    suite = tiny_suite(cross=[{"sources": ["null", SOURCE], "methods": ["direct"]}])
    plan = resolve(suite, workspace)
    assert len(plan.cells) == 1
    assert plan.skipped == ["patterns-1.0-n32/null/direct: not applicable, null has no head that means anything"]


def test_a_suite_without_any_cell_is_an_error(workspace: Workspace) -> None:
    with pytest.raises(TlbenchError, match=r"has nothing to judge: .*null/direct"):
        resolve(tiny_suite(cross=[{"sources": ["null"], "methods": ["direct"]}]), workspace)


def test_two_entries_of_one_label_are_an_error(workspace: Workspace) -> None:
    clash = [SOURCE | {"label": "a"}, {"name": "null", "label": "a"}]
    with pytest.raises(TlbenchError, match="two source entries share the label 'a'"):
        resolve(tiny_suite(cross=[{"sources": clash, "methods": ["finetune"]}]), workspace)


@pytest.mark.parametrize(("n_train", "said"), [(5000, "exceed the pool of 1600"), (4, "is less than its 8 classes")])
def test_a_budget_that_does_not_fit_is_told_before_training(n_train: int, said: str, workspace: Workspace) -> None:
    with pytest.raises(TlbenchError, match=said):
        resolve(tiny_suite(targets=[{"dataset": "patterns", "n_train": n_train}]), workspace)


def test_unfreezing_more_blocks_than_there_are_is_told_before_training(workspace: Workspace) -> None:
    with pytest.raises(TlbenchError, match=r"last_k:4.*has 4 blocks; use 'finetune'"):
        resolve(tiny_suite(cross=[{"sources": [SOURCE], "methods": ["last_k:4"]}]), workspace)


def test_one_colour_dataset_makes_every_input_colour(workspace: Workspace, tmp_path: Path) -> None:
    labels = np.repeat(np.arange(2), 40)
    np.savez(tmp_path / "c.npz", train_images=noise(80, 12, 12, 3), train_labels=labels)
    targets = [{"dataset": f"npz:{tmp_path / 'c.npz'}", "n_train": 20}, {"dataset": "patterns", "n_train": 32}]
    plan = resolve(tiny_suite(targets=targets, image_size=0), workspace)
    assert {c.conditions.setup.form.shape for c in plan.cells} == {(3, 12, 12)}


def test_a_sweep_over_n_train_is_a_target_each(workspace: Workspace) -> None:
    plan = resolve(tiny_suite(targets=[{"dataset": "patterns", "n_train": [16, 32]}]), workspace)
    assert [c.conditions.target.label for c in plan.cells] == ["patterns-1.0-n16"] * 3 + ["patterns-1.0-n32"] * 3


def test_a_zoo_source_brings_its_own_network_and_baseline(workspace: Workspace) -> None:
    workspace.storage = replace(workspace.storage, download=True)  # nothing is fetched before it is needed
    suite = tiny_suite(
        cross=[
            {
                "sources": [SOURCE, {"name": "torchvision", "model": "resnet18", "image_size": 32}],
                "methods": ["finetune"],
            }
        ]
    )
    plan = resolve(suite, workspace)
    baselines = {plan.baseline(cell, 0).cell for cell in plan.cells}
    assert len(baselines) == 2
    form = plan.cells[1].conditions.setup.form
    assert isinstance(form, Images)
    assert form.channels == 3
    assert form.mean == (0.485, 0.456, 0.406)


def test_each_budget_protocol_has_a_baseline_of_its_own(workspace: Workspace) -> None:
    suite = tiny_suite(protocols=["equal_steps", "equal_compute", "plateau"])
    plan = resolve(suite, workspace)
    paths = {protocol: trial.cell for protocol, trial in plan.baselines(plan.cells[0], 0).items()}
    stem = "patterns-1.0-n32/resnet-8-width-4-1x8x8"
    assert paths == {
        "equal_steps": f"{stem}/scratch",
        "equal_compute": f"{stem}-plus40steps/scratch",
        "plateau": f"{stem}/scratch",
    }
    assert plan.baseline(plan.cells[0], 0, "equal_compute").conditions.budget.steps == 2 * 32 // 16 + 10 * 64 // 16
    assert len(plan.trials()) == 2 * (2 + 1 + 2)


def test_a_source_without_pretraining_adds_no_compute(workspace: Workspace) -> None:
    suite = tiny_suite(protocols=["equal_compute"], cross=[{"sources": ["null"], "methods": ["finetune"]}])
    plan = resolve(suite, workspace)
    assert plan.baseline(plan.cells[0], 0).conditions == plan.cells[0].conditions


def test_weights_that_are_missing_are_told_before_anything_is_trained(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for source, said in (("torchvision:resnet18", "no weights at"), ("file:none.pt", "no file at none.pt")):
        with pytest.raises(TlbenchError, match=said):
            resolve(tiny_suite(cross=[{"sources": [SOURCE, source], "methods": ["finetune"]}]), workspace)


def test_two_networks_of_one_label_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    """They would share a baseline."""
    torch.save(networks.make({"name": "mlp", "width": 20}).build((1, 8, 8), 2).state_dict(), tmp_path / "w.pt")
    own = {"name": "file", "path": str(tmp_path / "w.pt"), "network": {"name": "mlp", "width": 20, "label": "net"}}
    cross = [{"sources": ["null", own], "methods": ["finetune"]}]
    with pytest.raises(TlbenchError, match="two network entries share the label 'net-1x8x8'"):
        resolve(tiny_suite(network={"name": "mlp", "label": "net"}, cross=cross), workspace)
