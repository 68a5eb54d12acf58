"""A file to tensors by name: nested dictionaries become dotted names, and nothing in the file is executed."""

import pickle
import struct
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tlbench.errors import TlbenchError, one_line
from tlbench.readers.checkpoints.foreign import kind_of
from tlbench.readers.checkpoints.inert import names_in, stand_ins

WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
KEPT_BYTES = 1 << 28  # of opened files that stay in memory, the latest always
DAMAGED = (  # what reading a file that was cut or overwritten raises
    *(SafetensorError, RuntimeError, OSError, ValueError, EOFError),
    *(LookupError, TypeError, AttributeError, AssertionError, struct.error),
)
PLAIN = "save model.state_dict() as .safetensors or .pt and give that"
_opened: dict[tuple[str, int, int, int], "Checkpoint"] = {}


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: tensors by dotted name; ordered: as the model has them, which safetensors does not keep."""

    path: Path
    tensors: dict[str, Tensor]
    ordered: bool

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        return sum(value.numel() * value.element_size() for value in self.tensors.values())


def read_checkpoint(path: Path) -> Checkpoint:
    """A file's tensors, kept in memory while the file is the same.

    Raises:
        TlbenchError: no such file, another format, damage, code (never executed), or no tensors in it.
    """
    kind = kind_of(path)
    status = path.stat()
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    found = _opened.pop(key, None) or _read(path, ordered=kind != "safetensors")
    _opened[key] = found
    while len(_opened) > 1 and sum(one.n_bytes for one in _opened.values()) > KEPT_BYTES:
        del _opened[next(iter(_opened))]
    return found


def _read(path: Path, *, ordered: bool) -> Checkpoint:
    try:
        held = _unpickled(path) if ordered else load_file(path)
    except pickle.UnpicklingError as error:
        raise _refusal(path, error) from None
    except DAMAGED as error:
        raise TlbenchError(f"{path} is damaged ({_short(error)}); copy or save it again") from None
    tensors = _unwrapped(dict(_flat(held, "")))
    if not tensors or isinstance(held, Tensor):
        arrays = ordered and any(name.endswith("._reconstruct") for name in names_in(path))
        why = " (numpy arrays are no tensors)" if arrays else ""
        raise TlbenchError(f"{path} holds no weights; a dictionary of tensors by name is needed{why}")
    return Checkpoint(path, tensors, ordered)


def _unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without what wrappers add to names, at whatever depth; as they are where two would become one."""
    found = {without_wrappers(name): value for name, value in tensors.items()}
    return found if len(found) == len(tensors) else tensors


def without_wrappers(name: str) -> str:
    """A dotted name without the parts that data parallelism, compiling and sharding put in."""
    *parts, last = name.split(".")
    return ".".join([*(part for part in parts if part not in WRAPPERS), last])


def _unpickled(path: Path) -> Any:
    """What torch's own restricted reader gives, configuration values replaced by stand-ins."""
    allowed = torch.serialization.safe_globals(stand_ins(names_in(path)))
    with allowed, warnings.catch_warnings(), path.open("rb") as file:  # by its path, torch would go by the suffix
        warnings.simplefilter("ignore", UserWarning)  # of sparse and quantised tensors, which are dealt with later
        return torch.load(file, map_location="cpu", weights_only=True)


def _flat(held: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(held, Tensor):
        yield prefix.removesuffix("."), held
        return
    items = held.items() if isinstance(held, Mapping) else enumerate(held) if isinstance(held, list | tuple) else ()
    for name, value in items:
        yield from _flat(value, f"{prefix}{name}.")


def _refusal(path: Path, error: pickle.UnpicklingError) -> TlbenchError:
    """Why torch would not read it: a whole model, other classes, another protocol."""
    names = names_in(path) if "Unsupported operand" not in str(error) else set()
    known = {name for _, name in (one for one in stand_ins(names) if isinstance(one, tuple))}
    foreign = sorted(names - known, key=lambda name: (name.startswith("torch."), name))
    layers = [name for name in foreign if name.startswith("torch.nn.modules.")]
    if "Unsupported operand" in str(error):
        what = "it was pickled with another protocol than torch's own"
    elif layers:
        what = f"it is a whole pickled model ({_some(foreign)})"
    elif foreign:
        what = f"it is not a plain state dict ({_some(foreign)})"
    else:
        what = "it is not a plain state dict"
    return TlbenchError(f"{path} refused: {what}, and reading it could execute code; {PLAIN}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _short(error: BaseException) -> str:
    text = one_line(error)
    return text if len(text) <= 120 else f"{text[:117]}..."
