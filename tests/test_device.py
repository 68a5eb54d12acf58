"""Devices: chosen by name, refused where they are not there, described and waited for."""

import pytest
import torch

from tlbench.device import choose, describe, synchronise
from tlbench.errors import TlbenchError


def _have(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, *, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(0, False, "cpu"), (1, False, "cuda"), (0, True, "mps"), (2, True, "cuda")]
)
def test_auto_takes_the_fastest_that_is_there(
    cuda: int, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _have(monkeypatch, cuda, mps=mps)
    assert choose("auto") == torch.device(expected)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1", "mps"])
def test_a_device_is_chosen_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _have(monkeypatch, 2, mps=True)
    assert choose(name) == torch.device(name)


@pytest.mark.parametrize(
    "name", ["", "gpu", "tpu", "CPU", "cpu:", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda:²", "mps:0"]
)
def test_other_names_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _have(monkeypatch, 2, mps=True)
    with pytest.raises(TlbenchError, match=f"^device '{name}': write auto, cpu, cuda, cuda:N or mps$"):
        choose(name)


@pytest.mark.parametrize(("name", "kind"), [("cuda", "CUDA"), ("cuda:0", "CUDA"), ("mps", "MPS")])
def test_a_device_that_is_not_there_is_refused(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _have(monkeypatch)
    with pytest.raises(TlbenchError, match=f"device '{name}': this machine has no {kind} device .*; try cpu"):
        choose(name)


def test_a_number_beyond_the_last_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _have(monkeypatch, 2)
    with pytest.raises(TlbenchError, match="device 'cuda:2': there are 2 CUDA devices, numbered from 0"):
        choose("cuda:2")


def test_devices_are_described_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "riscv")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    assert describe(torch.device("cpu")) == "cpu (riscv)"
    assert describe(torch.device("cuda:1")) == "cuda:1 (card 1)"


@pytest.mark.parametrize(("name", "expected"), [("cpu", []), ("cuda:1", ["cuda:1"]), ("mps", ["mps"])])
def test_a_device_is_waited_for(name: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: waited.append(str(device)))
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    synchronise(torch.device(name))
    assert waited == expected
