"""What a dataset is: labelled items in a train and a test split; and a target: a dataset with a training budget."""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, InstanceOf

from tlbench.errors import TlbenchError, unknown
from tlbench.partition import CUT, ColumnGroup, Group, Groups, Indices, Labels, PatternGroup, SplitName, cut, draw_order
from tlbench.runfile import DrawMode
from tlbench.shelf import Leaf, Shelf, slug
from tlbench.workspace import Storage, Workspace

__all__ = [  # what a leaf needs of `partition` beside its own
    "ColumnGroup",
    "Dataset",
    "DatasetSpec",
    "Draw",
    "Group",
    "Groups",
    "Indices",
    "Labels",
    "PatternGroup",
    "Split",
    "SplitName",
    "Target",
    "cut",
    "datasets",
    "file_digest",
]
VALIDATED = 500  # items validated on where the target does not say, as far as the pool allows
OVERLAP = 0.5  # share of the pool trained on, from which draws of different seeds are hardly different


@dataclass(frozen=True)
class Split:
    """One split of a dataset.

    items: (M, ...) of one kind, in memory or memory-mapped: (M, C, H, W) uint8 images, or (M,) strings; labels: (N,)
    indices into `classes`; notes: what a reader did that the user should know (files skipped, images resized); rows:
    (N,) which of the items these are, all of them in their order where it is None. origin: how the split came about.
    named: whether classes have names, not mere numbers, by which they can be known again elsewhere. groups: (N,) what
    belongs together and stays on one side of every split; paths: (N,) where the items lie, for messages.
    """

    items: npt.NDArray[Any]
    labels: Labels
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    rows: Indices | None = None
    origin: str = "as published"
    named: bool = True
    groups: Groups | None = None
    paths: npt.NDArray[np.str_] | None = None

    @property
    def cut_here(self) -> bool:
        """Whether this test split was cut off here, not given with the data."""
        return self.origin.startswith(CUT)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one item."""
        return tuple(self.items.shape[1:])

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Indices) -> npt.NDArray[Any]:
        """The items at `indices`, in that order, as an array of their own."""
        return np.array(self.items[indices if self.rows is None else self.rows[indices]])

    def whole(self) -> npt.NDArray[Any]:
        """All items in their order, in memory."""
        return self.take(np.arange(len(self)))

    def only(self, keep: Indices) -> "Split":
        """The items at `keep`; none is copied, so that what is memory-mapped stays on the disk."""
        groups, paths = (None if of is None else of[keep] for of in (self.groups, self.paths))
        rows = keep if self.rows is None else self.rows[keep]
        return replace(self, labels=self.labels[keep], rows=rows, groups=groups, paths=paths)


@dataclass(frozen=True)
class Dataset(Leaf, ABC):
    """A labelled dataset. A leaf gives `read`; `classes` narrows it to some of its classes, in the order given."""

    _: KW_ONLY
    classes: tuple[str, ...] = ()

    @abstractmethod
    def read(self, split_name: SplitName, storage: Storage) -> Split:
        """The whole split; "test" is the same items in the same order whoever asks."""

    def identity(self, storage: Storage) -> str:  # noqa: ARG002
        """A digest of content that may change under the same name (a user's files); empty where it cannot."""
        return ""

    def split(self, split_name: SplitName, workspace: Workspace) -> Split:
        """The same as `open`, opened on first use."""
        return workspace.cached((self, split_name), lambda: self.open(split_name, workspace.storage))

    def content(self, workspace: Workspace) -> str:
        """The same as `identity`, taken on first use."""
        return workspace.cached((self, "identity"), lambda: self.identity(workspace.storage))

    def stream(self, root_seed: int, what: str, seed: int) -> tuple[int, *tuple[object, ...]]:
        """The labels of a random stream that everything at this dataset and seed shares."""
        return root_seed, what, json.dumps(self.recipe(places=False), sort_keys=True), seed

    def open(self, split_name: SplitName, storage: Storage) -> Split:
        """The split, narrowed to `classes` and checked: at least two classes, none of them empty."""
        split = self.read(split_name, storage)
        if self.classes:
            split = _narrow(split, self.classes, self.label)
        counts = np.bincount(split.labels, minlength=len(split.classes))
        if len(split.classes) < 2:
            raise TlbenchError(f"dataset '{self.label}' has one class ({', '.join(split.classes)}); two are needed")
        if (empty := np.flatnonzero(counts == 0)).size:
            names = ", ".join(split.classes[i] for i in empty[:5])
            raise TlbenchError(
                f"dataset '{self.label}': no {split_name} items in class {names}; add some or remove the class"
            )
        return split


datasets: Shelf[Dataset] = Shelf("tlbench.datasets", Dataset)  # type: ignore[type-abstract]
DatasetSpec: TypeAlias = Annotated[InstanceOf[Dataset], BeforeValidator(datasets.make)]


def _narrow(split: Split, wanted: tuple[str, ...], label: str) -> Split:
    for name in wanted:
        if name not in split.classes:
            raise unknown(f"class of dataset '{label}'", name, split.classes)
    places = [split.classes.index(name) for name in wanted]
    keep = np.flatnonzero(np.isin(split.labels, places))
    rename = np.zeros(len(split.classes), dtype=np.int64)
    rename[places] = np.arange(len(places))
    return replace(split.only(keep), labels=rename[split.labels[keep]], classes=wanted)


def file_digest(path: Path) -> str:
    """A digest of a user's file; empty where there is none (reading it then says so)."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


@dataclass(frozen=True)
class Draw:
    """A trial's items of the pool: indices to train on and to validate on, disjoint."""

    train: Indices
    validation: Indices


@dataclass(frozen=True)
class Target:
    """A dataset with a training budget: `n_train` images trained on, `n_val` more validated on.

    n_val: 0 means as many as are left of the pool, up to `VALIDATED`. draw: anew from the pool for each seed, or once
    for all of them; None means once where `n_train` is half of the pool or more.
    """

    dataset: Dataset
    n_train: int
    n_val: int = 0
    label: str = field(default="", compare=False)
    draw: DrawMode | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", slug(self.label or f"{self.dataset.label}-n{self.n_train}"))

    def recipe(self, pool: Split, content: str = "") -> dict[str, Any]:
        """Plain data that fixes the target; content: its data's, which then may lie anywhere."""
        numbers = {"n_train": self.n_train, "n_val": self.validation_count(pool), "draw": self.mode(pool)}
        return {"dataset": self.dataset.recipe(places=not content), "content": content} | numbers

    def mode(self, pool: Split) -> DrawMode:
        """Whether each seed draws anew, or one draw serves all."""
        return self.draw or ("all" if self.n_train >= OVERLAP * len(pool) else "seed")

    def validation_count(self, pool: Split) -> int:
        """How many images are to be validated on; of groups, which stay whole, there may be fewer."""
        return self.n_val or min(max(VALIDATED, 2 * len(pool.classes)), len(pool) - self.n_train)

    def drawn(self, pool: Split, generator: np.random.Generator) -> Draw:
        """A stratified draw; under one generator state, draws are nested across `n_train`.

        Raises:
            TlbenchError: `n_train` smaller than the classes, or too large for two items of each class, or the `n_val`
                asked for, to be left to validate on.
        """
        n_classes = len(pool.classes)
        least = self.n_val or 2 * n_classes
        if self.n_train < n_classes:
            raise TlbenchError(f"target '{self.label}': n_train {self.n_train} is less than its {n_classes} classes")
        if self.n_train + least > len(pool):
            raise TlbenchError(
                f"target '{self.label}': n_train {self.n_train} and {least} to validate on exceed "
                f"the pool of {len(pool)}; use n_train <= {max(0, len(pool) - least)} or set a smaller n_val"
            )
        train, rest = draw_order(pool.labels, self.n_train, generator, pool.groups)
        drawn = Draw(train, rest[max(0, len(rest) - self.validation_count(pool)) :])
        if pool.groups is not None:
            self._check_groups(pool, drawn)
        return drawn

    def _check_groups(self, pool: Split, drawn: Draw) -> None:
        """Raises where whole groups leave less to validate on than was asked for, or a class out."""
        held = [len(np.unique(pool.labels[part])) for part in (drawn.train, drawn.validation)]
        if len(drawn.validation) < self.n_val or min(held) < len(pool.classes):
            n_val = self.n_val or f"the {len(drawn.validation)} that are left"
            raise TlbenchError(
                f"target '{self.label}': with whole groups, {self.n_train} items to train on and {n_val} to validate "
                f"on cannot hold all {len(pool.classes)} classes; change n_train or set a smaller n_val"
            )
