"""Groups: what belongs together stays on one side of every cut and draw."""

import numpy as np
import numpy.typing as npt
import pytest

from tlbench.dataset import Split, SplitName, Target, datasets
from tlbench.errors import TlbenchError
from tlbench.partition import Group, cut

N_GROUPS, N_EACH = 60, 5


def _grouped(mixed: bool) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    """Three classes; groups of five items, each of one class or of all three."""
    groups = np.repeat([f"g{i}" for i in range(N_GROUPS)], N_EACH)
    labels = np.arange(len(groups)) % 3 if mixed else np.repeat(np.arange(N_GROUPS) % 3, N_EACH)
    shuffled = np.random.default_rng(3).permutation(len(groups))
    return labels[shuffled].astype(np.int64), groups[shuffled]


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_cut_separates_no_group(mixed: bool, seed: int) -> None:
    labels, groups = _grouped(mixed)
    sides: tuple[SplitName, SplitName] = ("train", "test")
    train, test = (cut(labels, side, seed, groups) for side in sides)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert not set(groups[train]) & set(groups[test])
    assert set(labels[train]) == set(labels[test]) == {0, 1, 2}
    assert N_GROUPS <= len(test) < N_GROUPS + N_EACH
    assert np.ptp(np.bincount(labels[test])) <= 2 * N_EACH


def test_a_cut_of_groups_is_fixed_by_its_seed() -> None:
    labels, groups = _grouped(mixed=False)
    first, again, other = (cut(labels, "test", seed, groups) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_class_of_one_group_cannot_be_cut() -> None:
    labels, groups = _grouped(mixed=False)
    groups[labels == 2] = "one"
    with pytest.raises(TlbenchError, match="each class needs groups of its own to train on and to test on"):
        cut(labels, "train", 0, groups)


def _pool(mixed: bool = False) -> Split:
    labels, groups = _grouped(mixed)
    items = np.arange(len(labels), dtype=np.uint16).reshape(-1, 1, 1, 1)
    return Split(items, labels, ("a", "b", "c"), groups=groups)


def _target(n_train: int, n_val: int = 0) -> Target:
    return Target(datasets.make("digits"), n_train, n_val)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("n_train", [20, 33, 120])
def test_a_draw_separates_no_group(mixed: bool, n_train: int) -> None:
    pool = _pool(mixed)
    assert pool.groups is not None
    drawn = _target(n_train).drawn(pool, np.random.default_rng(1))
    assert len(drawn.train) == n_train
    free = ~np.isin(pool.groups, pool.groups[drawn.train])
    assert len(drawn.validation) == free.sum() > 50
    assert not set(pool.groups[drawn.train]) & set(pool.groups[drawn.validation])
    assert set(pool.labels[drawn.train]) == set(pool.labels[drawn.validation]) == {0, 1, 2}


def test_draws_of_groups_are_nested() -> None:
    small, large = (_target(n).drawn(_pool(), np.random.default_rng(1)).train for n in (20, 90))
    assert np.array_equal(large[:20], small)


@pytest.mark.parametrize(("n_train", "n_val"), [(5, 0), (273, 27), (33, 266)])
def test_a_draw_that_whole_groups_do_not_allow_is_refused(n_train: int, n_val: int) -> None:
    with pytest.raises(TlbenchError, match=r"with whole groups, .* change n_train or set a smaller n_val"):
        _target(n_train, n_val).drawn(_pool(), np.random.default_rng(1))


def test_a_few_to_validate_on_hold_every_class_though_groups_are_larger() -> None:
    pool = _pool()
    drawn = _target(30, n_val=3).drawn(pool, np.random.default_rng(1))
    assert set(pool.labels[drawn.validation]) == {0, 1, 2}


def test_a_part_of_a_split_keeps_its_groups() -> None:
    pool = _pool()
    assert pool.groups is not None
    part = pool.only(np.array([4, 2]))
    assert part.groups is not None
    assert part.groups.tolist() == [pool.groups[4], pool.groups[2]]


@pytest.mark.parametrize(
    ("group", "path", "expected"),
    [
        (Group(level=1), "cat/ann/day1/0.png", "ann"),
        (Group(level=2), "cat/ann/day1/0.png", "day1"),
        (Group(pattern="s[0-9]+"), "cat/s12_003.png", "s12"),
        (Group(pattern="s([0-9]+)_"), "cat/s12_003.png", "12"),
    ],
)
def test_the_group_of_a_path(group: Group, path: str, expected: str) -> None:
    assert group.of_path(path) == expected


@pytest.mark.parametrize("options", [{}, {"level": 1, "column": "a"}, {"level": -1}, {"pattern": "("}])
def test_a_group_is_one_of_three_things(options: dict[str, object]) -> None:
    with pytest.raises(TlbenchError, match=r"^group: "):
        Group(**options)  # type: ignore[arg-type]
