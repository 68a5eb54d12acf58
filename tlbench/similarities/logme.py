"""LogME: the log maximum evidence of labels given features (You et al. 2021)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tlbench.similarity import Similarity, View

ITERATIONS = 200


@dataclass(frozen=True)
class LogMe(Similarity):
    """Evidence of a Bayesian linear model of each class's indicator, maximised over its two precisions, an item."""

    reference: ClassVar[str] = "You, Liu, Wang, Long 2021, LogME, ICML"

    def score(self, view: View) -> float:
        """The mean over classes of the maximised log evidence, divided by n."""
        left, singular, _ = torch.linalg.svd(view.features, full_matrices=False)
        labels = torch.nn.functional.one_hot(view.labels, int(view.labels.max()) + 1).to(left)
        return float(torch.stack([evidence(left, singular**2, column) for column in labels.T]).mean())


def evidence(left: Tensor, squares: Tensor, column: Tensor) -> Tensor:
    """Max over alpha, beta of log N(y | 0, I / beta + F F' / alpha) / n, by MacKay's fixed point.

    left (n, r) and squares (r,): left singular vectors of F and its squared singular values; column (n,): y. Only the
    r non-zero directions count, so that n < D needs no correction.
    """
    n = len(column)
    projected = (left.T @ column) ** 2
    outside = (column @ column - projected.sum()).clamp_min(0)
    alpha, beta = torch.ones_like(outside), torch.ones_like(outside)
    for _ in range(ITERATIONS):
        shrunk = alpha + beta * squares
        weight = (beta**2 * squares * projected / shrunk**2).sum()
        residual = outside + (projected * (alpha / shrunk) ** 2).sum()
        gamma = (beta * squares / shrunk).sum()
        previous = alpha / beta
        alpha = (gamma / weight.clamp_min(1e-12)).clamp(1e-12, 1e12)
        beta = ((n - gamma) / residual.clamp_min(1e-12)).clamp(1e-12, 1e12)
        if abs(alpha / beta / previous - 1) < 1e-6:
            break
    return _log_marginal(squares, projected, outside, n, alpha, beta) / n


def _log_marginal(squares: Tensor, projected: Tensor, outside: Tensor, n: int, alpha: Tensor, beta: Tensor) -> Tensor:
    variances = 1 / beta + squares / alpha
    quadratic = (projected / variances).sum() + beta * outside
    determinant = variances.log().sum() - (n - len(squares)) * beta.log()
    return -0.5 * (n * torch.log(torch.tensor(2 * torch.pi)) + determinant + quadratic)
