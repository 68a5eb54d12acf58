"""Opening a checkpoint: by its first bytes, without executing anything, and what is no checkpoint is named."""

import argparse
import collections
import gzip
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.checkpoints import build, public, saved
from tlbench.errors import TlbenchError
from tlbench.readers import published_weights, read_checkpoint
from tlbench.readers.checkpoints import opening


def _same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[key], expected[key]) for key in expected)


def _read(path: Path) -> dict[str, Tensor]:
    return read_checkpoint(path).tensors


def _refused(path: Path) -> str:
    with pytest.raises(TlbenchError) as caught:
        read_checkpoint(path)
    text = str(caught.value)
    assert text.startswith(f"{path} ")
    assert "\n" not in text
    return text.removeprefix(f"{path} ")


@pytest.mark.parametrize(
    "name", ["a.safetensors", "a.pt", "a.PTH", "a.th", "a.bin", "a.ckpt", "a.pth.tar", "a.weights"]
)
def test_every_format_is_read_whatever_its_suffix(name: str, tmp_path: Path) -> None:
    path, tensors = tmp_path / name, build().state_dict()
    save_file(tensors, path) if name.endswith("safetensors") else torch.save(tensors, path)
    found = read_checkpoint(path)
    assert _same(found.tensors, tensors)
    assert found.ordered == (not name.endswith("safetensors"))


def test_a_suffix_does_not_decide_the_format(tmp_path: Path) -> None:
    tensors = build().state_dict()
    save_file(tensors, tmp_path / "a.pth")
    torch.save(tensors, tmp_path / "a.safetensors")
    assert _same(_read(tmp_path / "a.pth"), tensors)
    assert _same(_read(tmp_path / "a.safetensors"), tensors)


def test_the_old_format_of_torch_is_read(tmp_path: Path) -> None:
    tensors = build().state_dict()
    torch.save(tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert _same(_read(tmp_path / "old.pth"), tensors)


def test_nested_names_are_dotted_and_wrappers_left_out_at_any_depth(tmp_path: Path) -> None:
    one, other = torch.ones(2), torch.zeros(3)
    held = {
        "a": {"module.b": one, "_orig_mod.c.module.d": other},
        "list": [{"_fsdp_wrapped_module.e": one}],
        "epoch": 3,
    }
    assert list(_read(saved(tmp_path / "a.pt", held))) == ["a.b", "a.c.d", "list.0.e"]


def test_names_that_wrappers_alone_tell_apart_are_kept(tmp_path: Path) -> None:
    held = {"module.a": torch.ones(2), "a": torch.zeros(2)}
    assert list(_read(saved(tmp_path / "a.pt", held))) == ["module.a", "a"]


def _configuration() -> dict[str, Any]:
    return {
        "args": argparse.Namespace(lr=0.1, out=Path("runs"), at=datetime(2020, 1, 1, tzinfo=UTC), kind=np.dtype("f4")),
        "best": np.float64(91.5),
        "curve": np.zeros(3),
        "meters": collections.defaultdict(list, loss=[0.5]),
    }


@pytest.mark.parametrize("zipped", [True, False])
def test_configuration_beside_the_weights_does_no_harm(zipped: bool, tmp_path: Path) -> None:
    tensors, allowed = public(build()), torch.serialization.get_safe_globals()
    torch.save(
        _configuration() | {"model": collections.defaultdict(None, tensors)},
        tmp_path / "a.pth",
        _use_new_zipfile_serialization=zipped,
    )
    assert _same(_read(tmp_path / "a.pth"), {f"model.{name}": value for name, value in tensors.items()})
    assert set(torch.serialization.get_safe_globals()) == set(allowed), "nothing stays allowed"


class Malice:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (self.path, "w")


def _plainly(held: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(held, protocol=2))


def _in_the_old_format(held: object, path: Path) -> None:
    torch.save(held, path, _use_new_zipfile_serialization=False)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("save", [torch.save, _in_the_old_format, _plainly])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(
    save: Callable[[object, Path], Any], tmp_path: Path
) -> None:
    trap, path = tmp_path / "trap", tmp_path / "evil.pt"
    save({"state_dict": build().state_dict(), "args": argparse.Namespace(), "extra": Malice(trap)}, path)
    text = _refused(path)
    assert text.endswith("could execute code; save model.state_dict() as .safetensors or .pt and give that")
    assert ("io.open" in text) == (save is not _plainly)
    assert "argparse" not in text, "which is not what it was refused for"
    assert not trap.exists()
    torch.load(path, weights_only=False) if save is not _plainly else pickle.loads(path.read_bytes())
    assert trap.exists(), "the trap works"


def test_a_whole_pickled_model_is_refused_as_such(tmp_path: Path) -> None:
    text = _refused(saved(tmp_path / "model.pt", {"model": torch.nn.Sequential(torch.nn.Linear(2, 3)), "epoch": 1}))
    assert text.startswith("refused: it is a whole pickled model (torch.nn.modules.container.Sequential, torch.nn.")
    assert "save model.state_dict()" in text


def test_another_protocol_of_pickle_is_named(tmp_path: Path) -> None:
    torch.save({"model": build().state_dict()}, tmp_path / "a.pt", pickle_protocol=4)
    assert "it was pickled with another protocol than torch's own" in _refused(tmp_path / "a.pt")


FOREIGN = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 46830571\n": "is a git-lfs pointer, not the",
    b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>": "is a web page (HTML or XML), not weig",
    b'\n<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>': "is a web page (HTML or XML)",
    b'{"error": "not found"}': "is JSON, not weights",
    b'{"weight_map": {"a": "x-1.safetensors", "b": "x-2.safetensors"}}': "is the index of weights in 2 files (x-1.safe",
    b"Not Found": "is text, not weights (it begins 'Not Found')",
    b"": "is empty (0 bytes)",
    b"\x89HDF\r\n\x1a\n" + bytes(99): "is an HDF5 file, as Keras writes",
    b"\x93NUMPY\x01\x00": "is one numpy array",
    b"\x08\x07\x12\x07pytorch\x1a\x052.1.0" + bytes(range(256)): "is an ONNX model",
    b"BZh91AY&SY": "is compressed (bzip2)",
    bytes(range(200, 256)) * 9: "is no checkpoint: neither torch's format nor safetensors",
    b"\x80\x04\x95": "refused: it is a plain pickle, not torch's, and reading it could execute code",
}


@pytest.mark.parametrize("content", list(FOREIGN), ids=list(FOREIGN.values()))
def test_a_file_that_is_something_else_is_named_for_what_it_is(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    assert _refused(tmp_path / "a.pth").startswith(FOREIGN[content])


def _archive(path: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return path


def test_archives_are_told_apart(tmp_path: Path) -> None:
    inner = saved(tmp_path / "inner.pth", build().state_dict())
    with gzip.open(tmp_path / "a.gz", "wb") as file:
        file.write(inner.read_bytes())
    with tarfile.open(tmp_path / "a.pth.tar", "w") as archive:
        archive.add(inner)
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    zipped = _archive(tmp_path / "a.zip", {"weights/a.pth": inner.read_bytes()})
    assert _refused(tmp_path / "a.gz").startswith("is compressed (gzip); unpack it")
    assert _refused(tmp_path / "a.pth.tar").startswith("is a tar archive; unpack it")
    assert _refused(tmp_path / "a.npz").startswith("is a numpy .npz archive")
    assert _refused(zipped).startswith("is a zip archive that torch did not write (it holds weights/a.pth); unpack")
    assert _refused(_archive(tmp_path / "a.keras", {"model.weights.h5": b""})).startswith("is a Keras model")


def test_a_torchscript_archive_says_how_its_weights_are_had(tmp_path: Path) -> None:
    path = _archive(tmp_path / "a.pt", {"a/data.pkl": b"", "a/code/model.py": b"", "a/constants.pkl": b""})
    assert _refused(path) == (
        "is a TorchScript archive, which holds code; "
        "save torch.jit.load(PATH).state_dict() with torch.save and give that"
    )


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    save_file({"a": torch.ones(1)}, tmp_path / "model" / "model.safetensors")
    assert _refused(tmp_path / "model").endswith("give file:PATH of the checkpoint within (model.safetensors)")
    with pytest.raises(TlbenchError, match=f"^no file at {tmp_path / 'gone.pt'}; give file:PATH"):
        read_checkpoint(tmp_path / "gone.pt")


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "old.pt"])
@pytest.mark.parametrize("length", [0, 1, 4, 100, 1000, -100, -1])
def test_a_truncated_file_is_told_in_one_line(suffix: str, length: int, tmp_path: Path) -> None:
    path, tensors = tmp_path / f"cut.{suffix}", build().state_dict()
    if suffix == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=suffix == "pt")
    path.write_bytes(path.read_bytes()[:length])
    begins = (
        "is empty (0 bytes); copy or download it again" if length == 0 else ("is damaged", "is text", "is no check")
    )
    assert _refused(path).startswith(begins)


def _relabelled(path: Path, change: Callable[[dict[str, Any]], object], length: int | None = None) -> Path:
    """A safetensors file of two tensors whose header was changed."""
    save_file({"a": torch.ones(2), "b": torch.zeros(2)}, path)
    whole = path.read_bytes()
    end = 8 + struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8:end])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + whole[end:])
    return path


@pytest.mark.parametrize(
    ("change", "length"),
    [
        (lambda header: header["b"].update(data_offsets=[8, 10**9]), None),
        (lambda header: header["b"].update(data_offsets=[0, 8]), None),
        (lambda header: header["b"].update(shape=[10**6]), None),
        (lambda _: None, 1 << 60),
        (lambda _: None, 3),
    ],
)
def test_a_safetensors_header_that_lies_is_refused(
    change: Callable[[dict[str, Any]], object], length: int | None, tmp_path: Path
) -> None:
    assert _refused(_relabelled(tmp_path / "a.safetensors", change, length)).startswith("is damaged")


@pytest.mark.parametrize("held", [{}, {"epoch": 3}, torch.ones(3), {"state_dict": {}}, {"a": np.zeros(3)}])
def test_a_file_without_weights_is_refused(held: object, tmp_path: Path) -> None:
    text = _refused(saved(tmp_path / "a.pt", held))
    assert text.startswith("holds no weights; a dictionary of tensors by name is needed")
    assert ("numpy arrays are no tensors" in text) == (isinstance(held, dict) and "a" in held)


def test_a_file_is_read_once_while_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.pt", {"a": torch.ones(2)})
    first = read_checkpoint(path)
    assert read_checkpoint(path) is first
    saved(path, {"a": torch.zeros(2)})
    assert torch.equal(_read(path)["a"], torch.zeros(2)), "a changed file is read anew"
    monkeypatch.setattr(opening, "KEPT_BYTES", 0)
    second = read_checkpoint(path)
    read_checkpoint(saved(tmp_path / "b.pt", {"b": torch.ones(2)}))
    assert read_checkpoint(path) is not second, "what is large makes room for another"


def test_nothing_is_fetched_unless_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    kept = tmp_path / "hub" / "checkpoints" / "a.pth"
    with pytest.raises(TlbenchError, match=rf"zoo: no weights at {kept}; put them there or allow the download"):
        published_weights("https://example.invalid/a.pth", "zoo", allowed=False)
    assert published_weights("https://example.invalid/a.pth", "zoo", allowed=True, now=False) == kept


def test_a_fetch_that_fails_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route\nto host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with pytest.raises(TlbenchError, match=r"^zoo could not be downloaded: OSError: no route to host$"):
        published_weights("https://example.invalid/a.pth", "zoo", allowed=True)
