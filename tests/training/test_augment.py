"""Augmentation: what is asked for and no more, the same wherever it is done, each image by its own draws."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from tests.drawn import noise
from tlbench.dataset import Split
from tlbench.errors import TlbenchError
from tlbench.forms.images import Images
from tlbench.training.augment import ImageAugmentation, cropped, image_augmentation, warped
from tlbench.training.items import Augmented, Examples, Items

EVERYTHING = ImageAugmentation(flip=True, crop=2, rotate=10.0, scale=0.1, shift=0.1)
EACH = [
    ImageAugmentation(flip=True),
    ImageAugmentation(crop=2),
    ImageAugmentation(rotate=10.0),
    ImageAugmentation(scale=0.2),
    ImageAugmentation(shift=0.2),
    EVERYTHING,
]


def _draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(count: int = 64, channels: int = 3, height: int = 9, width: int = 7) -> Tensor:
    return torch.randn(count, channels, height, width, generator=_draws(99))


def _still(count: int = 1, **moved: Tensor) -> dict[str, Tensor]:
    nothing = {"angles": torch.zeros(count), "scales": torch.ones(count), "shifts": torch.zeros(count, 2)}
    return nothing | moved


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ImageAugmentation()),
        (["flip"], ImageAugmentation(flip=True)),
        ("flip", ImageAugmentation(flip=True)),
        (["flip", "crop:2"], ImageAugmentation(flip=True, crop=2)),
        (["affine:10"], ImageAugmentation(rotate=10.0, scale=0.1, shift=0.1)),
        (["rotate:180", "scale:0.3", "shift:0.2"], ImageAugmentation(rotate=180.0, scale=0.3, shift=0.2)),
    ],
)
def test_a_suites_words_make_an_augmentation(names: list[str], expected: ImageAugmentation) -> None:
    assert image_augmentation(names) == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["flp"], "unknown augmentation 'flp': did you mean 'flip'?"),
        (["flip", "cropp:2"], "unknown augmentation 'cropp': did you mean 'crop'?"),
        (["colour:1"], "unknown augmentation 'colour': known: affine, crop, flip, rotate, scale, shift"),
        (["flip:3"], "augmentation 'flip:3': flip takes no number; write flip"),
        (["crop"], "augmentation 'crop': write crop:PIXELS, a whole number of at least 1"),
        (["crop:0"], "augmentation 'crop:0': write crop:PIXELS, a whole number of at least 1"),
        (["crop:1.5"], "augmentation 'crop:1.5': write crop:PIXELS, a whole number of at least 1"),
        (["crop:inf"], "augmentation 'crop:inf': write crop:PIXELS, a whole number of at least 1"),
        (["affine:x"], "augmentation 'affine:x': write affine:DEGREES, more than 0, at most 180"),
        (["rotate:181"], "augmentation 'rotate:181': write rotate:DEGREES, more than 0, at most 180"),
        (["scale:1"], "augmentation 'scale:1': write scale:SHARE, between 0 and 1"),
        (["shift:-0.1"], "augmentation 'shift:-0.1': write shift:SHARE, between 0 and 1"),
        (["rotate:5", "affine:10"], "augmentation 'affine:10': rotate is asked for twice; leave one out"),
    ],
)
def test_a_wrong_word_is_named_with_its_mend(names: list[str], message: str) -> None:
    with pytest.raises(TlbenchError) as caught:
        image_augmentation(names)
    assert str(caught.value) == message


def test_the_recipe_fixes_the_augmentation() -> None:
    assert EVERYTHING.recipe() == {"flip": True, "crop": 2, "rotate": 10.0, "scale": 0.1, "shift": 0.1}
    assert ImageAugmentation(**EVERYTHING.recipe()) == EVERYTHING


def test_nothing_asked_changes_nothing() -> None:
    images = _images()
    assert torch.equal(ImageAugmentation()(images, _draws()), images)


def test_a_flip_turns_about_half_from_side_to_side_and_leaves_the_rest() -> None:
    images = _images(1000)
    result = ImageAugmentation(flip=True)(images, _draws())
    same = (result == images).flatten(1).all(1)
    turned = (result == images.flip(3)).flatten(1).all(1)
    assert (same ^ turned).all()
    assert 430 < int(turned.sum()) < 570


def test_a_crop_is_what_a_loop_over_the_images_cuts() -> None:
    images, fill = _images(), torch.tensor([1.0, -2.0, 3.0])
    corners = torch.randint(0, 5, (64, 2), generator=_draws())
    result = cropped(images, corners, 2, fill)
    for image, (top, left), found in zip(images, corners.tolist(), result, strict=True):
        padded = fill.view(3, 1, 1).repeat(1, 13, 11)
        padded[:, 2:-2, 2:-2] = image
        assert torch.equal(found, padded[:, top : top + 9, left : left + 7])


def test_crops_are_cut_from_every_corner_alike() -> None:
    middle = torch.zeros(900, 1, 5, 5)
    middle[:, :, 2, 2] = 1
    places = ImageAugmentation(crop=1)(middle, _draws()).sum(0)[0]
    assert float(places.sum()) == 900
    assert (places[1:4, 1:4] > 60).all()


def test_a_crop_as_large_as_the_image_is_refused() -> None:
    with pytest.raises(TlbenchError, match=r"^augmentation 'crop:7': the images are 9 x 7 pixels; crop less$"):
        ImageAugmentation(crop=7)(_images(), _draws())


def test_a_warp_by_nothing_changes_nothing() -> None:
    images = _images()
    result = warped(images, fill=torch.tensor([5.0, -5.0, 1.0]), **_still(64))
    torch.testing.assert_close(result, images, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("angle", "row", "column"), [(90.0, 3, 1), (-90.0, 1, 3), (180.0, 3, 3)])
def test_a_turn_moves_a_pixel_where_it_should(angle: float, row: int, column: int) -> None:
    images = torch.zeros(1, 1, 5, 5)
    images[0, 0, 1, 1] = 1
    result = warped(images, fill=torch.zeros(1), **_still(angles=torch.tensor([angle])))
    expected = torch.zeros(1, 1, 5, 5)
    expected[0, 0, row, column] = 1
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)


def test_an_image_that_is_not_square_turns_without_being_stretched() -> None:
    images = torch.zeros(1, 1, 5, 9)
    images[0, 0, 2, 6] = 1  # two to the right of the centre
    result = warped(images, fill=torch.zeros(1), **_still(angles=torch.tensor([90.0])))
    expected = torch.zeros(1, 1, 5, 9)
    expected[0, 0, 0, 4] = 1  # two above it
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)


def test_a_shift_moves_right_and_down_and_fills_from_outside() -> None:
    images = _images(1, 1, 4, 8)
    result = warped(images, fill=torch.tensor([7.0]), **_still(shifts=torch.tensor([[0.25, 0.5]])))
    torch.testing.assert_close(result[:, :, 2:, 2:], images[:, :, :2, :6], atol=1e-5, rtol=0)
    torch.testing.assert_close(result[:, :, :2], torch.full((1, 1, 2, 8), 7.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(result[..., :2], torch.full((1, 1, 4, 2), 7.0), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("factor", "side"), [(2.0, 4), (0.5, 1)])
def test_a_scale_above_one_enlarges(factor: float, side: int) -> None:
    images = torch.zeros(1, 1, 8, 8)
    images[:, :, 3:5, 3:5] = 1
    result = warped(images, fill=torch.zeros(1), **_still(scales=torch.tensor([factor])))
    assert float(result.sum()) == pytest.approx(side**2, rel=0.3)


@pytest.mark.parametrize("augmentation", EACH)
def test_a_seed_fixes_the_result(augmentation: ImageAugmentation) -> None:
    images = _images()
    first, again, other = (augmentation(images, _draws(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, images)


@pytest.mark.parametrize("augmentation", [ImageAugmentation(), *EACH])
def test_every_call_takes_the_same_number_of_draws(augmentation: ImageAugmentation) -> None:
    used, plain = _draws(), _draws()
    augmentation(_images(5), used)
    ImageAugmentation()(_images(5), plain)
    assert torch.equal(used.get_state(), plain.get_state())


def test_an_option_more_changes_no_other_options_draws() -> None:
    images = _images()
    flipped = ImageAugmentation(flip=True)(images, _draws())
    both = ImageAugmentation(flip=True, crop=2)(images, _draws())
    assert torch.equal(both, ImageAugmentation(crop=2)(flipped, _draws()))


@pytest.mark.parametrize("augmentation", EACH)
def test_an_image_is_moved_by_its_own_draws_whatever_its_neighbours(augmentation: ImageAugmentation) -> None:
    images = _images(16)
    others = torch.cat([images[:1], torch.zeros_like(images[1:])])
    assert torch.equal(augmentation(images, _draws())[0], augmentation(others, _draws())[0])
    alike = augmentation(images[:1].expand(16, -1, -1, -1), _draws())
    assert len({tuple(image.flatten().tolist()) for image in alike}) > 1


@pytest.mark.parametrize("augmentation", EACH)
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (3, 3, 6, 11), (2, 1, 12, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_shape_dtype_and_device_are_kept(
    augmentation: ImageAugmentation, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    images = torch.randn(shape, generator=_draws()).to(dtype)
    before = images.clone()
    result = augmentation(images, _draws(), torch.ones(shape[1]))
    assert (result.shape, result.dtype, result.device) == (images.shape, dtype, images.device)
    assert torch.isfinite(result).all()
    assert torch.equal(images, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_another_device_gives_the_same() -> None:
    images, fill = _images(), torch.tensor([1.0, 2.0, 3.0])
    there = EVERYTHING(images.cuda(), _draws(), fill)
    assert there.device.type == "cuda"
    torch.testing.assert_close(there.cpu(), EVERYTHING(images, _draws(), fill), atol=1e-4, rtol=0)


@pytest.mark.parametrize("augmentation", EACH)
def test_an_image_of_nothing_but_the_fill_stays_so(augmentation: ImageAugmentation) -> None:
    fill = torch.tensor([-0.4, 0.0, 2.0])
    blank = fill.view(1, 3, 1, 1).expand(8, 3, 9, 7)
    torch.testing.assert_close(augmentation(blank, _draws(), fill), blank.clone(), atol=1e-6, rtol=0)


def test_black_is_what_the_form_makes_of_it() -> None:
    scaled = Images(4, 3, (0.1, 0.2, 0.3), (0.5, 0.25, 1.0))
    split = Split(np.zeros((2, 3, 4, 4), np.uint8), np.array([0, 1]), ("a", "b"))
    black = Examples(split, np.arange(2), scaled, torch.device("cpu")).inputs(torch.tensor([0]))
    torch.testing.assert_close(scaled.blank().view(1, 3, 1, 1).expand(1, 3, 4, 4), black)


def _examples(items: npt.NDArray[np.uint8]) -> Examples:
    """As they are: in [0, 1], not scaled further."""
    plain = Images(items.shape[2], 3, (0.0,) * 3, (1.0,) * 3)
    return Examples(Split(items, np.arange(len(items)), ("a",)), np.arange(len(items)), plain, torch.device("cpu"))


def test_augmented_items_keep_labels_and_change_their_inputs_every_time() -> None:
    plain, nothing = _examples(noise(6, 3, 9, 9)), torch.zeros(3)
    items: Items = Augmented(plain, EVERYTHING, _draws(), nothing)
    chosen = torch.tensor([4, 1])
    before = plain.inputs(chosen).clone()
    first, second = items.inputs(chosen), items.inputs(chosen)
    assert isinstance(first, Tensor)
    assert isinstance(second, Tensor)
    assert len(items) == 6
    assert items.labels is plain.labels
    assert items.inner_values == plain.inner_values == 3 * 9 * 9
    assert first.shape == second.shape == (2, 3, 9, 9)
    assert not torch.equal(first, second)
    assert torch.equal(first, Augmented(plain, EVERYTHING, _draws(), nothing).inputs(chosen))
    assert torch.equal(plain.inputs(chosen), before)


def test_augmented_items_pad_with_their_fill() -> None:
    fill = torch.tensor([3.0, -1.0, 0.5])
    plain = _examples(np.zeros((50, 3, 4, 4), np.uint8))
    result = Augmented(plain, ImageAugmentation(crop=1), _draws(), fill).inputs(torch.arange(50))
    for channel, value in enumerate(fill.tolist()):
        assert set(result[:, channel].unique().tolist()) == {0.0, value}
