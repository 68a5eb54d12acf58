"""Packing: what each test item gave comes back as it was, in few characters."""

import numpy as np
import pytest

from tlbench import packing


@pytest.mark.parametrize("n", [1, 7, 8, 9, 1000])
def test_bits_survive_packing(n: int) -> None:
    right = np.random.default_rng(n).uniform(size=n) < 0.5
    text = packing.pack_items(right)
    assert text.isascii()
    assert len(text) <= 1 + 4 * (n // 24 + 1)
    np.testing.assert_array_equal(packing.unpack_items(text, n), right)


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_numbers_survive_packing_as_32_bits(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    np.testing.assert_array_equal(packing.unpack_items(packing.pack_items(values), n), values.astype(np.float32))


@pytest.mark.parametrize(("n_classes", "size"), [(2, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)])
def test_labels_take_as_many_bytes_as_their_classes_need(n_classes: int, size: int) -> None:
    labels = np.array([0, n_classes - 1, 1, n_classes // 2])
    text = packing.pack_labels(labels, n_classes)
    assert len(text) <= 1 + 4 * (len(labels) * size // 3 + 1)
    assert packing.unpack_labels(text).tolist() == labels.tolist()
