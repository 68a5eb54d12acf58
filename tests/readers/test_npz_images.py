"""Images in a file of arrays: every layout and type that means one thing comes out as the same 8-bit images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.drawn import noise
from tests.saved import LABELS, TEST, TRAIN, both, four, npz, said
from tlbench.errors import TlbenchError
from tlbench.workspace import Storage

Images = np.ndarray[Any, np.dtype[Any]]
COLOUR, TEST_COLOUR = noise(60, 8, 8, 3), noise(12, 8, 8, 3, seed=1)
PIXEL = np.array([[[[200, 100, 0, 255]]], [[[200, 100, 0, 0]]], [[[200, 100, 0, 51]]]], np.uint8)


def _both_images(file: Path, change: Callable[[Images], Images], of: tuple[Images, Images] = (TRAIN, TEST)) -> Any:
    arrays = four(train_images=change(of[0]), test_images=change(of[1]))
    train, test = both(npz(file, arrays), file.parent)
    return train.whole(), test.whole(), said(test, file)[1:]


def _refused(file: Path, message: str, **arrays: Any) -> None:
    with pytest.raises(TlbenchError, match=message) as caught:
        both(npz(file, arrays), file.parent)
    assert "\n" not in str(caught.value)


GREY: dict[str, tuple[Callable[[Images], Images], list[str]]] = {
    "grey": (lambda x: x, []),
    "one channel last": (lambda x: x[..., None], []),
    "one channel first": (lambda x: x[:, None], ["test_images: axis 1 is read as the channels (1)"]),
    "rows": (lambda x: x.reshape(len(x), 64), ["test_images: rows of 64 values are read as grey 8x8 images"]),
    "columns": (lambda x: x.reshape(len(x), 64, 1), ["test_images: rows of 64 values are read as grey 8x8 images"]),
    "in Fortran's order": (np.asfortranarray, []),
}


@pytest.mark.parametrize("layout", GREY)
def test_grey_images_are_read_in_every_layout(file: Path, layout: str) -> None:
    change, notes = GREY[layout]
    train, test, found = _both_images(file, change)
    assert np.array_equal(train, TRAIN[:, None])
    assert np.array_equal(test, TEST[:, None])
    assert (train.dtype, found) == (np.uint8, notes)


COLOURED: dict[str, tuple[Callable[[Images], Images], list[str]]] = {
    "last": (lambda x: x, []),
    "first": (lambda x: x.transpose(0, 3, 1, 2), ["test_images: axis 1 is read as the channels (3)"]),
    "items last": (
        lambda x: x.transpose(1, 2, 3, 0),
        ["test_images: read as height, width, channels, items: the last"],
    ),
    "opaque": (
        lambda x: np.concatenate([x, np.full_like(x[..., :1], 255)], 3),
        ["test_images: the fourth channel is taken for alpha; it hides nothing"],
    ),
}


@pytest.mark.parametrize("layout", COLOURED)
def test_colour_images_are_read_in_every_layout(file: Path, layout: str) -> None:
    change, notes = COLOURED[layout]
    train, test, found = _both_images(file, change, (COLOUR, TEST_COLOUR))
    assert np.array_equal(train, COLOUR.transpose(0, 3, 1, 2))
    assert np.array_equal(test, TEST_COLOUR.transpose(0, 3, 1, 2))
    assert [note[: len(begin)] for note, begin in zip(found, notes, strict=True)] == notes


def test_alpha_is_composited_on_white(file: Path) -> None:
    images = np.repeat(np.repeat(np.tile(PIXEL, (20, 1, 1, 1)), 4, 1), 4, 2)
    images[:, 0, 0] = (0, 0, 0, 255)
    train, _ = both(npz(file, four(train_images=images, test_images=images[:12])), file.parent)
    assert train.whole()[:3, :, 1, 1].tolist() == [[200, 100, 0], [255, 255, 255], [244, 224, 204]]
    assert said(train, file)[1:] == ["train_images: the fourth channel is taken for alpha and composited on white"]


@pytest.mark.parametrize("level", [0, 255])
def test_what_is_drawn_in_alpha_alone_is_shown(file: Path, level: int) -> None:
    def only_alpha(images: Images) -> Images:
        return np.concatenate([np.full((*images.shape, 3), level, np.uint8), images[..., None]], 3)

    train, test, notes = _both_images(file, only_alpha)
    assert np.array_equal(train, TRAIN[:, None])
    assert np.array_equal(test, TEST[:, None])
    assert notes == ["test_images: colours are one value all over; alpha, which differs, is shown in grey"]


LAYOUTS: dict[str, tuple[Images, str]] = {
    "two axes of channels": (noise(60, 3, 8, 3), r"\(60, 3, 8, 3\): axis 1 and axis 3 could both be the channels"),
    "no axis of channels": (noise(60, 5, 8, 8), r"\(60, 5, 8, 8\): neither axis 1 nor axis 3 can be the channels"),
    "volumes": (noise(60, 8, 8, 8), r"\(60, 8, 8, 8\): neither axis 1 nor axis 3"),
    "films": (noise(60, 2, 8, 8, 3), r"\(60, 2, 8, 8, 3\) are no plane images"),
    "a table": (noise(60, 16), "rows of 16 values are no square images of at least 8x8"),
    "no square": (noise(60, 65), "rows of 65 values are no square images"),
    "rows of colours": (noise(60, 3072), "rows of 3072 values could be 3x32x32 or 32x32x3; reshape them"),
    "signals": (noise(60, 128, 3), "128x3 pixels are no image"),
    "items last": (TRAIN.transpose(1, 2, 0), r"\(8, 8, 60\) with 60 labels: .*np.moveaxis\(x, -1, 0\)"),
    "too many": (noise(61, 8, 8), "x are 61 images, y 60 labels"),
    "one number": (np.array(3), "x uint8|int64 .. holds no images"),
    "none": (noise(60, 8, 0), "x uint8 .60, 8, 0. holds no items"),
    "paths": (np.array(["a.png"] * 60), r"x text \(60,\) are no pixels"),
    "complex": (TRAIN.astype(complex), r"x complex128 \(60, 8, 8\) are no pixels"),
    "of many sizes": (np.array([TRAIN[0], TRAIN[0][:5]] * 30, object), r"x \(60,\) holds Python objects.*one size"),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_layouts_that_mean_two_things_or_none_are_refused(file: Path, case: str) -> None:
    images, message = LAYOUTS[case]
    _refused(file, message, x=images, y=LABELS)


@pytest.mark.parametrize(
    ("test", "size"), [(noise(12, 8, 8, 3), "8x8, 3 channels"), (noise(12, 16, 16), "16x16, 1 channel")]
)
def test_parts_of_other_channels_or_size_are_refused(file: Path, test: Images, size: str) -> None:
    shapes = rf"train_images \(60, 8, 8\) \(8x8, 1 channel\) and test_images \({', '.join(map(str, test.shape))}\)"
    _refused(file, rf"train and test images differ: {shapes} \({size}\)", **four(test_images=test))


def _stretched(images: Images, low: float, high: float) -> Images:
    return ((images.astype(float) - low) / (high - low) * 255).clip(0, 255).round().astype(np.uint8)


TYPES: dict[str, tuple[Callable[[Images], Images], Callable[[Images], Images], str]] = {
    "bool": (lambda x: x > 100, lambda x: (x > 100) * 255, "bool 0..1, times 255"),
    "bit masks": (lambda x: (x > 100).astype(np.uint8), lambda x: (x > 100) * 255, "uint8 0..1, times 255"),
    "0 to 1": (lambda x: (x / 255).astype(np.float32), lambda x: x, "float32 0..1, times 255"),
    "whole floats": (lambda x: x.astype(float), lambda x: x, "float64 0..255, rounded to 8 bits"),
    "resized floats": (lambda x: x * 0.9 + 0.2, lambda x: (x * 0.9 + 0.2).round(), "float64 0.2..229.7, rounded to 8"),
    "wide integers": (lambda x: x.astype(np.int64), lambda x: x, "int64 0..255, rounded to 8 bits"),
    "-1 to 1": (lambda x: x / 127.5 - 1, lambda x: x, "float64 -1..1, this range scaled to 0..255"),
    "standardised": (lambda x: (x - 127.5) / 60, lambda x: x, "float64 -2.125..2.125, this range scaled"),
    "16 bits": (lambda x: x.astype(np.uint16) * 257, lambda x: x, "uint16 0..65535, this range scaled"),
    "the other byte order": (lambda x: x.astype(">u2") * 200, lambda x: x, "uint16 0..51000, this range scaled"),
    "below zero": (lambda x: x.astype(np.int32) * 10 - 1000, lambda x: x, "int32 -1000..1550, this range"),
    "4 bits": (lambda x: (x // 16).astype(float), lambda x: x // 16 * 17, "float64 0..15, this range scaled"),
    "divided twice": (lambda x: x / 255 / 255, lambda x: x, "float64 0..0.00392157, this range scaled"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_becomes_8_bits(file: Path, kind: str) -> None:
    change, wanted, note = TYPES[kind]
    train, test, notes = _both_images(file, change)
    assert np.array_equal(train, wanted(TRAIN)[:, None])
    assert np.array_equal(test, wanted(TEST)[:, None])
    assert notes[0].startswith(f"train_images: {note}")


def test_dark_bytes_stay_as_they_are(file: Path) -> None:
    train, _, notes = _both_images(file, lambda x: x // 16)
    assert np.array_equal(train, TRAIN[:, None] // 16)
    assert notes == ["train_images: uint8 0..15, as they are, in the lower half of 0..255"]


def test_test_images_go_by_the_range_of_the_training_images(file: Path) -> None:
    held = (TRAIN.astype(np.int16) * 10, TEST.astype(np.int16) * 12 - 100)
    train, test, notes = _both_images(file, lambda x: x, held)
    assert np.array_equal(train, TRAIN[:, None])
    assert np.array_equal(test[:, 0], _stretched(held[1], 0, 2550))
    assert notes[1] == f"test_images: {held[1].min()}..{held[1].max()} is clipped to 0..2550 of train_images"


def test_a_file_in_one_piece_goes_by_the_range_of_what_is_trained_on(file: Path) -> None:
    images = TRAIN.astype(np.int16) * 10
    whole, seed = npz(file, {"x": images, "y": LABELS}), Storage(file, file)
    first = whole.open("test", seed).whole()[0, 0]
    place = next(i for i in range(60) if np.array_equal(first, TRAIN[i]))
    images[place, 0, 0] = 5000
    train, test = both(npz(file, {"x": images, "y": LABELS}), file.parent)
    assert said(train, file)[2] == "x (train part): int16 0..2550, this range scaled to 0..255"
    assert test.whole()[0, 0, 0, 0] == 255
    assert said(test, file)[3] == "x (test part): 0..5000 is clipped to 0..2550 of x (train part)"


def test_outliers_do_not_take_the_levels_of_all_others(file: Path) -> None:
    images = TRAIN.astype(np.float32) - 300
    images[5, 3, 3] = 1e6
    train, test, notes = _both_images(file, lambda x: x, (images, TEST.astype(np.float32) - 300))
    assert len(np.unique(train)) > 200
    assert train[5, 0, 3, 3] == 255
    assert np.abs(test[:, 0].astype(int) - TEST).max() <= 1
    assert notes[0].startswith(
        "train_images: float32 -300..1e+06 with outliers; 0.1..99.9 % of them, -300..-45, scaled"
    )


UNITS: dict[str, tuple[Images, Images, str]] = {
    "bytes tested": (TRAIN / 255, TEST, "on two scales: train_images 0..1, test_images 0..255; bring them to one"),
    "bytes trained": (TRAIN, TEST / 255, "on two scales: train_images 0..255, test_images 0..1"),
    "bytes standardised": (TRAIN / 60 - 2, TEST, "on two scales: train_images -2..2.25, test_images 0..255"),
    "16 bits tested": (TRAIN, TEST.astype(np.uint16) * 257, "on two scales: train_images 0..255, test_images 0..65535"),
    "shares of a range": (TRAIN * 10.0, TEST / 255, "on two scales: train_images 0..2550, test_images 0..1"),
}


@pytest.mark.parametrize("case", UNITS)
def test_two_scales_are_refused(file: Path, case: str) -> None:
    train, test, message = UNITS[case]
    _refused(file, message, **four(train_images=train, test_images=test))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_counted(file: Path, value: float) -> None:
    images = TRAIN / 255
    images[3, :2, 0] = value
    _refused(file, "train_images: 2 values are not finite", **four(train_images=images, test_images=TEST / 255))


def test_four_deep_channels_are_colours_with_alpha_only_if_they_fill_the_scale(file: Path) -> None:
    deep = np.concatenate([COLOUR, np.full_like(COLOUR[..., :1], 255)], 3).astype(np.uint16) * 257
    train, _, _ = _both_images(file, lambda x: x, (deep, deep[:12]))
    assert np.array_equal(train, COLOUR.transpose(0, 3, 1, 2))
    message = r"x .train part.: four channels of 0..4080 are no colours with alpha; keep one or three"
    _refused(file, message, x=deep // 257 * 16, y=LABELS)


def test_bytes_that_wrapped_below_zero_are_not_guessed(file: Path) -> None:
    message = "x .train part.: int8 -128..127 could be bytes that wrapped below zero above 127, or signed values"
    _refused(file, message, x=TRAIN.astype(np.int8), y=LABELS)


def test_what_resizing_leaves_beyond_the_ends_is_clipped(file: Path) -> None:
    train, test, notes = _both_images(file, lambda x: x, (TRAIN.astype(float), TEST + 20.5))
    assert np.array_equal(test[:, 0], np.minimum(TEST + 20.5, 255).round())
    assert notes[-1] == f"test_images: 20.5..{TEST.max() + 20.5} is clipped to 0..255 of train_images"
    assert np.array_equal(train, TRAIN[:, None])


def test_alpha_on_another_scale_is_refused(file: Path) -> None:
    images = np.concatenate([COLOUR, np.ones_like(COLOUR[..., :1])], 3)
    _refused(file, "alpha reaches 1 of 255, colours 255", x=images, y=LABELS)


@pytest.mark.parametrize(
    ("n_flat", "note"), [(0, []), (3, ["train_images: 3 of 60 images are of one flat value, first: number 0"])]
)
def test_flat_images_are_counted(file: Path, n_flat: int, note: list[str]) -> None:
    images = COLOUR.copy()
    images[:n_flat] = (7, 8, 9)
    train, test = both(npz(file, four(train_images=images, test_images=TEST_COLOUR)), file.parent)
    assert (said(train, file)[1:], said(test, file)[1:]) == (note, [])


def test_images_that_are_mostly_flat_are_refused(file: Path) -> None:
    images = np.where(np.arange(60)[:, None, None] < 40, 7, TRAIN)
    _refused(
        file,
        "train_images: 40 of 60 images are of one flat value, first: number 0; what they show was lost",
        **four(train_images=images),
    )


def test_images_of_one_value_are_refused(file: Path) -> None:
    _refused(file, "x .train part.: every value is 7; there is nothing to see", x=np.full_like(TRAIN, 7), y=LABELS)
