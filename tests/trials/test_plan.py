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
    ]
    trials = plan.trials()
    assert len(trials) == 2 * (8 + 1)
    assert len({trial.path for trial in trials}) == len(trials)


def test_a_declared_pair_is_a_control_even_where_it_is_crossed(workspace: Workspace) -> None:
    suite = tiny_suite(controls=True, cross=[{"sources": ["null"], "methods": ["finetune", "last_k:1"]}])
    roles = {c.method.label: c.role for c in resolve(suite, workspace).cells if c.source and c.source.label == "null"}
    assert roles == {"finetune": "control", "last_k-1": "cell", "linear_probe": "control"}


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
    assert [c.conditions.target.label for c in plan.cells] == ["patterns-1.0-n16"] * 2 + ["patterns-1.0-n32"] * 2


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
    assert len(plan.trials()) == 2 * (2 + 2)


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
