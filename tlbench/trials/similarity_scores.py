"""A scoring: all similarities of one source and target at one seed's training draw, from one pass over features."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlbench.network import Network
from tlbench.records import Record, Scores, Timing
from tlbench.similarity import Similarity, View
from tlbench.source import Source, Weights
from tlbench.streams import generator
from tlbench.training import Clock, Examples, Items, predict
from tlbench.trials.arm import weights_of
from tlbench.trials.conditions import Conditions
from tlbench.trials.draws import draw_of
from tlbench.trials.trial import how_and_where, recorded, source_recipe
from tlbench.workspace import Workspace

OWN_ITEMS = 2000  # of a source's training data, as similarities see it


@dataclass(frozen=True)
class Scoring:
    """The similarities of a source and a target at one seed's training draw."""

    source: Source
    similarities: tuple[Similarity, ...]
    conditions: Conditions
    seed: int

    @property
    def path(self) -> Path:
        """The record's path within a run."""
        return Path(self.conditions.target.label) / self.source.label / "similarity" / f"seed-{self.seed}.json"

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Plain data that fixes the scores."""
        measures = [similarity.recipe() for similarity in self.similarities]
        own = {"source": source_recipe(self.source, workspace), "similarities": measures}
        return own | self.conditions.recipe(workspace, self.seed)

    def __call__(self, workspace: Workspace) -> list[tuple[Path, Record[Scores]]]:
        """The record with its path."""
        return [(self.path, self.run(workspace))]

    def run(self, workspace: Workspace) -> Record[Scores]:
        """Scores the pair; what fails is a record too."""
        work = partial(self._work, workspace)
        return recorded("similarity", self.recipe(workspace), work, Scores, how_and_where(workspace))

    def _work(self, workspace: Workspace) -> tuple[Scores, Timing]:
        pool = self.conditions.target.dataset.split("train", workspace)
        draw, form = draw_of(self.conditions, self.seed, workspace)
        weights = weights_of(self.source, self.conditions, self.seed, workspace)
        examples, own = Examples(pool, draw.train, form, workspace.device), self._own(weights, workspace)
        clock, network = Clock(workspace.device), weights.network.to(workspace.device)
        with clock.running():
            seen = view(network, examples, own, has_head=bool(weights.classes))
        scores, seconds = {}, {"features": clock.seconds}
        for similarity in self.similarities:
            own_clock = Clock(torch.device("cpu"))
            with own_clock.running():
                value = similarity.score(seen)
            scores[similarity.label] = value if value is None or np.isfinite(value) else None
            seconds[similarity.label] = own_clock.seconds
        closer = {similarity.label: similarity.higher_is_closer for similarity in self.similarities}
        return Scores(None, scores, closer), Timing(seconds=sum(seconds.values()), parts=seconds)

    def _own(self, weights: Weights, workspace: Workspace) -> Items | None:
        """Some of the items that the source was trained on, in the same form; None where they are not at hand."""
        if weights.dataset is None:
            return None
        split = weights.dataset.split("train", workspace)
        chosen = generator(*self.conditions.stream("own", self.seed)).permutation(len(split))[:OWN_ITEMS]
        return Examples(split, chosen, self.conditions.setup.form.fitted(split, chosen), workspace.device)


def view(network: Network, draw: Items, own: Items | None, *, has_head: bool) -> View:
    """A source's network as similarities see it; float64 on the CPU."""
    logits = predict(network, draw).double().cpu() if has_head else None
    return View(
        predict(network, draw, features=True).double().cpu(),
        draw.labels.cpu(),
        None if logits is None else torch.softmax(logits, 1),
        None if own is None else predict(network, own, features=True).double().cpu(),
    )
