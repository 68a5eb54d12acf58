"""Sources that are trained here: once a recipe, by the same loop as every arm, and kept."""

import hashlib
import json
import os
from abc import abstractmethod
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
from tlbench.network import HEAD, Setup
from tlbench.partition import Indices, Labels, class_order
from tlbench.source import Source, Weights
from tlbench.streams import generator, key, seeded
from tlbench.training.items import Examples, with_labels
from tlbench.training.learners import Learner, predict
from tlbench.training.loop import fit
from tlbench.workspace import Workspace

CHECKED = 2000  # test items on which a source's own accuracy is read
PEAK = 3e-3  # learning rate
BATCH = 64
TRAINING = 2  # which way of training here: what was kept of another is trained anew


@dataclass(frozen=True)
class Pretrained(Source):
    """A source trained on a dataset's whole train split for `steps` steps of 64 images.

    seed: its own, apart from the trials' seeds. per_seed: train anew for each trial seed, so that the verdict speaks
    of the dataset rather than of one checkpoint. n_train: only this many images, the first of the trial's own draw
    where the dataset is also the target (with per_seed: half the target's n_train is a warm start); 0 means all.
    """

    own_data: ClassVar[bool] = True  # whether the dataset's images, as they are, are what it was trained on

    dataset: DatasetSpec
    _: KW_ONLY
    steps: int = 1500
    seed: int = 0
    per_seed: bool = False
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
        recipe, kept = self._place(setup, workspace, seed, root_seed)
        return self._read(kept, setup) or self._train(recipe, setup, workspace, kept)

    def ready(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> bool:
        """Whether it was trained before."""
        return self._place(setup, workspace, seed, root_seed)[1].is_file()

    def _place(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> tuple[dict[str, Any], Path]:
        """What fixes its training, and where the weights are kept."""
        draw = (root_seed if self.n_train else 0, seed) if self.per_seed else (0, 0)
        recipe = self._training_recipe(setup, workspace, draw)
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
        return recipe, workspace.storage.cache / "sources" / f"{self.label}-{digest}.safetensors"

    def _training_recipe(self, setup: Setup, workspace: Workspace, draw: tuple[int, int]) -> dict[str, Any]:
        content = self.identity(workspace)
        own = self.recipe(places=not content) | {"content": content, "draw": list(draw)}
        del own["per_seed"]
        return {"source": own, "device": workspace.device.type, "training": TRAINING} | setup.recipe()

    def _train(self, recipe: dict[str, Any], setup: Setup, workspace: Workspace, kept: Path) -> Weights:
        metric, stream = metrics.make("accuracy"), (self.seed, "source", json.dumps(recipe["source"], sort_keys=True))
        pool, test = (
            self.rearrange(self.dataset.split(part, workspace), setup.form, generator(*stream, "pixels"))
            for part in ("train", "test")
        )
        everything = self._drawn(pool, *recipe["source"]["draw"])
        form = setup.form.fitted(pool, everything)
        labels = self.relabel(pool.labels[everything], generator(*stream, "labels"))
        train = with_labels(Examples(pool, everything, form, workspace.device), labels)
        chosen = np.sort(generator(*stream, "check").permutation(len(test))[:CHECKED])
        check = Examples(test, chosen, form, workspace.device)
        with seeded(*stream, "weights"):
            network = setup.build(len(pool.classes)).to(workspace.device)
            order = torch.Generator().manual_seed(key(*stream, "order"))
            budget = Budget(self.steps, BATCH)
            learner = Learner(network, train, check, order, metric)
            fitted = fit([learner], [Phase((*network.names, HEAD))], budget, PEAK)[0]
        if fitted.failure:
            raise TlbenchError(f"source '{self.label}' could not be trained: {fitted.failure}")
        facts = {
            "recipe": recipe,
            "classes": list(pool.classes),
            "named": pool.named,
            "accuracy": metric.value(predict(network, check), check.labels),
            "seconds": fitted.seconds,
        }
        _keep(kept, {name: value.cpu().contiguous() for name, value in network.state_dict().items()}, facts)
        again = self._read(kept, setup)
        if again is None:
            raise TlbenchError(f"{kept} was written and cannot be read back; check the disk")
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


def _keep(kept: Path, weights: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}.partial")
    save_file(weights, partial, {"tlbench": json.dumps(facts)})
    partial.replace(kept)
