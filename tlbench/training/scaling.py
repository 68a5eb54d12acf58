"""Features standardised before a head that is trained on nothing else, so that one learning rate suits all of them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tlbench.network import Network
from tlbench.training.items import Items
from tlbench.training.learners import predict
from tlbench.training.loop import Clock

CONSTANT = 1e-5  # of a feature's mean: what spreads less does so by rounding


class Scaling(nn.Module):
    """(B, D) features less a mean, over a scale; both stay as they are while a network learns."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        """(D,) means and scales."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, features: Tensor) -> Tensor:
        """The features, standardised."""
        return (features - self.mean) / self.scale

    def joined(self, n: int) -> nn.Module:
        """The same for n networks side by side, their means and scales still to be given."""
        return Scaling(self.mean.repeat(n), self.scale.repeat(n))


@dataclass(frozen=True)
class Scaled:
    """The scaling that was fitted, and the seconds that it took."""

    layer: Scaling
    seconds: float


def scaled(network: Network, items: Items, start: int) -> Scaled:
    """The scaling of a network's features, from one pass over items at the boundary `start`.

    A feature that is the same for all of them is left at scale 1.
    """
    clock = Clock(items.labels.device)
    with clock.running():
        features = predict(network, items, start, features=True).double()
        mean, spread = features.mean(0), features.std(0, unbiased=False)
        scale = torch.where(spread > CONSTANT * mean.abs(), spread, torch.ones_like(spread))
        layer = Scaling(mean.float(), scale.float())
    return Scaled(layer, clock.seconds)
