"""What a prediction costs: the parameters that it takes, and its seconds from an item's inputs to its scores."""

import torch

from tlbench.method import Predictor, Start
from tlbench.network import HEAD, Activations, evaluating
from tlbench.training import Clock, Examples, in_batches

MOST_ITEMS, ENOUGH_SECONDS = 256, 0.2  # that are read for it: whichever comes first


def parameters_of(start: Start) -> int:
    """How many parameters of the network a prediction takes, frozen ones too: its blocks and its head.

    A readout of features takes the blocks alone; what it has learnt itself is not counted.
    """
    unused = HEAD if start.readouts and start.readout_of == "features" else ""
    parts = [name for name in (*start.network.names, HEAD) if name != unused]
    return sum(parameter.numel() for name in parts for parameter in start.network.part(name).parameters())


@torch.inference_mode()
def seconds_an_item(start: Start, predictor: Predictor | None, tested: Examples) -> float:
    """Seconds that one test item takes among a batch of them, through all blocks and the readout, once warm.

    A frozen prefix that was run once beforehand is run here again: a prediction of a new item would take it too.
    """
    batches = in_batches(tested)
    _read(start, predictor, tested.inputs(batches[0][:MOST_ITEMS]))
    clock, n = Clock(tested.labels.device), 0
    for chosen in batches:
        inputs = tested.inputs(chosen[:MOST_ITEMS])
        with clock.running():
            _read(start, predictor, inputs)
        n += min(len(chosen), MOST_ITEMS)
        if n >= MOST_ITEMS or clock.seconds > ENOUGH_SECONDS:
            break
    return clock.seconds / n


def _read(start: Start, predictor: Predictor | None, inputs: Activations) -> None:
    with evaluating(start.network):
        features = bool(start.readouts) and start.readout_of == "features"
        outputs = start.network.features(inputs) if features else start.network(inputs)
    if predictor is not None:
        predictor(outputs.cpu().numpy())
