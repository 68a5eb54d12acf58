"""The guard against images whose content was lost."""

import numpy as np
import pytest

from tests.drawn import noise
from tlbench.errors import TlbenchError
from tlbench.readers import flat_notes, flat_rows, flatness


@pytest.mark.parametrize("chunk", [1, 1000, 2**20])
def test_an_image_of_one_value_a_channel_is_flat(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatness, "CHUNK", chunk)
    items = noise(30, 3, 4, 4)
    items[7] = 9
    items[12, 0], items[12, 1], items[12, 2] = 1, 2, 3
    items[20, :2] = 5
    assert flat_rows(items).tolist() == [7, 12]
    assert flat_rows(items[:0]).tolist() == []


@pytest.mark.parametrize(("n_flat", "said"), [(0, False), (1, False), (2, True), (50, True)])
def test_more_than_one_percent_is_said(n_flat: int, said: bool) -> None:
    line = f"set: {n_flat} of 100 images are of one flat value, first: number 0"
    assert flat_notes(np.arange(n_flat), 100, "set") == ((line,) if said else ())


def test_more_than_half_is_refused() -> None:
    with pytest.raises(
        TlbenchError, match=r"set: 51 of 100 images are of one flat value, first: a.png; what they show"
    ):
        flat_notes(np.arange(51), 100, "set", ["a.png"] * 100)
