"""Sources that are trained here: once a recipe, by the same loop as every arm, and kept."""

import hashlib
import json
import math
import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tlbench.dataset import Dataset, DatasetSpec, Split
from tlbench.errors import TlbenchError
from tlbench.form import Form
from tlbench.method import Budget, Phase
from tlbench.metric import metrics
from tlbench.network import HEAD, Network, Setup
from tlbench.partition import Indices, Labels, class_order
from tlbench.source import Source, Weights
from tlbench.streams import generator, key, seeded
from tlbench.training.items import Examples, with_labels
from tlbench.training.joined import joined_over
from tlbench.training.learners import Learner, predict
from tlbench.training.loop import Fitted, fit
from tlbench.workspace import Workspace, room

CHECKED = 2000  # test items on which a source's own accuracy is read
PEAK = 3e-3  # learning rate
BATCH = 64
TRAINING = 2  # which way of training here: what was kept of another is trained anew


@dataclass(frozen=True)
class Pretrained(Source):
    """A source trained on a dataset's whole train split for `steps` steps of 64 images.

    seed: its own, apart from the trials' seeds. per_seed: trained anew for each trial seed, so that the verdict speaks
    of the dataset; without, of one checkpoint. n_train: only this many images, the first of the trial's own draw
    where the dataset is also the target (with per_seed: half the target's n_train is a warm start); 0 means all.
    """

    own_data: ClassVar[bool] = True  # whether the dataset's images, as they are, are what it was trained on

    dataset: DatasetSpec
    _: KW_ONLY
    steps: int = 400
    seed: int = 0
    per_seed: bool = True
    n_train: int = 0

    @abstractmethod
    def relabel(self, labels: Labels, random: np.random.Generator) -> Labels:
        """The labels that are trained on."""

    def rearrange(self, split: Split, form: Form, random: np.random.Generator) -> Split:  # noqa: ARG002
        """The images that are trained on; both splits get generators of the same state."""
        return split

    @property
    def varies(self) -> bool:
        """Whether each seed gets weights of its own."""
        return self.per_seed

    def pretraining_items(self) -> int:
        """Its steps, of a batch each."""
        return self.steps * BATCH

    def datasets(self) -> tuple[Dataset, ...]:
        """The dataset."""
        return (self.dataset,)

    def seen(self) -> tuple[Dataset, ...]:
        """The dataset, where its items are left as they are."""
        return (self.dataset,) if self.own_data else ()

    def identity(self, workspace: Workspace) -> str:
        """The dataset's."""
        return self.dataset.content(workspace)

    def load(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> Weights:
        """The kept weights, or newly trained ones, which are then kept.

        Raises:
            TlbenchError: the dataset cannot be read, or training diverged.
        """
        return self._ready(setup, workspace, [seed], root_seed)[0]

    def ready(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> bool:
        """Whether it was trained before."""
        return self._task(setup, workspace, seed, root_seed).kept.is_file()

    def prepare(self, setup: Setup, workspace: Workspace, seeds: Sequence[int], root_seed: int) -> tuple[str, ...]:
        """What of these seeds is not kept yet is trained, as one network where that can be done."""
        self._ready(setup, workspace, seeds, root_seed)
        return ()

    def _ready(self, setup: Setup, workspace: Workspace, seeds: Sequence[int], root_seed: int) -> list[Weights]:
        tasks = [self._task(setup, workspace, seed, root_seed) for seed in seeds]
        missing = {task.kept: task for task in tasks if self._read(task.kept, setup) is None}
        self._train(list(missing.values()), setup, workspace)
        return [self._again(task, setup) for task in tasks]

    def _task(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> "_Task":
        draw = (root_seed if self.n_train else 0, seed) if self.per_seed else (0, 0)
        content = self.identity(workspace)
        own = self.recipe(places=not content) | {"content": content, "draw": list(draw)}
        del own["per_seed"]
        recipe = {"source": own, "device": workspace.device.type, "training": TRAINING} | setup.recipe()
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
        kept = workspace.storage.cache / "sources" / f"{self.label}-{digest}.safetensors"
        return _Task(recipe, draw, kept, (self.seed, "source", json.dumps(own, sort_keys=True)))

    def _train(self, tasks: Sequence["_Task"], setup: Setup, workspace: Workspace) -> None:
        """Trains each task's network, all as one where their images fit into memory side by side, and keeps it."""
        n_bytes = 4 * len(self.dataset.split("train", workspace)) * math.prod(setup.form.shape)
        at_once = max(1, room(workspace.device) // n_bytes)
        for first in range(0, len(tasks), at_once):
            some = tasks[first : first + at_once]
            learners = [self._learner(task, setup, workspace) for task in some]
            joined = _joined(learners)
            for group in [learners] if joined else [[learner] for learner in learners]:
                own = [some[learners.index(learner)] for learner in group]
                self._fit(own, group, joined, workspace)

    def _fit(
        self, tasks: Sequence["_Task"], learners: Sequence[Learner], joined: Network | None, workspace: Workspace
    ) -> None:
        budget = Budget(self.steps, BATCH)
        with seeded(*tasks[0].stream, "training"):
            made = fit(learners, [Phase((*learners[0].network.names, HEAD))], budget, PEAK, 0, joined)
        for task, learner, fitted in zip(tasks, learners, made, strict=True):
            if fitted.failure:
                raise TlbenchError(f"source '{self.label}' could not be trained: {fitted.failure}")
            self._keep(task, learner, fitted, workspace)

    def _learner(self, task: "_Task", setup: Setup, workspace: Workspace) -> Learner:
        pool, test = (
            self.rearrange(self.dataset.split(part, workspace), setup.form, generator(*task.stream, "pixels"))
            for part in ("train", "test")
        )
        everything = self._drawn(pool, *task.draw)
        form = setup.form.fitted(pool, everything)
        labels = self.relabel(pool.labels[everything], generator(*task.stream, "labels"))
        train = with_labels(Examples(pool, everything, form, workspace.device), labels)
        chosen = np.sort(generator(*task.stream, "check").permutation(len(test))[:CHECKED])
        check = Examples(test, chosen, form, workspace.device)
        with seeded(*task.stream, "weights"):
            network = setup.build(len(pool.classes)).to(workspace.device)
        order = torch.Generator().manual_seed(key(*task.stream, "order"))
        return Learner(network, train, check, order, metrics.make("accuracy"))

    def _keep(self, task: "_Task", learner: Learner, fitted: Fitted, workspace: Workspace) -> None:
        network, check, pool = learner.network, learner.validation, self.dataset.split("train", workspace)
        facts = {
            "recipe": task.recipe,
            "classes": list(pool.classes),
            "named": pool.named,
            "accuracy": learner.metric.value(predict(network, check), check.labels),
            "seconds": fitted.seconds,
        }
        _write(task.kept, {name: value.cpu().contiguous() for name, value in network.state_dict().items()}, facts)

    def _again(self, task: "_Task", setup: Setup) -> Weights:
        again = self._read(task.kept, setup)
        if again is None:
            raise TlbenchError(f"{task.kept} was written and cannot be read back; check the disk")
        return again

    def _drawn(self, pool: Split, root_seed: int, seed: int) -> Indices:
        """The indices trained on: all, or the first `n_train` of the order in which trials draw."""
        if not self.n_train:
            return np.arange(len(pool))
        if not len(pool.classes) <= self.n_train <= len(pool):
            raise TlbenchError(f"source '{self.label}': n_train {self.n_train} is not within the pool of {len(pool)}")
        return class_order(pool.labels, generator(*self.dataset.stream(root_seed, "draw", seed)), pool.groups)[
            : self.n_train
        ]

    def _read(self, kept: Path, setup: Setup) -> Weights | None:
        if not kept.is_file():
            return None
        try:
            with safe_open(kept, "pt") as file:
                facts = json.loads((file.metadata() or {})["tlbench"])
                named = facts["named"]
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, ValueError):
            return None  # damaged: trained anew
        with seeded(0, "placeholder"):
            network = setup.build(len(facts["classes"]))
        network.load_state_dict(weights)
        network.eval()
        dataset = self.dataset if self.own_data else None
        known = tuple(facts["classes"]), facts["accuracy"], facts["seconds"]
        return Weights(network, *known, dataset=dataset, named=named)


@dataclass(frozen=True)
class _Task:
    """Weights that are asked for: their recipe, of what draw, where they are kept, the stream of what is random."""

    recipe: dict[str, Any]
    draw: tuple[int, int]
    kept: Path
    stream: tuple[Any, ...]


def _joined(learners: Sequence[Learner]) -> Network | None:
    """The learners' networks as one; None where there is only one, or where they cannot be joined."""
    if len(learners) == 1:
        return None
    made = joined_over([learner.network for learner in learners], learners[0].validation)
    return None if isinstance(made, str) else made


def _write(kept: Path, weights: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}.partial")
    save_file(weights, partial, {"tlbench": json.dumps(facts)})
    partial.replace(kept)
