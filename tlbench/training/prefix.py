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

from tlbench.network import Masked, Network, values_of
from tlbench.training.items import Encoded, Items
from tlbench.training.layers import layout
from tlbench.training.learners import in_batches
from tlbench.training.loop import Clock
from tlbench.workspace import Workspace, room

SEEDS = 6  # as many may be in use at once: those of a unit, and one more
SPARE = 0.5  # share of the free disk that activations may take
KeptIn: TypeAlias = Literal["memory", "disk"]


@dataclass(frozen=True)
class Prefixed:
    """Items at a boundary, the seconds it took to bring them there, and where their activations are kept."""

    items: Items
    seconds: float = 0.0
    kept_in: KeptIn | None = None
    n_bytes: int = 0


class FrozenPrefix:
    """The blocks of a network before a boundary, which never learn: items are run through them once.

    Blocks are told apart by their weights, digested once here, so that every method that freezes the same ones finds
    what the first has made.
    """

    def __init__(self, network: Network, boundary: int, workspace: Workspace) -> None:
        self.boundary, self._network, self._workspace = boundary, network, workspace
        digests = network.leading_digests() if boundary else []
        lies = layout(next(iter(network.parameters())))
        self._keys = [("prefix", at, digests[min(at, len(network.names))], lies) for at in range(1, boundary + 1)]

    def apply(self, items: Items, of: Hashable) -> Prefixed | None:
        """The items at the boundary; None where what the blocks give fits neither in memory nor on the disk.

        Passes go on from the nearest boundary that was reached before. of: names the items.
        """
        if self.boundary == 0:
            return Prefixed(items)
        keys = [(*key, of) for key in self._keys]
        known = [(at, kept) for at, key in enumerate(keys, 1) if (kept := self._workspace.if_cached(key)) is not None]
        start, before = known[-1] if known else (0, Prefixed(items))
        make = partial(self._run, before, start)
        made = self._workspace.cached_while_room(keys[-1], make, lambda prefixed: prefixed.n_bytes)
        return made if made.kept_in else None

    @torch.no_grad()
    def _run(self, before: Prefixed, start: int) -> Prefixed:
        """The items from one boundary to this one, in eval mode."""
        network, items, stop = self._network.eval(), before.items, self.boundary
        clock = Clock(items.labels.device)
        first = network.run(items.inputs(torch.zeros(1, dtype=torch.long, device=items.labels.device)), start, stop)
        values, kept_in = _space(values_of(first), len(items), self._workspace)
        if values is None:
            return Prefixed(items)
        mask = first.mask.new_empty((len(items), *first.mask.shape[1:])) if isinstance(first, Masked) else None
        with clock.running():
            for chosen in in_batches(items):
                out, places = network.run(items.inputs(chosen), start, stop), chosen.to(values.device)
                values[places] = values_of(out).to(values.device)
                if mask is not None and isinstance(out, Masked):
                    mask[chosen] = out.mask
        encoded = Encoded(values, items.labels, mask)
        return Prefixed(encoded, before.seconds + clock.seconds, kept_in, values.nbytes)


def _space(item: Tensor, n: int, workspace: Workspace) -> tuple[Tensor | None, KeptIn | None]:
    """Room for n activations like (1, ...) `item`: on its device, else in a file that is gone with this process."""
    shape, n_bytes = (n, *item.shape[1:]), n * item.nbytes
    if n_bytes <= room(workspace.device) // SEEDS:
        by_pixel = item.dim() == 4 and layout(item) == torch.channels_last
        lies = torch.channels_last if by_pixel else torch.contiguous_format
        return torch.empty(shape, dtype=item.dtype, device=item.device, memory_format=lies), "memory"
    folder = workspace.storage.cache / "activations"
    folder.mkdir(parents=True, exist_ok=True)
    if n_bytes > SPARE * shutil.disk_usage(folder).free:
        return None, None
    handle, name = tempfile.mkstemp(dir=folder)
    os.close(handle)
    mapped = torch.from_file(name, shared=True, size=n * item[0].numel(), dtype=item.dtype)
    if os.name == "posix":
        Path(name).unlink()  # the map holds it
    return mapped.view(shape), "disk"
