"""The ceiling: what this machine reaches in plain multiplication and convolution, and the work that a grid needs."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.workloads import BASELINE, METHODS, Workload
from tlbench.curve import evaluation_steps
from tlbench.device import synchronise
from tlbench.method import last_blocks
from tlbench.network import Activations, Network, values_of
from tlbench.suite import make_suite
from tlbench.trials import Cell, resolve
from tlbench.workspace import Workspace, storage

SIDE = 2048  # of the square matrices
STAGES = {(16, 28): 0.4, (32, 14): 0.3, (64, 7): 0.3}  # channels, pixels a side: their share of a ResNet-8's FLOPs
LARGE = (64, 28)
LAYOUTS = (torch.contiguous_format, torch.channels_last)
BATCH = 64
TRIES = 5


def peaks(device: torch.device) -> dict[str, float]:
    """FLOP/s on all cores, the best of tries: torch.mm, and 3x3 convolutions forward and backward in the better layout.

    conv: the fastest shape; mix: the shapes of MID's three stages, in the shares that its network has of them.
    """
    left, right = torch.randn(2, SIDE, SIDE, device=device).unbind()
    found = {"mm": 2 * SIDE**3 / _seconds(lambda: torch.mm(left, right), device)}
    speeds = {shape: max(_convolution(*shape, layout, device) for layout in LAYOUTS) for shape in (*STAGES, LARGE)}
    mix = 1 / sum(share / speeds[shape] for shape, share in STAGES.items())
    return found | {"conv": max(speeds.values()), "mix": mix}


def _convolution(channels: int, side: int, layout: torch.memory_format, device: torch.device) -> float:
    inputs = torch.randn(BATCH, channels, side, side, device=device).to(memory_format=layout).requires_grad_()
    weight = torch.randn(channels, channels, 3, 3, device=device).to(memory_format=layout).requires_grad_()
    upstream = torch.randn_like(inputs)
    repeats = 1 + 4 * (side < 28 or channels < 64)

    def both_ways() -> None:
        for _ in range(repeats):
            torch.autograd.grad(functional.conv2d(inputs, weight, padding=1), (inputs, weight), upstream)

    return repeats * 3 * 2 * BATCH * side**2 * 9 * channels**2 / _seconds(both_ways, device)


def _seconds(work: Callable[[], Any], device: torch.device) -> float:
    work()
    times = []
    for _ in range(TRIES):
        synchronise(device)
        started = time.perf_counter()
        work()
        synchronise(device)
        times.append(time.perf_counter() - started)
    return min(times)


def counted(work: Callable[[], Any]) -> int:
    """FLOPs of convolutions and matrix products, forward and backward; everything else counts nothing."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def needed(workload: Workload) -> dict[str, Any]:
    """The least FLOPs in which the grid can be had: by training of an arm, by prefix pass, and in all.

    A frozen prefix runs forward once over pool and test set for each source and target, and never at a step; scratch is
    trained once for each target and seed. n_test: images tested on.
    """
    workspace = Workspace(storage(None, download=False), torch.device("cpu"))
    cell = resolve(make_suite(workload.suite(), workload.name), workspace).cells[0]
    pool, test = (len(cell.conditions.target.dataset.split(part, workspace)) for part in ("train", "test"))
    arms = {arm: _training(cell, workload, arm, test) for arm in (BASELINE, *METHODS)}
    network, shape = cell.conditions.setup.build(2), cell.conditions.setup.form.shape
    network.eval()
    image = torch.zeros(1, *shape)
    prefix = (pool + test) * counted(lambda: network.run(image, 0, len(network.names)))
    pairs = len(workload.crossed())
    trained = sum(arms[arm] * pairs * workload.seeds for arm in workload.methods)
    total = trained + arms[BASELINE] * workload.shared_baselines() + prefix * pairs
    return {"arms": arms, "prefix": prefix, "total": total, "n_test": test}


def _training(cell: Cell, workload: Workload, arm: str, n_test: int) -> int:
    """FLOPs of one training from the boundary at which the arm's frozen prefix ends, evaluations and test included."""
    setup, budget = cell.conditions.setup, cell.conditions.budget
    network = setup.build(10)
    blocks = len(network.names)
    learning = {"finetune": blocks, "last_k-2": 2, "last_k-1": 1, "linear_probe": 0}.get(arm, blocks)
    start, steps = blocks - learning, budget.steps
    network.move_only(last_blocks(network, learning))
    with torch.no_grad():
        inputs = network.run(torch.randn(budget.batch(workload.n_train), *setup.form.shape), 0, start)
    step = counted(lambda: _step(network, inputs, start))
    forward = counted(lambda: network(inputs, start)) / len(values_of(inputs))
    seen = len(evaluation_steps(steps)) * workload.n_val + n_test
    return round(steps * step + seen * forward)


def _step(network: Network, inputs: Activations, start: int) -> None:
    labels = torch.zeros(len(values_of(inputs)), dtype=torch.long)
    functional.cross_entropy(network(inputs, start), labels).backward()
