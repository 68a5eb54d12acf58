"""AUROC: how often an item of a class is ranked above one of the others, ties being half; the mean over classes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tlbench.dataset import Labels
from tlbench.metric import LUCK, Metric, log_probabilities


@dataclass(frozen=True)
class Auroc(Metric):
    """Of each class that the labels have against the rest, by its odds in the softmax of scores, margins' too."""

    margin: ClassVar[float] = 0.005

    def contributions(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(n,) the score, and how far each item moves it: DeLong's (1988) placement values less the area, scaled."""
        classes, odds = self.present(labels)[0], _log_odds(scores)
        return torch.stack([_against_rest(odds[c], labels == c) for c in classes]).mean(0)

    def chance(self, labels: Labels) -> float:
        """One half."""
        self.counts(labels)  # of one class there is no area
        return 0.5

    def chance_limit(self, labels: Labels) -> float:
        """Three standard errors more: an area's, where nothing is learnt, is the root of (n + 1) / (12 n_c (n - n_c)).

        The mean area's is at most their mean (exact for two classes), and, as no sum of ranks has a negative variance,
        at most the root of sum n (n + 1) / (12 n_c (n - n_c)^2), over K (exact for classes of one size).
        """
        n, counts = len(labels), self.counts(labels)
        alone = (n + 1) / (12 * counts * (n - counts))
        jointly = (alone * n / (n - counts)).sum().sqrt() / len(counts)
        return 0.5 + LUCK * min(float(alone.sqrt().mean()), float(jointly))


def _log_odds(scores: Tensor) -> Tensor:
    """(C, n), equal where probabilities are, although they were summed in another order; they do not saturate."""
    own = log_probabilities(scores)
    top = own.argmax(1, keepdim=True)
    others = own.scatter(1, top, -torch.inf).logsumexp(1, keepdim=True)
    odds = own - torch.log1p(-own.exp()).scatter(1, top, others)
    return odds.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf).round(decimals=10).T.contiguous()


def _against_rest(odds: Tensor, mine: Tensor) -> Tensor:
    placed = torch.where(mine, _share_below(odds, odds[~mine]), 1 - _share_below(odds, odds[mine]))
    area, share = placed[mine].mean(), mine.double().mean()
    return area + (placed - area) / torch.where(mine, share, 1 - share)


def _share_below(values: Tensor, others: Tensor) -> Tensor:
    ordered = others.sort().values
    halves = torch.searchsorted(ordered, values) + torch.searchsorted(ordered, values, right=True)
    return halves.double() / (2 * len(others))
