"""Arrays of labels to class indices: numbers, names, one-hot rows; what is no class an item is refused."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tlbench.dataset import Labels
from tlbench.errors import TlbenchError
from tlbench.readers.arrays.archive import Header

WHOLE = re.compile(r"\s*[+-]?\d+(\.0*)?\s*", re.ASCII)
MISSING = {"", "nan", "<na>", "nat"}  # what pandas writes for a label that is not there
LARGEST = 2**53  # up to which a float is the whole number it says
NAMED = 5  # classes that a message names


@dataclass(frozen=True)
class Classes:
    """Labels as indices into `names`, which are in order; numbered: whether these are but numbers; how: the form."""

    labels: Labels
    names: tuple[str, ...]
    numbered: bool
    how: str

    def note(self, key: str) -> str:
        """That the numbers are not 0, 1, ..., where they are not."""
        if not self.numbered or self.names == tuple(map(str, range(len(self.names)))):
            return ""
        unlabelled = "; if -1 stands for no label, leave these items out" if {"-1", "0"} <= set(self.names) else ""
        return f"{key} are {self.span()} in the file; classes are called so{unlabelled}"

    def span(self) -> str:
        """The classes in few words."""
        if self.numbered and int(self.names[-1]) - int(self.names[0]) == len(self.names) - 1 > 0:
            return f"{self.names[0]}..{self.names[-1]}"
        return few(self.names)


def few(names: tuple[str, ...] | list[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:NAMED]) + (f", ... ({len(names)})" if len(names) > NAMED else "")


def count(header: Header) -> int:
    """How many items an array of labels is for: its first axis, or the second of MATLAB's single row.

    Raises:
        TlbenchError: it has no axis, or no items.
    """
    if not header.shape or 0 in header.shape:
        raise TlbenchError(f"{header} has no items; one label an item is needed")
    return header.shape[1] if len(header.shape) == 2 and header.shape[0] == 1 else header.shape[0]


def read_labels(header: Header, array: npt.NDArray[Any]) -> Classes:
    """The classes of an array with one label an item.

    Raises:
        TlbenchError: the labels are several an item, shares, measurements, or missing.
    """
    n_items = count(header)
    rows = array.reshape(n_items, *(side for side in array.shape[1:] if side != 1) if array.shape[0] == n_items else ())
    if rows.ndim > 2:
        raise TlbenchError(f"{header} look like masks, one value a pixel; one label an item is needed")
    if array.dtype.kind in "US":
        return _names(header, rows)
    if array.dtype.kind not in "buif":
        raise TlbenchError(f"{header} are no numbers and no names; one label an item is needed")
    if bad := int((~np.isfinite(rows)).sum()) if array.dtype.kind == "f" else 0:
        raise TlbenchError(f"{header} hold {bad} missing values (NaN or infinite); remove these items")
    return _numbers(header, rows) if rows.ndim == 1 else _one_hot(header, rows)


def _numbers(header: Header, values: npt.NDArray[Any], how: str = "") -> Classes:
    if values.dtype.kind == "f":
        if (values != np.round(values)).any() or np.abs(values).max() > LARGEST:
            raise TlbenchError(f"{header} look like measurements (not whole numbers); give a class an item")
        values = values.astype(np.int64)
    found, labels = np.unique(values.astype(np.uint8) if values.dtype.kind == "b" else values, return_inverse=True)
    return Classes(labels.astype(np.int64).ravel(), tuple(map(str, found.tolist())), numbered=True, how=how)


def _one_hot(header: Header, rows: npt.NDArray[Any]) -> Classes:
    if not ((rows == 0) | (rows == 1)).all():
        sums_to_one = rows.dtype.kind == "f" and np.allclose(rows.astype(np.float64).sum(1), 1, atol=1e-2)
        soft = f"probabilities (soft labels); one class an item is needed, as {header.key}.argmax(1) gives it"
        raise TlbenchError(f"{header} hold {soft if sums_to_one else 'several values an item; keep its class alone'}")
    ones = rows.astype(bool).sum(1)
    if (ones != 1).any():
        wrong = f"{int((ones > 1).sum())} items have several classes and {int((ones == 0).sum())} none"
        raise TlbenchError(f"{header} are multi-label: {wrong}; one class an item is needed")
    return _numbers(header, rows.argmax(1), "one-hot")


def _names(header: Header, rows: npt.NDArray[Any]) -> Classes:
    if rows.ndim > 1:
        raise TlbenchError(f"{header} hold several names an item; one label an item is needed")
    given, labels = np.unique(rows, return_inverse=True)
    texts = [_text(header, value) for value in given.tolist()]
    if bad := [text for text in texts if text.strip().casefold() in MISSING]:
        raise TlbenchError(f"{header} hold missing labels ({bad[0]!r}); remove these items")
    if all(WHOLE.fullmatch(text) for text in texts):
        numbers = np.array([int(text.partition(".")[0]) for text in texts])
        _refuse_alike(header, texts, [str(number) for number in numbers])
        return _numbers(header, numbers[labels], "numbers as text")
    _refuse_alike(header, texts, [text.strip() for text in texts])
    names = sorted(set(texts))
    places = np.array([names.index(text) for text in texts], dtype=np.int64)
    return Classes(places[labels].ravel(), tuple(names), numbered=False, how="names")


def _text(header: Header, value: str | bytes) -> str:
    try:
        return unicodedata.normalize("NFC", value.decode() if isinstance(value, bytes) else value)
    except UnicodeDecodeError:
        raise TlbenchError(f"{header} hold a name that is not UTF-8: {value!r}; save the names as text") from None


def _refuse_alike(header: Header, texts: list[str], meant: list[str]) -> None:
    """Raises where two labels as written mean the same."""
    first: dict[str, str] = {}
    for text, plain in zip(texts, meant, strict=True):
        if first.setdefault(plain, text) != text:
            raise TlbenchError(f"{header} hold {first[plain]!r} and {text!r}, two spellings of one class; use one")
