"""Items to inputs: channels, size and scale reconciled; resident and batch-by-batch conversion agree."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from tests.drawn import noise
from tlbench.dataset import Split
from tlbench.form import LUMA, InputForm
from tlbench.training import items as inputs
from tlbench.training.items import Encoded, Examples, with_labels

CPU = torch.device("cpu")


def _split(items: npt.NDArray[np.uint8]) -> Split:
    return Split(items, np.arange(len(items)) % 3, ("a", "b", "c"))


def test_items_of_the_right_shape_are_only_scaled() -> None:
    items = noise(4, 3, 8, 8)
    assert torch.equal(InputForm(8, 3).reshaped(items, CPU), torch.from_numpy(items) / 255)


def test_grey_becomes_colour_by_repetition() -> None:
    items = noise(4, 1, 8, 8)
    found = InputForm(8, 3).reshaped(items, CPU)
    assert found.shape == (4, 3, 8, 8)
    for channel in range(3):
        assert torch.equal(found[:, channel], torch.from_numpy(items[:, 0]) / 255)


def test_colour_becomes_grey_as_pil_does_it() -> None:
    items = noise(4, 3, 8, 8)
    found = InputForm(8, 1).reshaped(items, CPU)
    expected = np.stack([np.asarray(Image.fromarray(item.transpose(1, 2, 0)).convert("L")) for item in items])
    assert found.shape == (4, 1, 8, 8)
    assert np.abs(found[:, 0].numpy() * 255 - expected).max() < 1.01


@pytest.mark.parametrize("size", [5, 8, 16])
def test_grey_to_colour_and_back_changes_nothing(size: int) -> None:
    grey = InputForm(size, 1).reshaped(noise(4, 1, 8, 8), CPU)
    colour = InputForm(size, 3).reshaped(noise(4, 1, 8, 8), CPU)
    luma = torch.tensor(LUMA).view(1, 3, 1, 1)
    assert torch.allclose((colour * luma).sum(1, keepdim=True), grey, atol=1e-6)


@pytest.mark.parametrize(("shape", "size"), [((8, 8), 4), ((8, 8), 20), ((6, 10), 8)])
def test_items_are_resized(shape: tuple[int, int], size: int) -> None:
    found = InputForm(size, 1).reshaped(noise(3, 1, *shape), CPU)
    assert found.shape == (3, 1, size, size)
    assert found.is_contiguous()
    assert 0 <= found.min() < found.max() <= 1
    flat = InputForm(size, 1).reshaped(np.full((3, 1, *shape), 51, dtype=np.uint8), CPU)
    assert torch.allclose(flat, torch.tensor(0.2))


def test_halving_takes_the_mean_and_keeps_what_is_where() -> None:
    items = np.zeros((1, 1, 8, 8), dtype=np.uint8)
    items[0, 0, :4, 4:] = 255
    found = InputForm(2, 1).reshaped(items, CPU)[0, 0]
    assert found[0, 1] > 0.7
    assert max(found[0, 0], found[1, 0], found[1, 1]) < 0.3


def test_scaling_down_sees_every_pixel() -> None:
    stripes = np.zeros((1, 1, 8, 8), dtype=np.uint8)
    stripes[..., [0, 3, 4, 7]] = 255  # two samples a row would miss them all
    found = InputForm(2, 1).reshaped(stripes, CPU)
    assert found.min() > 0.3
    assert found.max() < 0.7


def test_a_larger_resize_cuts_the_centre() -> None:
    items = noise(2, 1, 8, 8)
    found = InputForm(4, 1, resize=8).reshaped(items, CPU)
    assert torch.equal(found, torch.from_numpy(items[:, :, 2:6, 2:6]) / 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_inputs_are_standardised_by_the_training_draw(channels: int) -> None:
    split, draw = _split(noise(60, channels, 6, 6)), np.arange(20, 50)
    form = InputForm(6, channels).fitted(split, draw)
    assert len(form.mean) == len(form.std) == channels
    found = Examples(split, draw, form, CPU).inputs(torch.arange(30))
    assert found.mean((0, 2, 3)).tolist() == pytest.approx([0] * channels, abs=1e-5)
    assert found.std((0, 2, 3)).tolist() == pytest.approx([1] * channels, abs=1e-3)


def test_what_is_not_drawn_does_not_scale() -> None:
    items, draw = noise(60, 1, 6, 6), np.arange(20, 50)
    before = InputForm(6, 1).fitted(_split(items), draw)
    items[:20], items[50:] = 255, 0
    assert InputForm(6, 1).fitted(_split(items), draw) == before


@pytest.mark.parametrize("n", [20_000, 15_001])
def test_a_large_draw_is_sampled_over_its_whole_length(n: int) -> None:
    items = np.zeros((n, 1, 1, 1), dtype=np.uint8)
    items[n // 2 :] = 255
    assert InputForm(1, 1).fitted(_split(items), np.arange(n)).mean == pytest.approx((0.5,), abs=1e-3)


def test_a_constant_draw_is_scaled_without_dividing_by_zero() -> None:
    split = _split(np.full((5, 1, 4, 4), 9, dtype=np.uint8))
    form = InputForm(4, 1).fitted(split, np.arange(5))
    assert torch.allclose(Examples(split, np.arange(5), form, CPU).inputs(torch.arange(5)), torch.tensor(0.0))


def test_a_fixed_scale_is_kept() -> None:
    split, form = _split(noise(9, 3, 4, 4)), InputForm(4, 3, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    assert form.fitted(split, np.arange(9)) is form
    found = Examples(split, np.arange(9), form, CPU).inputs(torch.tensor([4]))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (form.mean, form.std))
    assert torch.allclose(found[0], (torch.from_numpy(split.items[4]) / 255 - mean) / std)


@pytest.mark.parametrize("form", [InputForm(8, 1), InputForm(5, 3), InputForm(4, 3, resize=6)])
def test_resident_and_batch_by_batch_conversion_agree(form: InputForm, monkeypatch: pytest.MonkeyPatch) -> None:
    split, indices = _split(noise(40, 1, 8, 8)), np.arange(39, 9, -1)
    fitted = form.fitted(split, indices)
    resident = Examples(split, indices, fitted, CPU)
    monkeypatch.setattr(inputs, "RESIDENT_BYTES", 0)
    streamed = Examples(split, indices, fitted, CPU)
    chosen = torch.tensor([3, 29, 0, 3])
    assert (resident._resident is None, streamed._resident is None) == (False, True)
    assert len(resident) == len(streamed) == 30
    assert torch.equal(resident.labels, streamed.labels)
    assert resident.inputs(chosen).shape == (4, *form.shape)
    assert torch.equal(resident.inputs(chosen), streamed.inputs(chosen))


def test_examples_are_known_by_their_place_in_the_draw() -> None:
    split, form = _split(noise(9, 1, 4, 4)), InputForm(4, 1, (0.0,), (1.0,))
    examples = Examples(split, np.array([7, 2]), form, CPU)
    assert examples.labels.tolist() == [1, 2]
    assert torch.equal(examples.inputs(torch.tensor([1])), torch.from_numpy(split.items[[2]]) / 255)


def test_labels_can_be_replaced() -> None:
    split, form = _split(noise(9, 1, 4, 4)), InputForm(4, 1, (0.0,), (1.0,))
    examples = with_labels(Examples(split, np.arange(3), form, CPU), np.array([2, 2, 0]))
    assert examples.labels.tolist() == [2, 2, 0]
    assert split.labels[:3].tolist() == [0, 1, 2]
    assert torch.equal(examples.inputs(torch.arange(3)), torch.from_numpy(split.items[:3]) / 255)


def test_encoded_examples_give_their_activations() -> None:
    encoded = Encoded(torch.arange(6.0).view(3, 2), torch.tensor([0, 1, 0]))
    assert len(encoded) == 3
    assert encoded.inputs(torch.tensor([2, 0])).tolist() == [[4, 5], [0, 1]]


@pytest.mark.parametrize(
    ("form", "label"),
    [
        (InputForm(28, 1), "1x28x28"),
        (InputForm(32, 3), "3x32x32"),
        (InputForm(224, 3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), "3x224x224-mean-0.485-0.456-0.406"),
        (InputForm(8, 1, (0.5,), (0.5,), 9), "1x8x8-mean-0.5-resize-9"),
    ],
)
def test_a_form_is_named(form: InputForm, label: str) -> None:
    assert form.label == label


def test_forms_that_scale_or_cut_differently_have_different_names() -> None:
    forms = [InputForm(8, 1), InputForm(8, 3), InputForm(9, 1), InputForm(8, 1, (0.5,), (1.0,))]
    forms += [InputForm(8, 1, (0.5,), (1.0,), resize) for resize in (9, 10)]
    assert len({form.label for form in forms}) == len(forms)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (InputForm(8, 1), {"mean": "training draw", "std": "training draw", "resize": 8}),
        (InputForm(8, 1, (0.5,), (0.1,), 9), {"mean": [0.5], "std": [0.1], "resize": 9}),
    ],
)
def test_a_recipe_says_whose_statistics_scale(form: InputForm, expected: dict[str, Any]) -> None:
    assert form.recipe() == {"size": 8, "channels": 1} | expected
