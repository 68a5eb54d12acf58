"""Random streams: named, unrelated, and without a trace in the global generators."""

import random

import numpy as np
import pytest
import torch

from tlbench.streams import generator, key, seeded

NAMED: tuple[int, *tuple[object, ...]] = (0, "draw", "mnist", 3)


def test_the_same_labels_give_the_same_key() -> None:
    assert key(*NAMED) == key(*NAMED)
    assert 0 <= key(*NAMED) < 2**63


def test_keys_stay_as_they_are_from_version_to_version() -> None:
    assert key(0, "draw", "mnist", 3) == 8719040435052908206


@pytest.mark.parametrize(
    "other",
    [
        (1, "draw", "mnist", 3),
        (0, "order", "mnist", 3),
        (0, "draw", "kmnist", 3),
        (0, "draw", "mnist", 4),
        (0, "draw", "mnist"),
        (0, "draw", "mnist", 3, ""),
        (0, "mnist", "draw", 3),
        (0, "drawmnist", 3),
        (0,),
    ],
)
def test_any_change_gives_another_key(other: tuple[int, *tuple[object, ...]]) -> None:
    assert key(*other) != key(*NAMED)


def test_many_keys_do_not_collide() -> None:
    assert len({key(root, "a", seed) for root in range(20) for seed in range(50)}) == 1000


def test_a_generator_stands_on_its_stream() -> None:
    first, second, other = (generator(0, "a", seed).standard_normal(500) for seed in (0, 0, 1))
    assert np.array_equal(first, second)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.2


def _drawn(*labels: object) -> tuple[float, float]:
    with seeded(0, *labels):
        return float(torch.rand(())), random.random()  # noqa: S311


def test_within_it_the_global_generators_stand_on_the_stream() -> None:
    assert _drawn("a", 1) == _drawn("a", 1)
    assert _drawn("a", 1)[0] != _drawn("a", 2)[0]
    assert _drawn("a", 1)[1] != _drawn("a", 2)[1]


def test_after_it_the_global_generators_are_where_they_were() -> None:
    torch.manual_seed(5)
    random.seed(5)
    before = torch.get_rng_state(), random.getstate()
    _drawn("a")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_they_are_restored_after_an_error_too() -> None:
    before = torch.get_rng_state(), random.getstate()
    with pytest.raises(KeyError), seeded(0, "a"):
        raise KeyError(torch.rand(()).item(), random.random())  # noqa: S311
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_they_nest() -> None:
    with seeded(0, "outer"):
        expected = [float(torch.rand(())) for _ in range(2)]
    with seeded(0, "outer"):
        first = float(torch.rand(()))
        _drawn("inner")
        assert [first, float(torch.rand(()))] == expected
