"""A control: random weights with the source's per-layer mean and spread; what they give is scaling, not features."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from tlbench.network import Setup
from tlbench.source import Derived, Weights
from tlbench.streams import seeded
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class Matched(Derived):
    """`matched:SOURCE`: each weight tensor redrawn, normal, with the source's mean and spread (Raghu et al. 2019)."""

    has_head: ClassVar[bool] = False

    @property
    def varies(self) -> bool:
        """Always: each seed has its own draw."""
        return True

    def load(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> Weights:
        """The source's network with every block's weights redrawn; running statistics stay the source's."""
        found = self.source.load(setup, workspace, seed, root_seed)
        with seeded(root_seed, "matched", setup.label, seed), torch.no_grad():
            for weights in found.network.blocks.parameters():
                spread = weights.std(unbiased=False)
                weights.copy_(weights.mean() + spread * torch.randn(weights.shape))
        return Weights(found.network, seconds=found.seconds, notes=found.notes)
