"""Names as they were typed, and how they break."""

from typing import Any

import pytest

from tests.synthetic import shown
from tlbench.judging.spoken import folds, least_width, spoken, wrapped
from tlbench.judging.verdict import cell_of, source_of, target_of


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("trained:glyphs:upper", "trained:glyphs:upper"),
        ({"name": "trained", "dataset": "glyphs:upper", "label": "upper case"}, "upper case"),
        ({"name": "trained", "dataset": "glyphs:upper"}, "trained:glyphs:upper"),
        ({"steps": 4000, "name": "trained", "dataset": "glyphs:upper"}, "trained:glyphs:upper (steps 4000)"),
        ({"name": "matched", "source": {"name": "trained", "dataset": "glyphs"}}, "matched:trained:glyphs"),
        ({"name": "folder", "path": "/data/x", "classes": ["a", "b"]}, "folder:/data/x (classes a+b)"),
        ({"name": "mixed", "with": {"name": "digits", "label": "d"}}, "mixed (with d)"),
        ({"name": "null"}, "null"),
        ({}, "a-label"),
        (None, "a-label"),
        ("", "a-label"),
    ],
)
def test_a_spec_is_spoken_as_it_was_typed(spec: Any, text: str) -> None:
    assert spoken(spec, "a-label") == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"dataset": "glyphs-lower", "dataset_spec": "glyphs:lower", "target": "glyphs-lower-n40"},
            "glyphs:lower n=40",
        ),
        ({"dataset": "glyphs-lower", "dataset_spec": "glyphs:lower", "target": "letters-n40"}, "letters n=40"),
        ({"dataset": "glyphs-lower", "dataset_spec": "glyphs:lower", "target": "letters"}, "letters"),
        ({"dataset": "glyphs-lower", "dataset_spec": None, "target": "glyphs-lower-n40"}, "glyphs-lower n=40"),
    ],
)
def test_a_target_is_its_dataset_and_its_size_or_the_name_that_it_was_given(changes: dict[str, Any], text: str) -> None:
    assert target_of(shown("neutral", n_train=40, **changes)) == text


def test_an_arm_without_a_source_is_said_to_have_none() -> None:
    bare = shown("negative", source="resnet8", source_spec=None, method="majority")
    assert cell_of(bare) == "no source by majority on glyphs n=40"
    assert source_of(shown("negative", source="old", source_spec=None)) == "old"


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("trained:glyphs:upper", 13, ["trained:", "glyphs:upper"]),
        ("trained:glyphs:upper", 30, ["trained:glyphs:upper"]),
        ("digits n=50", 6, ["digits", "n=50"]),
        ("a/b-c,d", 4, ["a/b-", "c,d"]),
        ("linear_probe", 7, ["linear_", "probe"]),
        ("unbreakable", 4, ["unbr", "eaka", "ble"]),
        ("", 4, [""]),
    ],
)
def test_a_name_breaks_after_separators_and_in_a_word_only_where_it_must(
    text: str, width: int, lines: list[str]
) -> None:
    assert wrapped(text, width) == lines


def test_the_least_width_is_that_of_the_longest_part() -> None:
    assert least_width("trained:glyphs:upper") == 8
    assert least_width("trained:glyphs:upper", 2) == 12
    assert least_width("") == 0
    assert folds("trained:glyphs:upper", 12, 2)
    assert not folds("trained:glyphs:upper", 8, 2)
    assert not folds("unbreakable", 8, 3)
