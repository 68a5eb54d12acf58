"""Frozen prefixes: activations at a block boundary, made once and shared by all that start from the same blocks."""

import os
import shutil
import tempfile
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from tlbench.network import Network
from tlbench.training.items import Encoded, Items
from tlbench.training.layers import layout
from tlbench.training.learners import in_batches
from tlbench.training.loop import Clock
from tlbench.workspace import Workspace, room

SEEDS = 6  # as many may be in use at once: those of a unit, and one more
SPARE = 0.5  # share of the free disk that activations may take
Kept: TypeAlias = Literal["memory", "disk"]


@dataclass(frozen=True)
class Prefix:
    """Items at a boundary, the seconds it took to bring them there, and where their activations are kept."""

    items: Items
    seconds: float = 0.0
    kept: Kept | None = None
    n_bytes: int = 0


def run_prefix(network: Network, items: Items, of: Hashable, boundary: int, workspace: Workspace) -> Prefix | None:
    """The items at `boundary`; None where what the frozen blocks give fits neither in memory nor on the disk.

    Passes go on from the nearest boundary that was reached before. of: names the items; blocks are told apart by their
    weights, so that every method that freezes the same ones finds what the first has made.
    """
    if boundary == 0:
        return Prefix(items)
    keys = [_key(network, of, at) for at in range(1, boundary + 1)]
    reached = [(at, found) for at, key in enumerate(keys, 1) if (found := workspace.kept(key)) is not None]
    start, before = reached[-1] if reached else (0, Prefix(items))
    make = partial(_run, network, before, start, boundary, workspace)
    made: Prefix = workspace.recent(keys[-1], make, lambda one: one.n_bytes)
    return made if made.kept else None


def _key(network: Network, of: Hashable, boundary: int) -> Hashable:
    weights = next(iter(network.parameters()))
    return "prefix", of, boundary, network.checksum(network.names[:boundary]), layout(weights)


@torch.no_grad()
def _run(network: Network, before: Prefix, start: int, stop: int, workspace: Workspace) -> Prefix:
    """The items from one boundary to another, in eval mode."""
    network.eval()
    clock, items = Clock(before.items.labels.device), before.items
    first = network.run(items.inputs(torch.zeros(1, dtype=torch.long, device=items.labels.device)), start, stop)
    out, kept = _space(first, len(items), workspace)
    if out is None:
        return Prefix(items)
    with clock.running():
        for part in in_batches(items):
            out[part.to(out.device)] = network.run(items.inputs(part), start, stop).to(out.device)
    return Prefix(Encoded(out, items.labels), before.seconds + clock.seconds, kept, out.nbytes)


def _space(one: Tensor, n: int, workspace: Workspace) -> tuple[Tensor | None, Kept | None]:
    """Room for n activations like (1, ...) `one`: on its device, else in a file that is gone with this process."""
    shape, n_bytes = (n, *one.shape[1:]), n * one.nbytes
    if n_bytes <= room(workspace.device) // SEEDS:
        lies = torch.channels_last if one.dim() == 4 and layout(one) == torch.channels_last else torch.contiguous_format
        return torch.empty(shape, dtype=one.dtype, device=one.device, memory_format=lies), "memory"
    folder = workspace.storage.cache / "activations"
    folder.mkdir(parents=True, exist_ok=True)
    if n_bytes > SPARE * shutil.disk_usage(folder).free:
        return None, None
    handle, name = tempfile.mkstemp(dir=folder)
    os.close(handle)
    mapped = torch.from_file(name, shared=True, size=n * one[0].numel(), dtype=one.dtype)
    if os.name == "posix":
        Path(name).unlink()  # the map holds it
    return mapped.view(shape), "disk"
