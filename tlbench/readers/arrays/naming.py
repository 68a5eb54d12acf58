"""The classes of both parts held against each other, and their names where the file brings them beside the numbers."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tlbench.errors import TlbenchError
from tlbench.readers.arrays.archive import Archive, Header
from tlbench.readers.arrays.labels import Classes, few
from tlbench.readers.arrays.parts import plain

LISTS = ("classes", "classnames", "labelnames", "targetnames", "categories")


def refuse_other_classes(train: tuple[Header, Classes], test: tuple[Header, Classes]) -> None:
    """Raises where one part lacks classes of the other."""
    lacks = []
    for (header, held), (_, wanted) in ((train, test), (test, train)):
        if absent := [name for name in wanted.names if name not in held.names]:
            lacks.append(f"{header.key} lack {few(absent)}")
    if lacks:
        raise TlbenchError(f"train and test do not hold the same classes: {', '.join(lacks)}; both need each class")


def refuse_measurements(header: Header, classes: Classes) -> None:
    """Raises where there are too many labels for the items to be classes."""
    if len(classes.names) > len(classes.labels) / 2:
        many = f"{len(classes.names)} distinct values in {len(classes.labels)} items ({classes.span()})"
        raise TlbenchError(f"{header.key}: labels look like measurements, not classes: {many}")


def is_list_of_names(header: Header) -> bool:
    """Whether an array is called like a list of the classes' names."""
    return plain(header.key) in LISTS


def with_names(archive: Archive, classes: Classes) -> tuple[Classes, str]:
    """The classes under the names that the file lists, and what was done, if anything."""
    lists = [header for header in archive.headers if is_list_of_names(header)]
    if not classes.numbered or not lists:
        return classes, ""
    header = lists[0]
    if header.dtype.kind not in "US" or header.fault:
        return classes, f"{header} is no list of names as text, not used"
    names = _texts(archive.load(header))
    if len(names) != len(classes.names) or len(set(names)) < len(names):
        return (
            classes,
            f"{header.key} holds {few(names)}: not a name of its own for each of {len(classes.names)} classes",
        )
    said = ", ".join(f"{number} {name}" for number, name in zip(classes.names, names, strict=True))
    return replace(classes, names=tuple(names), numbered=False), f"classes are named by {header.key}: {said}"


def _texts(array: npt.NDArray[Any]) -> list[str]:
    flat = array.ravel()
    return (np.char.decode(flat, "utf-8", "replace") if flat.dtype.kind == "S" else flat).tolist()
