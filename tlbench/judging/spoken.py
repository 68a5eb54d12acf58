"""Names as people typed them, for what is read; labels, which are slugs, stay in paths."""

import re
from collections.abc import Mapping
from typing import Any

INNER = ("dataset", "source", "path")  # options that a spec's second part stands for
PIECES = re.compile(r"[^:\-/, ]*[:\-/, ]+|[^:\-/, ]+")  # of a name, each with the separator that ends it
SMALLER = re.compile(r"[^_.]*[_.]+|[^_.]+")


def spoken(spec: Any, label: str) -> str:
    """A spec as it was typed; of a table its label, or its name with its options; the label where there is no spec."""
    if isinstance(spec, str) and spec:
        return spec
    if not isinstance(spec, Mapping):
        return label
    return str(spec["label"]) if spec.get("label") else _told(spec) or label


def wrapped(text: str, width: int) -> list[str]:
    """A name in lines of at most so many characters, broken after its separators, and elsewhere only where it must."""
    lines = [""]
    for piece in (part for whole in PIECES.findall(text) for part in _fitting(whole, width)):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]


def folds(text: str, width: int, lines: int) -> bool:
    """Whether a name goes into so many lines without a break within a word."""
    return least_width(text) <= width and len(wrapped(text, width)) <= lines


def least_width(text: str, lines: int | None = None) -> int:
    """The fewest characters of a line in which a name breaks after separators alone, and into so many lines."""
    width = max((len(piece.rstrip()) for piece in PIECES.findall(text)), default=0)
    while lines is not None and len(wrapped(text, width)) > lines:
        width += 1
    return width


def _fitting(piece: str, width: int) -> list[str]:
    if len(piece.rstrip()) <= width:
        return [piece]
    halves = SMALLER.findall(piece)
    if len(halves) > 1:
        return [part for half in halves for part in _fitting(half, width)]
    return [piece[i : i + width] for i in range(0, len(piece), width)]


def _told(spec: Mapping[str, Any]) -> str:
    name, options = str(spec.get("name", "")), {key: value for key, value in spec.items() if key != "name"}
    inner = next((key for key in INNER if key in options), None)
    if inner is not None:
        name = ":".join(part for part in (name, spoken(options.pop(inner), "")) if part)
    told = ", ".join(f"{key} {_plain(value)}" for key, value in options.items())
    return f"{name} ({told})" if told else name


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return spoken(value, str(dict(value)))
    return "+".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)
