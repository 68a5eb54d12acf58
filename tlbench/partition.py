"""Orders of items and cuts between them: close to stratified, and no group on two sides where items are grouped."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import PurePath
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator

from tlbench.errors import TlbenchError, unknown

Labels: TypeAlias = npt.NDArray[np.int64]
Indices: TypeAlias = npt.NDArray[np.int64]
Groups: TypeAlias = npt.NDArray[np.str_]
SplitName: TypeAlias = Literal["train", "test"]
TEST_SHARE = 0.2  # of a dataset that comes without a test split
CUT = "one stratified fifth cut off by split_seed"  # how such a test split comes about


@dataclass(frozen=True)
class Group:
    """What items belong together (a patient's, a scene's), so that no split separates them; one of three.

    level: the folder of that level below the class folders (1: the first); column: of a table; pattern: a regular
    expression that is searched in the item's path, of which its first group counts, or all of it.
    """

    level: int = 0
    column: str = ""
    pattern: str = ""

    def __post_init__(self) -> None:
        if bool(self.level) + bool(self.column) + bool(self.pattern) != 1 or self.level < 0:
            raise TlbenchError("group: give one of level (1, 2, ...), column and pattern")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise TlbenchError(f"group: '{self.pattern}' is no regular expression: {error}") from None

    def __str__(self) -> str:
        return self.column or self.pattern or f"level-{self.level}"

    def of_path(self, path: str) -> str:
        """The group of an item by its path below the class folders' parent, `class/.../name`.

        Raises:
            TlbenchError: the path has no such level, or the pattern is not found in it.
        """
        if self.level:
            folders = PurePath(path).parts[1:-1]
            if len(folders) < self.level:
                raise TlbenchError(f"group: '{path}' has no folder of level {self.level} below its class")
            return folders[self.level - 1]
        found = re.search(self.pattern, path)
        if found is None:
            raise TlbenchError(f"group: the pattern '{self.pattern}' is not found in '{path}'")
        return str(found.group(1) if found.re.groups else found.group(0))


def _of_text(option: Literal["column", "pattern"]) -> Callable[[Any], Any]:
    """How a group is written: as a table of its options, or as the text of this one."""

    def table(spec: Any) -> Any:
        if isinstance(spec, Mapping):
            known = [field.name for field in fields(Group)]
            if odd := [str(key) for key in spec if key not in known]:
                raise unknown("option of group", odd[0], known)
        return {option: spec} if isinstance(spec, str) else spec

    return table


ColumnGroup: TypeAlias = Annotated[Group | None, BeforeValidator(_of_text("column"))]
PatternGroup: TypeAlias = Annotated[Group | None, BeforeValidator(_of_text("pattern"))]


def class_order(labels: Labels, generator: np.random.Generator, groups: Groups | None = None) -> Indices:
    """A random order of all items whose every prefix and suffix is close to stratified.

    The first item of each class comes before all second ones and the last two of each come at the end, so that a
    prefix as long as the number of classes holds them all, and a suffix of twice that length two of each. With groups,
    the same is done to them, each by the class that it holds most of, and a group's items stay together.
    """
    if groups is not None:
        return _group_order(labels, generator, groups)
    place = np.empty(len(labels))
    for name in np.unique(labels):
        items = generator.permutation(np.flatnonzero(labels == name))
        rank = (np.arange(len(items)) + generator.random(len(items))) / len(items)
        rank[0] -= 1
        if len(items) > 3:
            rank[-2:] += 1
        place[items] = rank
    return np.argsort(place, kind="stable").astype(np.int64)


def _group_order(labels: Labels, generator: np.random.Generator, groups: Groups) -> Indices:
    names, member = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (member, labels), 1)
    main, size = counts.argmax(1), counts.sum(1)
    place = np.empty(len(names))
    for name in np.unique(main):
        own = generator.permutation(np.flatnonzero(main == name))
        rank = (np.cumsum(size[own]) - size[own] * generator.random(len(own))) / size[own].sum()
        rank[0] -= 1
        if len(own) > 2:
            rank[-1] += 1
        place[own] = rank
    shuffled = generator.permutation(len(labels))
    return shuffled[np.argsort(place[member[shuffled]], kind="stable")].astype(np.int64)


def cut(labels: Labels, split_name: SplitName, seed: int, groups: Groups | None = None) -> Indices:
    """The indices of one side of a stratified train/test cut, for data that comes in one piece; sorted.

    Raises:
        TlbenchError: the groups leave a class on one side only.
    """
    order = class_order(labels, np.random.default_rng(seed), groups)
    n_test = max(len(np.unique(labels)), round(TEST_SHARE * len(labels)))
    if groups is not None:
        begins = np.flatnonzero(groups[order][1:] != groups[order][:-1]) + 1  # a group ends before each of them
        whole = begins[begins >= n_test]
        n_test = int(whole[0]) if len(whole) else len(order)
        _refuse_one_sided(labels, order[:n_test], order[n_test:])
    return np.sort(order[:n_test] if split_name == "test" else order[n_test:])


def _refuse_one_sided(labels: Labels, test: Indices, train: Indices) -> None:
    """Raises where a class is on one side alone."""
    wanted = np.unique(labels)
    if any(len(np.unique(labels[side])) < len(wanted) for side in (test, train)):
        raise TlbenchError(
            "group: whole groups cannot be cut so that every class is on both sides; "
            "each class needs groups of its own to train on and to test on"
        )


def draw_order(
    labels: Labels, n_train: int, generator: np.random.Generator, groups: Groups | None
) -> tuple[Indices, Indices]:
    """The items to train on, and those that may be validated on, the first choice last; no group is in both."""
    order = class_order(labels, generator, groups)
    train, rest = order[:n_train], order[n_train:]
    if groups is None:
        return train, rest
    free = rest[~np.isin(groups[rest], groups[train])]
    return train, free[class_order(labels[free], generator)]  # of whole groups, a few would leave classes out
