"""A scoring: all similarities of one source and target at one seed's training draw, from one pass over features."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlbench.network import Network
from tlbench.records import Record
from tlbench.similarity import Similarity, View
from tlbench.source import Source
from tlbench.streams import generator
from tlbench.training import Clock, Examples, Items, predict
from tlbench.trials.conditions import Arm
from tlbench.trials.trial import recorded, source_recipe
from tlbench.workspace import Workspace

OWN_ITEMS = 2000  # of a source's training data, as similarities see it


@dataclass(frozen=True)
class Scoring:
    """The similarities of a source and a target at one seed's training draw."""

    source: Source
    similarities: tuple[Similarity, ...]
    arm: Arm
    seed: int

    @property
    def path(self) -> Path:
        """The record's path within a run."""
        return Path(self.arm.target.label) / self.source.label / "similarity" / f"seed-{self.seed}.json"

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Plain data that fixes the scores."""
        measures = [similarity.recipe() for similarity in self.similarities]
        own = {"source": source_recipe(self.source, workspace), "similarities": measures}
        return own | self.arm.recipe(workspace, self.seed)

    def __call__(self, workspace: Workspace) -> list[tuple[Path, Record]]:
        """The record with its path."""
        return [(self.path, self.run(workspace))]

    def run(self, workspace: Workspace) -> Record:
        """Scores the pair; what fails is a record too."""
        return recorded("similarity", self.recipe(workspace), workspace, lambda: _run_scoring(self, workspace))


def _run_scoring(scoring: Scoring, workspace: Workspace) -> tuple[dict[str, Any], dict[str, Any]]:
    arm, seed = scoring.arm, scoring.seed
    pool = arm.target.dataset.split("train", workspace)
    draw, form = arm.draw(workspace, seed)
    weights = arm.load(scoring.source, workspace, seed)
    own = None
    if weights.dataset is not None:
        split = weights.dataset.split("train", workspace)
        chosen = generator(*arm.stream("own", seed)).permutation(len(split))[:OWN_ITEMS]
        own = Examples(split, chosen, arm.setup.form.fitted(split, chosen), workspace.device)
    clock = Clock(workspace.device)
    network = weights.network.to(workspace.device)
    with clock.running():
        seen = view(network, Examples(pool, draw.train, form, workspace.device), own, has_head=bool(weights.classes))
    scores, seconds = {}, {"features": clock.seconds}
    for similarity in scoring.similarities:
        one = Clock(torch.device("cpu"))
        with one.running():
            value = similarity.score(seen)
        scores[similarity.label] = value if value is None or np.isfinite(value) else None
        seconds[similarity.label] = one.seconds
    closer = {similarity.label: similarity.higher_is_closer for similarity in scoring.similarities}
    return {"failure": None, "scores": scores, "higher_is_closer": closer}, {"seconds": seconds}


def view(network: Network, draw: Items, own: Items | None, *, has_head: bool) -> View:
    """A source's network as similarities see it; float64 on the CPU."""
    logits = predict(network, draw).double().cpu() if has_head else None
    return View(
        predict(network, draw, features=True).double().cpu(),
        draw.labels.cpu(),
        None if logits is None else torch.softmax(logits, 1),
        None if own is None else predict(network, own, features=True).double().cpu(),
    )
