"""What a file is that is no checkpoint, from its first bytes: a suffix is only a name."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tlbench.errors import TlbenchError

Kind = Literal["zip", "pickle", "safetensors"]
HEAD_BYTES = 1024
HEADER_LIMIT = 100_000_000  # bytes; what the safetensors format allows its header to be
OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # the magic number that torch pickled first before 1.6
TENSORS = ".safetensors"
WEIGHTS = (TENSORS, ".pt", ".pth", ".th", ".bin", ".ckpt")
MAGIC: tuple[tuple[bytes, str], ...] = (  # how a file begins, what it then is and what to do
    (b"version https://git-lfs", "is a git-lfs pointer, not the weights; run `git lfs pull` where it was cloned"),
    (b"\x1f\x8b", "is compressed (gzip); unpack it and give the checkpoint within"),
    (b"BZh", "is compressed (bzip2); unpack it and give the checkpoint within"),
    (b"\xfd7zXZ\x00", "is compressed (xz); unpack it and give the checkpoint within"),
    (b"\x28\xb5\x2f\xfd", "is compressed (zstandard); unpack it and give the checkpoint within"),
    (b"7z\xbc\xaf\x27\x1c", "is an archive (7z); unpack it and give the checkpoint within"),
    (b"Rar!", "is an archive (rar); unpack it and give the checkpoint within"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes; convert its weights to a PyTorch state dict"),
    (b"\x93NUMPY", "is one numpy array, not a state dict; save the tensors by name as .safetensors or .pt"),
    (b"GGUF", "is a GGUF file; give the weights as .safetensors or .pt"),
    (b"\x89PNG", "is a picture (PNG), not weights"),
    (b"\xff\xd8\xff", "is a picture (JPEG), not weights"),
    (b"%PDF", "is a PDF, not weights"),
)


def kind_of(path: Path) -> Kind:
    """Which of torch's two formats, or safetensors.

    Raises:
        TlbenchError: no such file, or something else, named for what it is with the way to the weights.
    """
    _refuse_no_file(path)
    with path.open("rb") as file:
        first = file.read(HEAD_BYTES)
    if not first:
        raise TlbenchError(f"{path} is empty (0 bytes); copy or download it again")
    for begin, what in MAGIC:
        if first.startswith(begin):
            raise TlbenchError(f"{path} {what}")
    if first[257:262] == b"ustar":
        raise TlbenchError(f"{path} is a tar archive; unpack it and give the checkpoint within")
    if first.startswith(b"PK"):
        _refuse_other_archives(path)
        return "zip"
    if first.startswith(b"\x80"):
        _refuse_plain_pickles(path, first)
        return "pickle"
    _refuse_text(path, first)
    if first[:1] == b"\x08" and (b"onnx" in first or b"pytorch" in first):
        raise TlbenchError(f"{path} is an ONNX model; save model.state_dict() in PyTorch and give that")
    _check_header(path, first)
    return "safetensors"


def _refuse_no_file(path: Path) -> None:
    if path.is_dir():
        within = sorted(one.name for one in path.iterdir() if one.suffix.lower() in WEIGHTS)
        named = f" ({', '.join(within[:3])})" if within else ""
        raise TlbenchError(f"{path} is a folder; give file:PATH of the checkpoint within{named}")
    if not path.is_file():
        raise TlbenchError(f"no file at {path}; give file:PATH of an existing checkpoint")


def _refuse_other_archives(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise TlbenchError(f"{path} is damaged: cut short, or overwritten; copy or download it again") from None
    last = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in last:
        mend = "save torch.jit.load(PATH).state_dict() with torch.save and give that"
        raise TlbenchError(f"{path} is a TorchScript archive, which holds code; {mend}")
    if "data.pkl" in last:
        return
    for what in _archives(names, path.parent):
        raise TlbenchError(f"{path} is {what}")


def _archives(names: list[str], folder: Path) -> Iterator[str]:
    """What a zip archive that is not torch's is, most telling first."""
    if names and all(name.endswith(".npy") for name in names):
        yield "a numpy .npz archive, not a state dict; save the tensors by name as .safetensors or .pt"
    if "model.weights.h5" in names:
        yield "a Keras model; convert its weights to a PyTorch state dict"
    if any(name.endswith("models/extra/model.json") or ".package/" in name for name in names):
        yield "a torch.package archive, which holds code; save the model's state_dict() and give that"
    within = ", ".join(names[:3]) or "nothing"
    yield f"a zip archive that torch did not write (it holds {within}); unpack it in {folder} and give the checkpoint"


def _refuse_plain_pickles(path: Path, first: bytes) -> None:
    if first.startswith(OLD_TORCH) or OLD_TORCH.startswith(first):
        return
    raise TlbenchError(
        f"{path} refused: it is a plain pickle, not torch's, and reading it could execute code; "
        "save model.state_dict() as .safetensors or .pt and give that"
    )


def _refuse_text(path: Path, first: bytes) -> None:
    """A page, an index or other text; what is written in letters throughout is no array of numbers."""
    try:
        text = first.decode("utf-8").lstrip("\ufeff \t\r\n")
    except UnicodeDecodeError as error:
        if error.start < len(first) - 3:  # else a letter was cut at the end
            return
        text = first[: error.start].decode("utf-8").lstrip()
    if not text.isprintable() and any(ord(letter) < 32 and letter not in "\t\r\n\f" for letter in text):
        return
    if text.startswith("<"):
        what = "a web page (HTML or XML), not weights; download the file itself, signed in where that is needed"
    elif text[:1] in ("{", "["):
        what = _of_json(path)
    else:
        what = f"text, not weights (it begins {text[:30]!r}); copy or download the file itself"
    raise TlbenchError(f"{path} is {what}")


def _of_json(path: Path) -> str:
    try:
        held = json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError):
        held = None
    parts = held.get("weight_map") if isinstance(held, dict) else None
    if isinstance(parts, dict) and parts:
        files = sorted({str(name) for name in parts.values()})
        return f"the index of weights in {len(files)} files ({', '.join(files[:3])}); join them into one and give that"
    return "JSON, not weights; give the file that holds the tensors"


def _check_header(path: Path, first: bytes) -> None:
    """A safetensors header says how long it is; what cannot be one is no safetensors file."""
    length, size = int.from_bytes(first[:8], "little"), path.stat().st_size
    begins = first[8:9] == b"{"
    if not begins and path.suffix.lower() != TENSORS:
        known = ", ".join(WEIGHTS)
        raise TlbenchError(f"{path} is no checkpoint: neither torch's format nor safetensors ({known})")
    if size < 10 or not begins or length > HEADER_LIMIT or 8 + length > size:
        said = f"its header claims {length} bytes of {size}" if begins and size >= 10 else "it has no header"
        raise TlbenchError(f"{path} is damaged or no checkpoint ({said}); copy or download it again")
