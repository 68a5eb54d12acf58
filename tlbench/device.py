"""The device a run uses: chosen, checked, named, synchronised."""

import platform

import torch

from tlbench.errors import TlbenchError

FORMS = "auto, cpu, cuda, cuda:N or mps"


def choose(name: str) -> torch.device:
    """The device for `auto|cpu|cuda|cuda:N|mps`.

    Raises:
        TlbenchError: no such device here, or no such form.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _mps() else "cpu")
    kind, colon, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (colon and (kind != "cuda" or not index.isdecimal())):
        raise TlbenchError(f"device '{name}': write {FORMS}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise TlbenchError(f"device '{name}': this machine has no CUDA device that torch can use; try cpu")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        raise TlbenchError(f"device '{name}': there are {torch.cuda.device_count()} CUDA devices, numbered from 0")
    if kind == "mps" and not _mps():
        raise TlbenchError(f"device '{name}': this machine has no MPS device that torch can use; try cpu")
    return torch.device(name)


def describe(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({platform.processor() or platform.machine()})"


def synchronise(device: torch.device) -> None:
    """Waits until the device has done what it was given, so that a clock reads the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _mps() -> bool:
    return torch.backends.mps.is_available()
