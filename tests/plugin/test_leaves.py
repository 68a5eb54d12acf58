"""What the example package tests: each of its leaves holds the contract of its shelf."""

import pytest

from tlbench.shelf import Leaf
from tlbench.testing import check, leaves_of


@pytest.mark.parametrize("leaf", leaves_of("tlbench_example"), ids=repr)
def test_leaf(leaf: Leaf) -> None:
    check(leaf)
