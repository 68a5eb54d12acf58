"""The public names: few, given when they are asked for."""

import pytest

import tlbench


def test_there_are_at_most_thirty_and_each_is_there() -> None:
    assert len(tlbench.__all__) <= 30
    for name in tlbench.__all__:
        assert getattr(tlbench, name).__name__ == name
    assert set(tlbench.__all__) <= set(dir(tlbench))


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'magic'"):
        tlbench.magic  # noqa: B018
