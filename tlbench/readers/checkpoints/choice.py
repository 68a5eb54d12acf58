"""Which of a file's candidates is taken: averaged weights first, as their authors use them; the others are said."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tlbench.errors import TlbenchError, some
from tlbench.network import Network, Setup
from tlbench.readers.checkpoints.candidates import candidates, sizes
from tlbench.readers.checkpoints.fit import Fit, Wanted, is_aside
from tlbench.readers.checkpoints.misfit import NAMED, misfit
from tlbench.readers.checkpoints.opening import Checkpoint, without_wrappers

AVERAGED = {"ema", "avg", "average", "averaged", "swa", "teacher"}
SECOND = re.compile(r"student|(\w+_)?encoder_k|(\w+_)?(momentum|target|key)(_\w+)?|old|initial")  # not what is used
TOP = "."  # the key of what lies at the top of a file


@dataclass(frozen=True)
class Choice:
    """The weights that were taken, by the network's names; head: how many outputs, 0 where there is none."""

    blocks: dict[str, Tensor]
    head: dict[str, Tensor]
    notes: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Rows of the head, 0 without one."""
        return len(self.head["weight"]) if self.head else 0

    def fill(self, network: Network) -> None:
        """Puts them into a network of the same blocks, and of as many classes where there is a head."""
        head = {f"head.{name}": value for name, value in self.head.items()}
        network.load_state_dict(self.blocks | head, strict=False)


def choose(checkpoint: Checkpoint, setup: Setup, network: Network, key: str = "", *, partial: bool = False) -> Choice:
    """The candidate that fills the network of a setup, with what is to be said of it.

    key: a nested name that chooses among several. partial: whether some of the blocks are enough.

    Raises:
        TlbenchError: none does, and what would; several do and nothing tells which; zeros, NaN or quantised numbers.
    """
    path, wanted = checkpoint.path, Wanted.of(network)
    tensors = _under_key(checkpoint, key)
    found = candidates(tensors, wanted, ordered=checkpoint.ordered)
    found = [fit for fit in found if key != TOP or not fit.prefix]
    best = found[0] if found else None
    if best is None or not (best.complete or (partial and _holds_matrix(tensors, best))):
        raise misfit(checkpoint, tensors, best, wanted, setup, partial=partial)
    same = [fit for fit in found if (fit.complete, len(fit.blocks)) == (best.complete, len(best.blocks))]
    trained = [fit for fit in same if not _all_zero(tensors, fit)]
    if not trained:
        raise TlbenchError(f"{path}: every weight is zero, which no trained network has; save it again")
    fit = _preferred(path, tensors, trained)
    values = {key: _dense(path, name, tensors[name]) for key, name in fit.blocks.items()}
    head = {part: _dense(path, n, tensors[n]) for part, n in zip(("weight", "bias"), fit.head or (), strict=False) if n}
    if head and "bias" not in head:
        head["bias"] = torch.zeros(len(head["weight"]))
    idle = [one for one in same if one not in trained]
    return Choice(values, head, tuple(f"{path}: {line}" for line in _said(fit, found, idle, tensors)))


def _holds_matrix(tensors: Mapping[str, Tensor], fit: Fit) -> bool:
    return any(tensors[name].ndim > 1 and tensors[name].is_floating_point() for name in fit.blocks.values())


def _all_zero(tensors: Mapping[str, Tensor], fit: Fit) -> bool:
    matrices = [tensors[name] for name in fit.blocks.values() if tensors[name].ndim > 1]
    return all(value.layout == torch.strided and not value.is_meta and not value.any() for value in matrices)


def _dense(path: Path, name: str, value: Tensor) -> Tensor:
    """Plain numbers, every one finite."""
    if value.is_meta:
        raise TlbenchError(
            f"{path}: '{name}' has a shape and no numbers (the meta device); save the weights themselves"
        )
    plain = value.to_dense() if value.layout != torch.strided else value
    if plain.is_floating_point() and not bool(torch.isfinite(plain.float()).all()):
        bad = int((~torch.isfinite(plain.float())).sum())
        raise TlbenchError(
            f"{path}: '{name}' holds NaN or infinity ({bad} of {plain.numel()} numbers); "
            "the training that wrote it diverged, give an earlier checkpoint"
        )
    return plain


def _preferred(path: Path, tensors: Mapping[str, Tensor], fits: Sequence[Fit]) -> Fit:
    """The one that its authors would use.

    Raises:
        TlbenchError: several are as good, and they differ.
    """
    first = min(fits, key=lambda fit: _rank(fit.prefix))
    equals = [fit for fit in fits if _rank(fit.prefix) == _rank(first.prefix) and _differs(tensors, fit, first)]
    if equals:
        labels = [_label(first, equals[0]), *(_label(fit, first) for fit in equals)]
        there = ", ".join(f'"{label}"' for label in labels)
        raise TlbenchError(f"{path} holds several networks that fit: {there}; choose one by key")
    return first


def _rank(prefix: str) -> int:
    parts = prefix.lower().split(".")
    if any(AVERAGED & set(re.split(r"[\W_]+", part)) for part in parts):
        return 0
    return 2 if any(map(SECOND.fullmatch, parts)) else 1


def _differs(tensors: Mapping[str, Tensor], one: Fit, other: Fit) -> bool:
    pairs = [(tensors[one.blocks[key]], tensors[other.blocks[key]]) for key in one.blocks if key in other.blocks]
    if one is other:
        return False
    return len(pairs) < len(other.blocks) or not all(torch.equal(a.to_dense(), b.to_dense()) for a, b in pairs)


def _label(fit: Fit, other: Fit) -> str:
    """The first part of a prefix that another one does not share."""
    mine, theirs = fit.prefix.split("."), other.prefix.split(".")
    return next((part for i, part in enumerate(mine) if part and theirs[i : i + 1] != [part]), TOP)


def _said(fit: Fit, found: Sequence[Fit], idle: Sequence[Fit], tensors: Mapping[str, Tensor]) -> list[str]:
    lines = [f"{len(fit.taken())} tensors matched"]
    if not fit.complete:
        lines = [f"partial: {len(fit.blocks)} of {len(fit.blocks) + len(fit.missing)} tensors of the blocks matched"]
        lines += (
            [f"partial: not in the file, left as in a new network: {some(fit.missing, NAMED)}"] if fit.missing else []
        )
        lines += [f"partial: in the file and not used: {some(fit.leftover, NAMED)}"] if fit.leftover else []
    if fit.by_position:
        pairs = [f"{name} for {key}" for key, name in fit.blocks.items()]
        lines.append(f"matched by position, names differ ({some(pairs, NAMED)})")
    lines += [_beaten(fit, other, tensors, zero=other in idle) for other in _others(fit, found)]
    if fit.dropped:
        lines.append(f"a head that does not fit was dropped: {some(fit.dropped, NAMED)}")
    elif fit.head is None:
        lines.append("no head in the file")
    elif not fit.head[1]:
        lines.append("the head has no bias in the file: zeros stand for it")
    if sparse := [name for name in fit.taken() if tensors[name].layout != torch.strided]:
        lines.append(f"{len(sparse)} sparse tensors made dense: {some(sparse, NAMED)}")
    beside = _beside(fit, found, tensors)
    return [*lines, f"{len(beside)} tensors beside it not used: {some(beside, NAMED)}"] if beside else lines


def _others(fit: Fit, found: Sequence[Fit]) -> list[Fit]:
    """Candidates made of other tensors, of which at least half the network would be filled."""
    taken = set(fit.blocks.values())
    likely = [other for other in found if 2 * len(other.blocks) > len(fit.blocks)]
    return [other for other in likely if taken.isdisjoint(other.blocks.values())]


def _beaten(fit: Fit, other: Fit, tensors: Mapping[str, Tensor], *, zero: bool) -> str:
    mine, theirs = _label(fit, other), _label(other, fit)
    how = f': key = "{theirs}" chooses it' if other.complete else ", incomplete: it was passed over"
    how = ", all zero: it was passed over" if zero else how
    equal = "" if _differs(tensors, other, fit) else " with the same weights"
    return f"{mine} taken; {theirs} is there too{equal}{how}"


def _beside(fit: Fit, found: Sequence[Fit], tensors: Mapping[str, Tensor]) -> list[str]:
    """Tensors outside the prefix that neither training nor another candidate accounts for."""
    others = _others(fit, found)
    prefixes = tuple(one.prefix for one in others if one.prefix)
    known = {name for one in (fit, *others) for name in (*one.taken(), *one.dropped)}
    names = [name for name in tensors if not name.startswith((fit.prefix, *prefixes)) and name not in known]
    return [n for n in names if not (is_aside(n, tensors[n]) or is_aside(n.rpartition(".")[2], tensors[n]))]


def _under_key(checkpoint: Checkpoint, key: str) -> dict[str, Tensor]:
    """What lies under a nested name; everything without one."""
    if key in ("", TOP):
        return checkpoint.tensors
    part = f".{without_wrappers(f'{key}.')}"
    found = {name: value for name, value in checkpoint.tensors.items() if part in f".{name}"}
    if not found:
        there = [prefix.removesuffix(".") for prefix, _ in sizes(checkpoint.tensors).most_common() if prefix]
        named = ", ".join(prefix for prefix in there if prefix.count(".") < 2) or "tensors at the top alone"
        raise TlbenchError(f"{checkpoint.path}: nothing lies under key '{key}'; there is {named}")
    return found
