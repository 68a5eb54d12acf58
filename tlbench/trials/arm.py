"""What an arm starts from: the source's weights, the seed's own network, and how a method puts them together."""

import copy
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import torch

from tlbench.method import Materials, Method, Start
from tlbench.source import Source, Weights
from tlbench.streams import key, seeded
from tlbench.trials.choice import Choice, lay_out
from tlbench.trials.conditions import Conditions
from tlbench.trials.draws import TrialData
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class ArmAtSeed:
    """An arm at one seed, not yet trained: its conditions and method, its data, what it starts from."""

    conditions: Conditions
    method: Method
    seed: int
    data: TrialData
    materials: Materials
    workspace: Workspace

    def starts(self, choice: Choice) -> tuple[Start, ...]:
        """The candidates that it starts from, on the device and in their layout, every time the same."""
        fresh = copy.deepcopy(self.materials.fresh)
        start = self.method.start(replace(self.materials, fresh=fresh))
        start.check()
        candidates = (start, *start.alternatives)
        for candidate in candidates:
            candidate.network.to(self.workspace.device)
            lay_out(candidate.network, choice)
            for phase in candidate.phases:
                if phase.penalty is not None and phase.penalty.source is not None:
                    phase.penalty.source.to(self.workspace.device).eval()
        return candidates

    def randomness(self) -> AbstractContextManager[None]:
        """Within it, what is random is this seed's, from its beginning."""
        return seeded(*self.conditions.stream("training", self.seed))

    def order(self) -> torch.Generator:
        """The generator of its batches."""
        return torch.Generator().manual_seed(key(*self.conditions.stream("order", self.seed)))


def arm_of(
    weights: Weights | None, method: Method, conditions: Conditions, seed: int, data: TrialData, workspace: Workspace
) -> ArmAtSeed:
    """The arm on the seed's own network, the same for every arm."""
    with seeded(*conditions.stream("weights", seed)):
        fresh = conditions.setup.build(len(data.classes))
    return ArmAtSeed(conditions, method, seed, data, Materials(fresh, weights, data.classes, data.named), workspace)


def weights_of(source: Source, conditions: Conditions, seed: int, workspace: Workspace) -> Weights:
    """The source's weights for these conditions, kept for the next trial."""
    own = (conditions.root_seed, seed) if source.varies else ()
    make = partial(source.load, conditions.setup, workspace, seed, conditions.root_seed)
    name = ("weights", source, conditions.setup, *own)
    return workspace.cached_while_room(name, make, lambda weights: weights.network.n_bytes)
