"""Numbers of each test item as text within JSON: what it contributed, which class it is of."""

import base64
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Contributions: TypeAlias = npt.NDArray[np.float64]
BYTES = {"1": "<u1", "2": "<u2", "4": "<u4"}  # of a packed label


def pack_items(values: npt.NDArray[Any]) -> str:
    """(N,) numbers as text: zeros and ones eight to a byte, others as 32-bit floats; base64 behind a letter."""
    if np.isin(values, (0, 1)).all():
        return "b" + _text(np.packbits(values.astype(np.bool_)))
    return "f" + _text(values.astype("<f4"))


def unpack_items(text: str, n: int) -> Contributions:
    """The (n,) numbers that `pack_items` packed."""
    raw = base64.b64decode(text[1:])
    if text[0] == "b":
        return np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=n).astype(np.float64)
    return np.frombuffer(raw, dtype="<f4", count=n).astype(np.float64)


def pack_labels(labels: npt.NDArray[np.int64], n_classes: int) -> str:
    """(N,) indices of classes as text: a byte each, or as many as so many classes need, behind their number."""
    size = next(size for size in BYTES if n_classes <= 1 << 8 * int(size))
    return size + _text(labels.astype(BYTES[size]))


def unpack_labels(text: str) -> npt.NDArray[np.int64]:
    """The (N,) indices that `pack_labels` packed."""
    return np.frombuffer(base64.b64decode(text[1:]), dtype=BYTES[text[0]]).astype(np.int64)


def _text(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
