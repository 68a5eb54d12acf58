"""Learners: networks with what they learn from and are read on, each by itself or several joined into one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tlbench.method import Penalty
from tlbench.network import Network, evaluating
from tlbench.training.items import Items
from tlbench.training.joined import part

VALUES = {"cpu": 1 << 16}  # of a batch that is only read: activations of a few such batches stay in a core's cache
MANY_VALUES = 1 << 22  # elsewhere
LEAST = 32  # items of such a batch


@dataclass(frozen=True)
class Learner:
    """One seed's network with what it learns from; `order` draws the batches."""

    network: Network
    train: Items
    validation: Items
    order: torch.Generator


def in_batches(items: Items, n_together: int = 1) -> tuple[Tensor, ...]:
    """The positions of all items, in batches that are quick to read for so many networks at once."""
    device = items.labels.device
    values = n_together * items.inputs(torch.zeros(1, dtype=torch.long, device=device)).numel()
    size = max(LEAST, VALUES.get(device.type, MANY_VALUES) // values)
    parts: tuple[Tensor, ...] = torch.arange(len(items), device=device).split(size)
    return parts


@torch.inference_mode()
def predict(network: Network, items: Items, start: int = 0, *, features: bool = False) -> Tensor:
    """(n, C) logits, or (n, D) features, of all items in their order; the network is left in the mode it was in."""
    with evaluating(network):
        read = network.features if features else network
        return torch.cat([read(items.inputs(some), start) for some in in_batches(items)])


def accuracy(network: Network, items: Items, start: int = 0) -> float:
    """The share of items whose largest logit is their label's; nan logits count as wrong."""
    return float((predict(network, items, start).argmax(1) == items.labels).float().mean())


class Apart:
    """Learners each with a network of its own."""

    def __init__(self, learners: Sequence[Learner], start: int) -> None:
        self.learners, self.start = learners, start
        self.networks = [learner.network for learner in learners]

    def losses(self, batches: Sequence[Tensor], penalty: Penalty | None) -> Tensor:
        """(n,) cross-entropies of the batches, with the phase's penalty."""
        return torch.stack([self._loss(*pair, penalty) for pair in zip(self.learners, batches, strict=True)])

    def _loss(self, learner: Learner, chosen: Tensor, penalty: Penalty | None) -> Tensor:
        inputs = learner.train.inputs(chosen)
        features = learner.network.features(inputs, self.start)
        value = functional.cross_entropy(learner.network.head(features), learner.train.labels[chosen])
        return value if penalty is None else value + penalty(learner.network, inputs, features)

    def first_inputs(self, size: int) -> Tensor:
        """As many inputs as one of the networks is given at a step."""
        items = self.learners[0].validation  # what they train on may be drawn anew each time it is asked for
        return items.inputs(torch.arange(size, device=items.labels.device) % len(items))

    def accuracies(self) -> list[float]:
        """Each learner's on its validation items."""
        return [accuracy(learner.network, learner.validation, self.start) for learner in self.learners]

    def close(self) -> None:
        """The networks hold what was learnt already."""


class Together(Apart):
    """Learners whose networks were joined into one."""

    def __init__(self, learners: Sequence[Learner], start: int, joined: Network) -> None:
        super().__init__(learners, start)
        self._apart, self.networks = self.networks, [joined]

    def _inputs(self, items: Sequence[Items], chosen: Sequence[Tensor]) -> Tensor:
        return torch.cat([one.inputs(places) for one, places in zip(items, chosen, strict=True)], 1)

    def first_inputs(self, size: int) -> Tensor:
        """As many inputs of each learner, side by side."""
        return torch.cat([super().first_inputs(size)] * len(self.learners), 1)

    def losses(self, batches: Sequence[Tensor], penalty: Penalty | None) -> Tensor:
        """(n,) cross-entropies of the batches; there is no penalty.

        Raises:
            ValueError: there is one; it is a function of a single network.
        """
        if penalty is not None:
            raise ValueError("a phase with a penalty cannot be trained together")
        n = len(self.learners)
        logits = self.networks[0](self._inputs([one.train for one in self.learners], batches), self.start)
        truth = torch.stack([one.train.labels[places] for one, places in zip(self.learners, batches, strict=True)], 1)
        each = functional.cross_entropy(logits.view(len(truth) * n, -1), truth.flatten(), reduction="none")
        return each.view(-1, n).mean(0)

    @torch.inference_mode()
    def accuracies(self) -> list[float]:
        """Each learner's on its validation items, all read at once."""
        items = [learner.validation for learner in self.learners]
        truth, n = torch.stack([one.labels for one in items], 1), len(items)
        parts = in_batches(items[0], n)
        with evaluating(self.networks[0]) as network:
            logits = torch.cat([network(self._inputs(items, [some] * n), self.start) for some in parts])
        right = logits.view(len(truth), n, -1).argmax(2) == truth
        return [float(share) for share in right.float().mean(0)]

    def close(self) -> None:
        """Gives each network its share of what was learnt."""
        part(self.networks[0], self._apart)
