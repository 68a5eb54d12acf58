"""Log loss: what the probability that was given to an item's own class falls short of certainty, in nats."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tlbench.dataset import Labels
from tlbench.metric import LUCK, Metric, log_probabilities


@dataclass(frozen=True)
class LogLoss(Metric):
    """Mean cross-entropy, lower is better; a probability of 0 counts as the least above it, 2.2e-16 (36.04 nats)."""

    higher_is_better: ClassVar[bool] = False
    margin: ClassVar[float] = 0.01
    probabilities: ClassVar[bool] = True

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) minus the logarithm of the probability of each item's class."""
        self.present(labels)
        own = log_probabilities(scores).gather(1, labels[:, None])[:, 0]
        return -own.clamp(min=math.log(torch.finfo(torch.float64).eps))

    def chance(self, labels: Labels) -> float:
        """The entropy of the classes' shares, which no guess that is the same for all items can fall below."""
        shares = self.counts(labels) / len(labels)
        return float(-(shares * shares.log()).sum())

    def chance_limit(self, labels: Labels) -> float:
        """Less by 4.5 / n nats.

        A guess that varies by e around the shares loses e^2 / 2 on average; the luck of three standard errors gives it
        back 3 e / sqrt(n). The two together come to no more than 9 / (2 n), at e = 3 / sqrt(n).
        """
        return self.chance(labels) - LUCK**2 / (2 * len(labels))
