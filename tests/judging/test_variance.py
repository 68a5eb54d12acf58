"""The split of variance finds what scores were made of."""

import numpy as np
import pytest

from tlbench.judging.verdict.variance import split


@pytest.mark.parametrize(("source", "data", "rest"), [(0.03, 0.01, 0.005), (0.0, 0.02, 0.01), (0.02, 0.0, 0.0)])
def test_components_are_found(source: float, data: float, rest: float) -> None:
    random, n = np.random.default_rng(0), 4000
    of_source, of_data = source * random.standard_normal(n), data * random.standard_normal(n)
    straight = of_data + of_source + rest * random.standard_normal(n)
    crossed = of_data + np.roll(of_source, -1) + rest * random.standard_normal(n)
    made = split(straight, crossed)
    assert made is not None
    assert (made.source, made.data, made.rest) == pytest.approx((source, data, rest), abs=0.003)


def test_of_two_seeds_nothing_is_told() -> None:
    assert split(np.array([0.5, 0.6]), np.array([0.5, 0.6])) is None
