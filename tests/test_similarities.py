"""Similarities against known answers: direct formulae, invariants and the traps of published code."""

import math

import pytest
import torch
from torch import Tensor

from tlbench.similarities.frechet import distance
from tlbench.similarities.logme import evidence
from tlbench.similarity import View, similarities

GENERATOR = torch.Generator().manual_seed(0)


def _normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def _score(
    name: str, features: Tensor, labels: Tensor, probabilities: Tensor | None, own: Tensor | None = None
) -> float | None:
    return similarities.make(name).score(View(features, labels, probabilities, own))


def test_leep_is_the_hand_worked_number() -> None:
    theta = torch.tensor([[0.8, 0.2], [0.4, 0.6]], dtype=torch.float64)
    labels = torch.tensor([0, 1])
    conditional = [[0.8 / 1.2, 0.2 / 0.8], [0.4 / 1.2, 0.6 / 0.8]]  # P(y | z)
    first = 0.8 * conditional[0][0] + 0.2 * conditional[0][1]
    second = 0.4 * conditional[1][0] + 0.6 * conditional[1][1]
    assert _score("leep", theta, labels, theta) == pytest.approx((math.log(first) + math.log(second)) / 2)


def test_leep_is_never_positive_and_survives_classes_without_mass() -> None:
    theta = torch.zeros(6, 3, dtype=torch.float64)
    theta[:, 0] = 1
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    assert _score("leep", theta, labels, theta) == pytest.approx(math.log(0.5))
    sure = torch.eye(3, dtype=torch.float64)[labels]
    assert _score("leep", sure, labels, sure) == pytest.approx(0)


def test_leep_needs_a_head_and_frechet_the_sources_data() -> None:
    assert _score("leep", _normal(6, 2), torch.tensor([0, 1] * 3), None) is None
    assert _score("frechet", _normal(6, 2), torch.tensor([0, 1] * 3), None) is None


@pytest.mark.parametrize(("n", "dimensions"), [(40, 5), (12, 30)])
def test_logme_is_the_direct_gaussian_marginal_at_its_maximum(n: int, dimensions: int) -> None:
    features, column = _normal(n, dimensions), (torch.arange(n) % 2).double()
    left, singular, _ = torch.linalg.svd(features, full_matrices=False)
    found = float(evidence(left, singular**2, column))

    def marginal(alpha: float, beta: float) -> float:
        covariance = torch.eye(n, dtype=torch.float64) / beta + features @ features.T / alpha
        return (
            float(
                torch.distributions.MultivariateNormal(torch.zeros(n, dtype=torch.float64), covariance).log_prob(column)
            )
            / n
        )

    grid = [marginal(10 ** (a / 4), 10 ** (b / 4)) for a in range(-8, 21) for b in range(-8, 21)]
    assert found == pytest.approx(max(grid), abs=0.02)
    assert found >= max(grid) - 1e-6


def test_logme_of_noise_stays_small_with_fewer_samples_than_dimensions() -> None:
    labels = torch.arange(30) % 2
    noise = _score("logme", _normal(30, 100), labels, None)
    assert noise is not None
    assert noise < 0


def test_frechet_of_gaussians_is_the_closed_form() -> None:
    first = _normal(20_000, 2)
    second = 2 * _normal(20_000, 2) + torch.tensor([3.0, 0.0], dtype=torch.float64)
    assert distance(first, second) == pytest.approx(9 + 2 * (1 + 4 - 4), rel=0.05)


def test_frechet_of_a_set_with_itself_is_zero_and_symmetric() -> None:
    first, second = _normal(50, 4), _normal(60, 4) + 1
    assert distance(first, first) == pytest.approx(0, abs=1e-9)
    assert distance(first, second) == pytest.approx(distance(second, first))


def test_frechet_has_its_same_dataset_null_subtracted() -> None:
    own = _normal(400, 6)
    near = _score("frechet", _normal(150, 6), torch.zeros(150, dtype=torch.long), None, own)
    far = _score("frechet", _normal(150, 6) + 2, torch.zeros(150, dtype=torch.long), None, own)
    assert near is not None
    assert far is not None
    assert abs(near) < 0.5 < far
