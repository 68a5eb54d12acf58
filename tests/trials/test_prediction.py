"""What a prediction costs: parameters counted by hand, seconds from inputs through all blocks, nothing else changed."""

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from tests.tiny import tiny_conditions, tiny_suite, tiny_trial
from tlbench.method import Start
from tlbench.network import HEAD, Network
from tlbench.packing import unpack_labels
from tlbench.trials import prediction, resolve, run_of
from tlbench.trials.draws import data_of
from tlbench.trials.prediction import parameters_of, seconds_an_item
from tlbench.workspace import Workspace


class _Counted(torch.nn.Module):
    """Counts the items that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen.append(len(inputs))
        return inputs.flatten(1)


@pytest.fixture
def network() -> Network:
    """64 pixels to 4 features (256 + 4 parameters) to 10 classes (40 + 10)."""
    block = torch.nn.Sequential(_Counted(), torch.nn.Linear(64, 4))
    return Network({"block": block}, torch.nn.Identity(), torch.nn.Linear(4, 10))


def _readout(outputs: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], seed: int, /) -> "_Wide":
    raise AssertionError(outputs, labels, seed)


class _Wide:
    """A predictor that notes how wide what it is given is."""

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()
        self.probabilities = False
        self.widths: set[int] = set()

    def __call__(self, outputs: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        self.widths.add(outputs.shape[1])
        return np.zeros((len(outputs), 10))


def test_a_head_is_counted_where_a_prediction_takes_it(network: Network) -> None:
    assert parameters_of(Start(network)) == 310
    assert parameters_of(Start(network, readouts=(_readout,))) == 260
    assert parameters_of(Start(network, readouts=(_readout,), readout_of="logits")) == 310
    assert HEAD not in network.names


@pytest.mark.parametrize(("of", "width"), [("features", 4), ("logits", 10)])
def test_seconds_are_of_all_blocks_and_the_readout(
    network: Network,
    of: Literal["features", "logits"],
    width: int,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prediction, "MOST_ITEMS", 40)
    tested, predictor = data_of(tiny_conditions(), 0, workspace).tested, _Wide()
    start = replace(Start(network, readouts=(_readout,)), readout_of=of)
    assert seconds_an_item(start, predictor, tested) > 0
    (counted,) = (module for module in network.modules() if isinstance(module, _Counted))
    assert counted.seen == [40, 40]  # once to warm up, once at the clock
    assert predictor.widths == {width}
    assert network.training


def test_seconds_are_an_item_s(network: Network, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = data_of(tiny_conditions(), 0, workspace).tested
    ticks = iter(range(100))
    monkeypatch.setattr("time.perf_counter", partial(next, ticks))
    monkeypatch.setattr(prediction, "ENOUGH_SECONDS", 100.0)
    n = min(prediction.MOST_ITEMS, len(tested))
    assert seconds_an_item(Start(network), None, tested) == pytest.approx(1 / n)


@pytest.mark.parametrize("method", ["finetune", "linear_probe", "features:logistic", "scratch"])
def test_a_record_tells_what_a_prediction_costs(method: str, workspace: Workspace) -> None:
    made = tiny_trial(method).run(workspace)
    assert made.status == "done"
    whole = tiny_trial("scratch").run(workspace).outcome.parameters
    head = made.outcome.parameters - whole if method == "features:logistic" else 0
    assert made.outcome.parameters == whole + head
    assert (head < 0) == (method == "features:logistic")
    assert 0 < made.timing.predict_seconds < 1


def test_a_run_holds_the_class_of_every_item_that_its_records_are_of(workspace: Workspace) -> None:
    plan = resolve(tiny_suite(), workspace)
    (cell, *_) = plan.cells
    test = cell.conditions.target.dataset.split("test", workspace)
    whole = run_of(plan, workspace, "tests", {"threads": 1}).tested[cell.conditions.target.label]
    assert whole.classes == test.classes
    assert unpack_labels(whole.labels).tolist() == test.labels.tolist()
    less = [replace(one, conditions=replace(one.conditions, left_out=(0, 3))) for one in plan.cells]
    left = run_of(replace(plan, cells=less), workspace, "tests", {"threads": 1}).tested[cell.conditions.target.label]
    assert unpack_labels(left.labels).tolist() == [*test.labels[1:3], *test.labels[4:]]
