"""Frechet distance between source and target features (Dowson and Landau 1982; as FID, Heusel et al. 2017)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tlbench.similarity import Similarity, View


@dataclass(frozen=True)
class Frechet(Similarity):
    """Squared 2-Wasserstein distance between Gaussians fitted to both sets of features, less its same-dataset null.

    The null is the distance between two halves of the source's own features, of the target's size where there are as
    many, so that 0 means "as far as another draw of the source".
    """

    higher_is_closer: ClassVar[bool] = False
    reference: ClassVar[str] = "Dowson and Landau 1982; Heusel et al. 2017"

    def score(self, view: View) -> float | None:
        """The distance, from (m, D) source and (n, D) target features; None without the source's data."""
        own = view.source_features
        if own is None:
            return None
        size = min(len(view.features), len(own) // 2)
        null = distance(own[size:], own[:size])
        return distance(own[size:], view.features) - null


def distance(first: Tensor, second: Tensor) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of two sets of rows, each at least two."""
    covariances = [torch.cov(rows.T).reshape(rows.shape[1], rows.shape[1]) for rows in (first, second)]
    shift = ((first.mean(0) - second.mean(0)) ** 2).sum()
    root = _root(covariances[0])
    middle = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp_min(0).sqrt().sum()
    total = shift + covariances[0].trace() + covariances[1].trace() - 2 * middle
    return float(total.clamp_min(0))


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root
