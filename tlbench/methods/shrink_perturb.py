"""Shrink and perturb: the source's weights scaled down and mixed with fresh ones (Ash and Adams 2020)."""

from dataclasses import dataclass

import torch

from tlbench.errors import TlbenchError
from tlbench.method import Materials, Method, Phase, Start, last_blocks


@dataclass(frozen=True)
class ShrinkPerturb(Method):
    """Every block starts at `shrink` x source + `perturb` x fresh; then everything learns."""

    shrink: float = 0.4
    perturb: float = 0.1

    def __post_init__(self) -> None:
        """Checks the factor."""
        super().__post_init__()
        if not 0 <= self.shrink <= 1:
            raise TlbenchError(f"method 'shrink_perturb': shrink {self.shrink} is not within 0..1")

    def start(self, materials: Materials) -> Start:
        """The mixed network, everything learning."""
        fresh = [weights.clone() for weights in materials.fresh.blocks.parameters()]
        network = materials.transferred()
        with torch.no_grad():
            for weights, random in zip(network.blocks.parameters(), fresh, strict=True):
                weights.mul_(self.shrink).add_(random, alpha=self.perturb)
        return Start(network, (Phase(last_blocks(network, len(network.names))),))
