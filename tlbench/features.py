"""What similarities look at: features and outputs, in one frozen pass."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.learners import Items, predict
from tlbench.network import Network


@dataclass(frozen=True)
class View:
    """What a similarity may look at: a source's outputs on a target's training draw, and on its own data.

    features (n, D) float64 and labels (n,) of the draw; probabilities (n, Z) of the source's head, None without one;
    source_features (m, D) of the source's own training data, None where it is not at hand.
    """

    features: Tensor
    labels: Tensor
    probabilities: Tensor | None
    source_features: Tensor | None


def view(network: Network, draw: Items, own: Items | None, *, has_head: bool) -> View:
    """A source's network as similarities see it; float64 on the CPU."""
    logits = predict(network, draw).double().cpu() if has_head else None
    return View(
        predict(network, draw, features=True).double().cpu(),
        draw.labels.cpu(),
        None if logits is None else torch.softmax(logits, 1),
        None if own is None else predict(network, own, features=True).double().cpu(),
    )
