"""Learners: networks with what they learn from and are read on, each by itself or several joined into one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tlbench.method import Batch, Penalty
from tlbench.metric import Metric
from tlbench.network import Activations, Network, evaluating, values_of
from tlbench.training.items import Items
from tlbench.training.joined import separate

VALUES = {"cpu": 1 << 16}  # of a batch that is only read: activations of a few such batches stay in a core's cache
MANY_VALUES = 1 << 22  # elsewhere
LEAST = 32  # items of such a batch


@dataclass(frozen=True)
class Learner:
    """One seed's network with what it learns from; `order` draws the batches, `metric` is what its curve shows.

    curve: whether it is read along the way; else at the last two evaluations alone, of which the end is what counts.
    """

    network: Network
    train: Items
    validation: Items
    order: torch.Generator
    metric: Metric
    curve: bool = True


def in_batches(items: Items, n_together: int = 1) -> tuple[Tensor, ...]:
    """The positions of all items, in batches that are quick to read for so many networks at once."""
    device = items.labels.device
    size = max(LEAST, VALUES.get(device.type, MANY_VALUES) // (n_together * items.inner_values))
    batches: tuple[Tensor, ...] = torch.arange(len(items), device=device).split(size)
    return batches


@torch.inference_mode()
def predict(network: Network, items: Items, start: int = 0, *, features: bool = False) -> Tensor:
    """(n, C) logits, or (n, D) features, of all items in their order; the network is left in the mode it was in."""
    with evaluating(network):
        read = network.features if features else network
        return torch.cat([read(items.inputs(some), start) for some in in_batches(items)])


def log_loss(scores: Tensor, labels: Tensor) -> float:
    """Cross-entropy of (n, C) scores, softmaxed, at (n,) labels; infinite where it is not finite."""
    loss = float(functional.cross_entropy(scores, labels))
    return loss if math.isfinite(loss) else math.inf


class Apart:
    """Learners each with a network of its own."""

    def __init__(self, learners: Sequence[Learner], start: int) -> None:
        self.learners, self.start = learners, start
        self.networks = [learner.network for learner in learners]

    def losses(self, batches: Sequence[Tensor], penalty: Penalty | None) -> Tensor:
        """(n,) cross-entropies of the batches, with the phase's penalty."""
        return torch.stack([self._loss(*pair, penalty) for pair in zip(self.learners, batches, strict=True)])

    def _loss(self, learner: Learner, chosen: Tensor, penalty: Penalty | None) -> Tensor:
        network, inputs, labels = learner.network, learner.train.inputs(chosen), learner.train.labels[chosen]
        seen: dict[str, Activations] | None = {} if penalty is not None and penalty.blocks else None
        features = network.features(inputs, self.start, seen)
        logits = network.head(features)
        loss = functional.cross_entropy(logits, labels)
        if penalty is None:
            return loss
        asked = {name: (seen or {})[name] for name in penalty.blocks}
        batch = Batch(network, self.start, inputs, asked, features, logits, labels, penalty.source)
        return loss + penalty.loss(batch)

    def first_inputs(self, size: int) -> Activations:
        """As many inputs as one of the networks is given at a step."""
        items = self.learners[0].validation  # what they train on may be drawn anew each time it is asked for
        return items.inputs(torch.arange(size, device=items.labels.device) % len(items))

    def logits(self) -> list[Tensor]:
        """(n, C) of each learner's validation items."""
        return [predict(learner.network, learner.validation, self.start) for learner in self.learners]

    def close(self) -> None:
        """The networks hold what was learnt already."""


class Together(Apart):
    """Learners whose networks were joined into one."""

    def __init__(self, learners: Sequence[Learner], start: int, joined: Network) -> None:
        super().__init__(learners, start)
        self._apart, self.networks = self.networks, [joined]

    def _inputs(self, items: Sequence[Items], chosen: Sequence[Tensor]) -> Tensor:
        return torch.cat([values_of(each.inputs(places)) for each, places in zip(items, chosen, strict=True)], 1)

    def first_inputs(self, size: int) -> Tensor:
        """As many inputs of each learner, side by side."""
        return torch.cat([values_of(super().first_inputs(size))] * len(self.learners), 1)

    def losses(self, batches: Sequence[Tensor], penalty: Penalty | None) -> Tensor:
        """(n,) cross-entropies of the batches; there is no penalty.

        Raises:
            ValueError: there is one; it is a function of a single network.
        """
        if penalty is not None:
            raise ValueError("a phase with a penalty cannot be trained together")
        n, items = len(self.learners), [learner.train for learner in self.learners]
        logits = self.networks[0](self._inputs(items, batches), self.start)
        truth = torch.stack([each.labels[places] for each, places in zip(items, batches, strict=True)], 1)
        losses = functional.cross_entropy(logits.view(len(truth) * n, -1), truth.flatten(), reduction="none")
        return losses.view(-1, n).mean(0)

    @torch.inference_mode()
    def logits(self) -> list[Tensor]:
        """(n, C) of each learner's validation items, all read at once."""
        items = [learner.validation for learner in self.learners]
        n, batches = len(items), in_batches(items[0], len(items))
        with evaluating(self.networks[0]) as network:
            logits = torch.cat([network(self._inputs(items, [some] * n), self.start) for some in batches])
        return list(logits.view(len(logits), n, -1).unbind(1))

    def close(self) -> None:
        """Gives each network its share of what was learnt."""
        separate(self.networks[0], self._apart)
