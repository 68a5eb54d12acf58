"""LEEP: the log expected empirical prediction (Nguyen et al. 2020)."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from tlbench.similarity import Similarity, View


@dataclass(frozen=True)
class Leep(Similarity):
    """Mean log-likelihood of target labels through the joint of source predictions and labels; at most 0."""

    reference: ClassVar[str] = "Nguyen, Hassner, Seeger, Archambeau 2020, LEEP, ICML"

    def score(self, view: View) -> float | None:
        """The score, from (n, Z) probabilities; source classes that are never given any mass add nothing."""
        if view.probabilities is None:
            return None
        theta = view.probabilities  # float64, from a stable softmax
        onehot = torch.nn.functional.one_hot(view.labels, int(view.labels.max()) + 1).to(theta)
        joint = onehot.T @ theta / len(theta)
        mass = joint.sum(0, keepdim=True)
        conditional = torch.where(mass > 0, joint / mass.clamp_min(torch.finfo(theta.dtype).tiny), 0)
        likelihood = (theta @ conditional.T).gather(1, view.labels[:, None])
        return float(likelihood.clamp_max(1).log().mean())
