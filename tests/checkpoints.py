"""Small networks and their weights under the names of public files, for tests of what users hand over."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from tlbench.forms.images import Images
from tlbench.network import Network, Setup, networks
from tlbench.readers import read_checkpoint, restored
from tlbench.source import Weights

COLOUR = Images(8, 3)
SMALL = {"name": "resnet", "width": 4}


def setup_of(spec: object = None, form: Images = COLOUR) -> Setup:
    """A setup of a network, ResNet-8 of width 4 without one."""
    return Setup(networks.make(spec or SMALL), form)


def build(n_classes: int = 3, seed: int = 0, setup: Setup | None = None) -> Network:
    """A network with running statistics that are not those of a new one."""
    torch.manual_seed(seed)
    network = (setup or setup_of()).build(n_classes)
    for name, value in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return network


def public(network: Network, head: str = "linear") -> dict[str, Tensor]:
    """Its weights under the names of public CIFAR checkpoints."""
    plain = {key.removeprefix("blocks.").removeprefix("stem."): value for key, value in network.state_dict().items()}
    return {key.replace("head.", f"{head}."): value for key, value in plain.items()}


def body(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but the head."""
    return {name: value for name, value in tensors.items() if not name.startswith("linear.")}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same under longer names."""
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def saved(path: Path, held: object) -> Path:
    """Written by torch."""
    torch.save(held, path)
    return path


def load(path: Path, spec: object = None, *, key: str = "", partial: bool = False, form: Images = COLOUR) -> Weights:
    """What is read of a file for a network."""
    return restored(read_checkpoint(path), setup_of(spec, form), key=key, partial=partial)


def said(weights: Weights, path: Path) -> list[str]:
    """The notes, without the file that each of them begins with."""
    assert all(note.startswith(f"{path}: ") for note in weights.notes)
    return [note.removeprefix(f"{path}: ") for note in weights.notes]
