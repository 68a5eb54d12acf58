"""The peers: what a user would otherwise write, in plain PyTorch, one run per method and seed.

pil: a Dataset of PIL images with torchvision's transforms in a DataLoader; tensor: a TensorDataset in a DataLoader.
Both run a frozen part forward at every step and train scratch anew for every source. Recipe, draws, initial weights and
batch order come from tlbench (a suite's plan), training does not.

python -m benchmarks.peers SUITE.toml --kind pil --units '[["source", "target", 0]]' --out FILE.json
"""

import argparse
import copy
import json
import time
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import BatchNorm1d, Module, functional
from torch.utils.data import DataLoader, Dataset, Sampler, TensorDataset
from torchvision import transforms

from benchmarks.workloads import ARMS, BASELINE, Unit
from tlbench import device as devices
from tlbench.curve import evaluation_steps
from tlbench.forms.images import Images
from tlbench.method import Budget, last_blocks
from tlbench.network import HEAD, Network
from tlbench.streams import key, seeded
from tlbench.suite import read_suite
from tlbench.trials import Plan, Trial, draw_of, outline, resolve
from tlbench.workspace import Workspace, storage

Kind: TypeAlias = Literal["pil", "tensor"]
Batches: TypeAlias = DataLoader[Any]
EVALUATION_BATCH = 512
TIMED_STEPS = 15


class Pictures(Dataset[tuple[Tensor, int]]):
    """PIL images, transformed each time they are asked for."""

    def __init__(self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], form: Images) -> None:
        """(n, C, H, W) images and (n,) labels; `form` holds mean and std."""
        self.images = [
            Image.fromarray(image.squeeze(0) if len(image) == 1 else image.transpose(1, 2, 0)) for image in images
        ]
        self.labels = labels.tolist()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(form.mean, form.std)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


class Shuffled(Sampler[int]):
    """What `shuffle=True` does, from the trial's own stream, so that both sides see the same batches."""

    def __init__(self, items: Sized, order: torch.Generator) -> None:
        """`items` gives the number of positions."""
        self.n, self.order = len(items), order

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        yield from torch.randperm(self.n, generator=self.order).tolist()


@dataclass(frozen=True)
class Case:
    """A trial as a peer gets it: images and labels by part, how they are scaled, a network, what learns, the budget."""

    parts: dict[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]
    form: Images
    network: Network
    moving: tuple[str, ...]
    budget: Budget
    order: torch.Generator


@dataclass(frozen=True)
class Result:
    """Test accuracy, the validation accuracies at the curve's steps, and seconds from arrays to test accuracy."""

    accuracy: float
    curve: tuple[float, ...]
    seconds: float


def prepare(trial: Trial, workspace: Workspace) -> Case:
    """A trial's draw and start: the seed's network, with the source's blocks where there is a source."""
    conditions, seed = trial.conditions, trial.seed
    pool, test = (conditions.target.dataset.split(part, workspace) for part in ("train", "test"))
    draw, form = draw_of(conditions, seed, workspace)
    if not isinstance(form, Images) or pool.shape != form.shape:
        raise SystemExit(f"peers do not resize: {conditions.target.label} has items of {pool.shape}, not {form.shape}")
    with seeded(*conditions.stream("weights", seed)):
        network = conditions.setup.build(len(pool.classes))
    if trial.source:
        network.copy_blocks(trial.source.load(conditions.setup, workspace, seed, conditions.root_seed).network)
    learning = outline(trial.method, conditions.setup, workspace).unfrozen
    parts = {
        **dict.fromkeys(("train", "still"), (pool.take(draw.train), pool.labels[draw.train])),
        "validation": (pool.take(draw.validation), pool.labels[draw.validation]),
        "test": (test.take(np.arange(len(test))), test.labels),
    }
    order = torch.Generator().manual_seed(key(*conditions.stream("order", seed)))
    moving = last_blocks(network, len(network.names) if learning is None else learning)
    return Case(parts, form, network, moving, conditions.budget, order)


def run(case: Case, kind: Kind, device: torch.device) -> Result:
    """Trains, evaluates on the way and tests; the clock runs from arrays in memory to the accuracy."""
    devices.synchronise(device)
    started = time.perf_counter()
    train, validation, test = (_batches(case, part, kind, device) for part in ("train", "validation", "test"))
    network = case.network.to(device)
    if case.moving == (HEAD,):
        network.scaling = _standardising(network, _batches(case, "still", kind, device), device)
    curve = _train(network, case, train, validation, device)
    reached = _accuracy(network, test, device)
    devices.synchronise(device)
    return Result(reached, curve, time.perf_counter() - started)


def _batches(case: Case, part: str, kind: Kind, device: torch.device) -> Batches:
    images, labels = case.parts[part]
    items: Dataset[Any]
    if kind == "pil":
        items = Pictures(images, labels, case.form)
    else:
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (case.form.mean, case.form.std))
        items = TensorDataset((torch.from_numpy(images).float() / 255 - mean) / std, torch.from_numpy(labels))
    pinned = device.type == "cuda"
    if part != "train":
        return DataLoader(items, EVALUATION_BATCH, pin_memory=pinned)
    order = Shuffled(labels, case.order)
    return DataLoader(items, case.budget.batch(len(labels)), sampler=order, drop_last=True, pin_memory=pinned)


def _train(
    network: Network, case: Case, train: Batches, validation: Batches, device: torch.device
) -> tuple[float, ...]:
    budget, total = case.budget, case.budget.steps
    looks, curve = set(evaluation_steps(total)), [_accuracy(network, validation, device)]
    frozen = [network.scaling, *(network.part(n) for n in (*network.names, HEAD) if n not in case.moving)]
    for part in frozen:
        part.requires_grad_(requires_grad=False)
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rate = budget.grid(head_only=case.moving == (HEAD,))[0]
    optimizer = torch.optim.AdamW(learning, lr=rate, weight_decay=budget.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: budget.rate(done / total))
    passes = chain.from_iterable(repeat(train))
    for step, (inputs, labels) in enumerate(islice(passes, total), 1):
        network.train()
        for part in frozen:
            part.eval()
        optimizer.zero_grad()
        logits = network(inputs.to(device, non_blocking=True))
        functional.cross_entropy(logits, labels.to(device, non_blocking=True)).backward()
        optimizer.step()
        schedule.step()
        if step in looks:
            curve.append(_accuracy(network, validation, device))
    return tuple(curve)


@torch.no_grad()
def _standardising(network: Network, batches: Batches, device: torch.device) -> Module:
    """Features as a frozen network's head is given them: less their mean, over their spread, of what is trained on."""
    network.eval()
    features = torch.cat([network.features(inputs.to(device)) for inputs, _ in batches])
    norm = BatchNorm1d(features.shape[1], eps=0.0, affine=False).to(device).eval()
    spread = features.var(0, unbiased=False)
    norm.running_mean, norm.running_var = features.mean(0), torch.where(spread > 1e-12, spread, 1.0)
    return norm


@torch.inference_mode()
def _accuracy(network: Network, batches: Batches, device: torch.device) -> float:
    network.eval()
    right = torch.zeros((), dtype=torch.long, device=device)
    seen = 0
    for inputs, labels in batches:
        right += (network(inputs.to(device)).argmax(1) == labels.to(device)).sum()
        seen += len(labels)
    return float(right) / seen


def quicker_threads(case: Case) -> int:
    """One or all cores, whichever makes a step of the whole network quicker here: as a careful user would set it."""
    most = torch.get_num_threads()
    return min((1, most), key=lambda threads: _seconds_a_step(copy.deepcopy(case.network), case, threads))


def _seconds_a_step(network: Network, case: Case, threads: int) -> float:
    size, times = case.budget.batch(len(case.parts["train"][1])), []
    inputs, labels = torch.randn(size, *case.form.shape), torch.zeros(size, dtype=torch.long)
    torch.set_num_threads(threads)
    for _ in range(TIMED_STEPS):
        started = time.perf_counter()
        functional.cross_entropy(network(inputs), labels).backward()
        times.append(time.perf_counter() - started)
    return median(times)


def trials(plan: Plan, unit: Unit, target: str) -> dict[str, Trial]:
    """The unit's trial of every arm, the baseline first; `target` is the target's label in the plan."""
    cells = [
        c for c in plan.cells if c.conditions.target.label == target and c.source and c.source.label == unit.source
    ]
    found = {cell.method.label: cell.trial(unit.seed) for cell in cells}
    return {BASELINE: plan.baseline(cells[0], unit.seed)} | {arm: found[arm] for arm in ARMS if arm in found}


def main() -> None:
    """Runs units of a suite and writes accuracy and seconds of each of their arms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite")
    parser.add_argument("--kind", choices=("pil", "tensor"), required=True)
    parser.add_argument("--units", type=json.loads, required=True, help="JSON: [[source, target's label, seed], ...]")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    workspace = Workspace(storage(None, download=False), devices.choose(asked.device))
    plan = resolve(read_suite(asked.suite), workspace)
    rows, units = [], [Unit(*one) for one in asked.units]
    first = trials(plan, units[0], units[0].target)[BASELINE]
    torch.set_num_threads(quicker_threads(prepare(first, workspace)))
    for unit in units:
        for arm, trial in trials(plan, unit, unit.target).items():
            result = run(prepare(trial, workspace), asked.kind, workspace.device)
            rows.append({**unit._asdict(), "arm": arm, "accuracy": result.accuracy, "seconds": result.seconds})
    asked.out.write_text(json.dumps({"threads": torch.get_num_threads(), "rows": rows}), encoding="utf-8")


if __name__ == "__main__":
    main()
