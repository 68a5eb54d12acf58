"""Checkpoints: what a user hands over is read without unpickling, matched to a network by name, and said."""

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tlbench.errors import TlbenchError, one_line
from tlbench.network import Network

SUFFIXES = (".safetensors", ".pt", ".pth", ".th", ".bin", ".ckpt", ".tar")
WRAPPINGS = ("state_dict", "model_state_dict", "model", "net", "ema", "model_ema", "weights", "params")
HEADS = ("head", "fc.", "linear.", "classifier.")
DAMAGED = (  # what reading a file that was cut or overwritten raises
    *(SafetensorError, RuntimeError, OSError, ValueError, EOFError),
    *(LookupError, TypeError, AttributeError, AssertionError, struct.error),
)
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "backbone.", "encoder.")


@dataclass(frozen=True)
class Match:
    """What of a checkpoint fits a network: loadable weights by the network's names, and what does not."""

    weights: dict[str, Tensor]
    missing: tuple[str, ...]
    dropped: tuple[str, ...]

    def notes(self, path: str) -> tuple[str, ...]:
        """What matched, what did not and what was dropped, a line each."""
        lines = [f"{path}: {len(self.weights)} tensors matched"]
        if self.missing:
            lines.append(f"{path}: {len(self.missing)} not in the file, left random: {_some(self.missing)}")
        if self.dropped:
            lines.append(f"{path}: {len(self.dropped)} in the file dropped: {_some(self.dropped)}")
        return tuple(lines)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Tensors by name from .safetensors or a torch file, wrappings and prefixes taken off.

    Raises:
        TlbenchError: no such file, another format, a pickle that holds more than tensors (never executed), no tensors.
    """
    if not path.is_file():
        raise TlbenchError(f"no file at {path}; give file:PATH of an existing checkpoint")
    if path.suffix not in SUFFIXES:
        raise TlbenchError(f"{path}: '{path.suffix}' is not a known format; use one of {', '.join(SUFFIXES)}")
    try:
        held: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except pickle.UnpicklingError:
        raise TlbenchError(
            f"{path} refused: it is not a plain state dict, and reading it could execute code; "
            "save model.state_dict() as .safetensors or .pt and give that"
        ) from None
    except DAMAGED as error:
        what = f"is damaged or no checkpoint ({type(error).__name__})"
        raise TlbenchError(f"{path} {what}; copy or save it again") from None
    while isinstance(held, Mapping) and (inner := next((held[k] for k in WRAPPINGS if _is_group(held, k)), None)):
        held = inner
    tensors = {str(k): v for k, v in held.items() if isinstance(v, Tensor)} if isinstance(held, Mapping) else {}
    if not tensors:
        raise TlbenchError(f"{path} holds no weights; a dictionary of tensors by name is needed")
    return _strip(tensors)


def _is_group(held: Mapping[Any, Any], name: str) -> bool:
    return isinstance(held.get(name), Mapping)


def _strip(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Takes off prefixes that all names share, or that most do (a training wrapper saves its criterion beside)."""
    while True:
        for prefix in PREFIXES:
            if 2 * sum(name.startswith(prefix) for name in tensors) > len(tensors):
                tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
                break
        else:
            return tensors


def match(tensors: Mapping[str, Tensor], network: Network, path: str) -> Match:
    """Pairs a checkpoint with a network of the source's own class count, by its own or its family's public names.

    Raises:
        TlbenchError: nothing but the head fits, or nothing at all.
    """
    own, public = network.state_dict(), network.public_names
    weights: dict[str, Tensor] = {}
    dropped: list[str] = []
    for name, value in tensors.items():
        key = next((public[p + name] for p in ("", *PREFIXES) if p + name in public), name)
        if key in own and own[key].shape == value.shape:
            weights[key] = value.to(own[key].dtype)
        else:
            dropped.append(f"{name} {tuple(value.shape)}")
    missing = tuple(key for key in own if key not in weights and not key.endswith("num_batches_tracked"))
    if not any(key.startswith("blocks.") and not key.endswith("num_batches_tracked") for key in weights):
        only = "only the head fits" if "head.weight" in weights else "nothing fits"
        mend = "name the network it was saved from (`tlbench list networks`)"
        raise TlbenchError(f"{path}: {only} the network ({_some(dropped)} against {_some(list(own))}); {mend}")
    return Match(weights, missing, tuple(dropped))


def published_weights(url: str, what: str, *, allowed: bool, now: bool = True) -> Path:
    """Where torch's own cache keeps published weights; downloaded `now` if they are not there, their hash checked.

    Raises:
        TlbenchError: they are not there and may not be downloaded, or that failed; `what` names whose they are.
    """
    kept = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if kept.is_file() or (allowed and not now):
        return kept
    if not allowed:
        raise TlbenchError(f"{what}: no weights at {kept}; put them there or allow the download")
    try:
        torch.hub.load_state_dict_from_url(url, check_hash=True, weights_only=True, progress=False)
    except (OSError, RuntimeError) as error:
        raise TlbenchError(f"{what} could not be downloaded: {one_line(error)}") from None
    return kept


def head_classes(tensors: Mapping[str, Tensor]) -> int | None:
    """How many classes a checkpoint's head has: the rows of its last matrix, of those named like one where any are."""
    matrices = {name: len(value) for name, value in tensors.items() if value.ndim == 2 and name.endswith("weight")}
    named = [rows for name, rows in matrices.items() if name.startswith(HEADS)]
    rows = named or list(matrices.values())
    return rows[-1] if rows else None


def _some(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
