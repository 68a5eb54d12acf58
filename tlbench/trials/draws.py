"""Which data: a seed's draw from the pool, and its items in the form that was fitted to them."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from tlbench.dataset import Draw, Labels
from tlbench.form import Augmentation, Form
from tlbench.streams import generator, key
from tlbench.training import Augmented, Examples, Items
from tlbench.trials.conditions import Conditions
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class TrialData:
    """A seed's data: examples to train on, to validate on and to test on, in the form fitted to the first.

    classes: the target's; named: whether they have names, not mere numbers. pool: how many labelled items there were to
    draw from. name: tells these data from others. augmentation: what is done to items that are trained on, from a
    stream of its own.
    """

    train: Examples
    validation: Examples
    tested: Examples
    form: Form
    classes: tuple[str, ...]
    named: bool
    validation_labels: Labels
    test_labels: Labels
    pool: int
    name: Hashable
    augmentation: Augmentation
    augmentation_seed: int

    @property
    def resident_bytes(self) -> int:
        """What is kept of them in memory."""
        return sum(examples.resident_bytes for examples in (self.train, self.validation, self.tested))

    def augmented(self) -> Items:
        """What is trained on, changed at random each time it is asked for, from the start of the stream."""
        random = torch.Generator().manual_seed(self.augmentation_seed)
        return Augmented(self.train, self.augmentation, random, self.form.blank())


def indices_of(conditions: Conditions, seed: int, workspace: Workspace) -> Draw:
    """The seed's draw from the pool, or the one for all seeds."""
    pool, target = conditions.target.dataset.split("train", workspace), conditions.target
    own = seed if target.mode(pool) == "seed" else 0
    return target.drawn(pool, generator(*conditions.stream("draw", own)))


def draw_of(conditions: Conditions, seed: int, workspace: Workspace) -> tuple[Draw, Form]:
    """The seed's draw, and the form fitted to what is trained on."""
    draw, pool = indices_of(conditions, seed, workspace), conditions.target.dataset.split("train", workspace)
    return draw, conditions.setup.form.fitted(pool, draw.train)


def data_of(conditions: Conditions, seed: int, workspace: Workspace) -> TrialData:
    """The seed's data, kept for the next trial while there is room."""
    same = (conditions.root_seed, conditions.augment, conditions.left_out)
    name = ("data", conditions.target, conditions.setup.form, seed, *same)
    make = partial(_read, conditions, seed, workspace, name)
    return workspace.cached_while_room(name, make, lambda made: made.resident_bytes)


def _read(conditions: Conditions, seed: int, workspace: Workspace, name: Hashable) -> TrialData:
    pool, test = (conditions.target.dataset.split(name, workspace) for name in ("train", "test"))
    draw, form = draw_of(conditions, seed, workspace)
    kept = np.setdiff1d(np.arange(len(test)), np.array(conditions.left_out, dtype=np.int64))
    train, validation, tested = (
        Examples(split, indices, form, workspace.device)
        for split, indices in ((pool, draw.train), (pool, draw.validation), (test, kept))
    )
    return TrialData(
        train=train,
        validation=validation,
        tested=tested,
        form=form,
        classes=pool.classes,
        named=pool.named,
        validation_labels=pool.labels[draw.validation],
        test_labels=test.labels[kept],
        pool=len(pool),
        name=name,
        augmentation=conditions.augment,
        augmentation_seed=key(*conditions.stream("augment", seed)),
    )
