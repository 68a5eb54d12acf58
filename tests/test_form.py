"""Items to inputs: channels, size and scale reconciled; resident and batch-by-batch conversion agree."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torchvision
from PIL import Image

from tests.drawn import noise
from tlbench.dataset import Split
from tlbench.errors import TlbenchError
from tlbench.form import default_form, forms
from tlbench.forms.images import LUMA, Images
from tlbench.network import Masked
from tlbench.source import sources
from tlbench.training import items as inputs
from tlbench.training.items import Encoded, Examples, with_labels

CPU = torch.device("cpu")


def _split(items: npt.NDArray[np.uint8]) -> Split:
    return Split(items, np.arange(len(items)) % 3, ("a", "b", "c"))


def test_items_of_the_right_shape_are_only_scaled() -> None:
    items = noise(4, 3, 8, 8)
    assert torch.equal(Images(8, 3).reshaped(items, CPU), torch.from_numpy(items) / 255)


def test_grey_becomes_colour_by_repetition() -> None:
    items = noise(4, 1, 8, 8)
    found = Images(8, 3).reshaped(items, CPU)
    assert found.shape == (4, 3, 8, 8)
    for channel in range(3):
        assert torch.equal(found[:, channel], torch.from_numpy(items[:, 0]) / 255)


def test_colour_becomes_grey_as_pil_does_it() -> None:
    items = noise(4, 3, 8, 8)
    found = Images(8, 1).reshaped(items, CPU)
    expected = np.stack([np.asarray(Image.fromarray(item.transpose(1, 2, 0)).convert("L")) for item in items])
    assert found.shape == (4, 1, 8, 8)
    assert np.abs(found[:, 0].numpy() * 255 - expected).max() < 1.01


@pytest.mark.parametrize("size", [5, 8, 16])
def test_grey_to_colour_and_back_changes_nothing(size: int) -> None:
    grey = Images(size, 1).reshaped(noise(4, 1, 8, 8), CPU)
    colour = Images(size, 3).reshaped(noise(4, 1, 8, 8), CPU)
    luma = torch.tensor(LUMA).view(1, 3, 1, 1)
    assert torch.allclose((colour * luma).sum(1, keepdim=True), grey, atol=1e-6)


@pytest.mark.parametrize(("shape", "size"), [((8, 8), 4), ((8, 8), 20), ((6, 10), 8)])
def test_items_are_resized(shape: tuple[int, int], size: int) -> None:
    found = Images(size, 1).reshaped(noise(3, 1, *shape), CPU)
    assert found.shape == (3, 1, size, size)
    assert found.is_contiguous()
    assert 0 <= found.min() < found.max() <= 1
    flat = Images(size, 1).reshaped(np.full((3, 1, *shape), 51, dtype=np.uint8), CPU)
    assert torch.allclose(flat, torch.tensor(0.2))


def test_halving_takes_the_mean_and_keeps_what_is_where() -> None:
    items = np.zeros((1, 1, 8, 8), dtype=np.uint8)
    items[0, 0, :4, 4:] = 255
    found = Images(2, 1).reshaped(items, CPU)[0, 0]
    assert found[0, 1] > 0.7
    assert max(found[0, 0], found[1, 0], found[1, 1]) < 0.3


def test_scaling_down_sees_every_pixel() -> None:
    stripes = np.zeros((1, 1, 8, 8), dtype=np.uint8)
    stripes[..., [0, 3, 4, 7]] = 255  # two samples a row would miss them all
    found = Images(2, 1).reshaped(stripes, CPU)
    assert found.min() > 0.3
    assert found.max() < 0.7


def test_a_larger_resize_cuts_the_centre() -> None:
    items = noise(2, 1, 8, 8)
    found = Images(4, 1, resize=8).reshaped(items, CPU)
    assert torch.equal(found, torch.from_numpy(items[:, :, 2:6, 2:6]) / 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_inputs_are_standardised_by_the_training_draw(channels: int) -> None:
    split, draw = _split(noise(60, channels, 6, 6)), np.arange(20, 50)
    form = Images(6, channels).fitted(split, draw)
    assert len(form.mean) == len(form.std) == channels
    found = Examples(split, draw, form, CPU).inputs(torch.arange(30))
    assert found.mean((0, 2, 3)).tolist() == pytest.approx([0] * channels, abs=1e-5)
    assert found.std((0, 2, 3)).tolist() == pytest.approx([1] * channels, abs=1e-3)


def test_what_is_not_drawn_does_not_scale() -> None:
    items, draw = noise(60, 1, 6, 6), np.arange(20, 50)
    before = Images(6, 1).fitted(_split(items), draw)
    items[:20], items[50:] = 255, 0
    assert Images(6, 1).fitted(_split(items), draw) == before


@pytest.mark.parametrize("n", [20_000, 15_001])
def test_a_large_draw_is_sampled_over_its_whole_length(n: int) -> None:
    items = np.zeros((n, 1, 1, 1), dtype=np.uint8)
    items[n // 2 :] = 255
    assert Images(1, 1).fitted(_split(items), np.arange(n)).mean == pytest.approx((0.5,), abs=1e-3)


def test_a_constant_draw_is_scaled_without_dividing_by_zero() -> None:
    split = _split(np.full((5, 1, 4, 4), 9, dtype=np.uint8))
    form = Images(4, 1).fitted(split, np.arange(5))
    assert torch.allclose(Examples(split, np.arange(5), form, CPU).inputs(torch.arange(5)), torch.tensor(0.0))


def test_a_fixed_scale_is_kept() -> None:
    split, form = _split(noise(9, 3, 4, 4)), Images(4, 3, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    assert form.fitted(split, np.arange(9)) is form
    found = Examples(split, np.arange(9), form, CPU).inputs(torch.tensor([4]))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (form.mean, form.std))
    assert torch.allclose(found[0], (torch.from_numpy(split.items[4]) / 255 - mean) / std)


@pytest.mark.parametrize("form", [Images(8, 1), Images(5, 3), Images(4, 3, resize=6)])
def test_resident_and_batch_by_batch_conversion_agree(form: Images, monkeypatch: pytest.MonkeyPatch) -> None:
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
    split, form = _split(noise(9, 1, 4, 4)), Images(4, 1, (0.0,), (1.0,))
    examples = Examples(split, np.array([7, 2]), form, CPU)
    assert examples.labels.tolist() == [1, 2]
    assert torch.equal(examples.inputs(torch.tensor([1])), torch.from_numpy(split.items[[2]]) / 255)


def test_labels_can_be_replaced() -> None:
    split, form = _split(noise(9, 1, 4, 4)), Images(4, 1, (0.0,), (1.0,))
    examples = with_labels(Examples(split, np.arange(3), form, CPU), np.array([2, 2, 0]))
    assert examples.labels.tolist() == [2, 2, 0]
    assert split.labels[:3].tolist() == [0, 1, 2]
    assert torch.equal(examples.inputs(torch.arange(3)), torch.from_numpy(split.items[:3]) / 255)


def test_encoded_examples_give_their_activations() -> None:
    encoded = Encoded(torch.arange(6.0).view(3, 2), torch.tensor([0, 1, 0]))
    assert len(encoded) == 3
    seen = encoded.inputs(torch.tensor([2, 0]))
    assert isinstance(seen, torch.Tensor)
    assert seen.tolist() == [[4, 5], [0, 1]]


def test_encoded_examples_give_their_mask_too() -> None:
    mask = torch.tensor([[True, False], [True, True], [False, False]])
    seen = Encoded(torch.arange(6.0).view(3, 2), torch.tensor([0, 1, 0]), mask).inputs(torch.tensor([2, 0]))
    assert isinstance(seen, Masked)
    assert seen.values.tolist() == [[4, 5], [0, 1]]
    assert torch.equal(seen.mask, mask[[2, 0]])


@pytest.mark.parametrize(
    ("form", "label"),
    [
        (Images(28, 1), "1x28x28"),
        (Images(32, 3), "3x32x32"),
        (Images(224, 3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), "3x224x224-mean-0.485-0.456-0.406"),
        (Images(8, 1, (0.5,), (0.5,), 9), "1x8x8-mean-0.5-resize-9"),
    ],
)
def test_a_form_is_named(form: Images, label: str) -> None:
    assert form.label == label


def test_forms_that_scale_or_cut_differently_have_different_names() -> None:
    forms = [Images(8, 1), Images(8, 3), Images(9, 1), Images(8, 1, (0.5,), (1.0,))]
    forms += [Images(8, 1, (0.5,), (1.0,), resize) for resize in (9, 10)]
    assert len({form.label for form in forms}) == len(forms)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Images(8, 1), {"mean": (), "std": (), "resize": 0}),
        (Images(8, 1, (0.5,), (0.1,), 9), {"mean": (0.5,), "std": (0.1,), "resize": 9}),
    ],
)
def test_a_recipe_says_whose_statistics_scale(form: Images, expected: dict[str, Any]) -> None:
    assert form.recipe() == {"name": "images", "size": 8, "channels": 1, "interpolation": "bilinear"} | expected


@pytest.mark.parametrize(
    "form", [Images(8, 1), Images(8, 3, (0.5,) * 3, (0.1,) * 3, 9), Images(8, 1, interpolation="bicubic")]
)
def test_a_recipe_makes_the_form_again_as_its_file_does(form: Images) -> None:
    for recipe in (form.recipe(), json.loads(json.dumps(form.recipe()))):
        again = forms.make(recipe)
        assert again == form
        assert again.label == form.label
        assert again.recipe() == form.recipe()


def _bicubic(size: int, channels: int = 1, resize: int = 0) -> Images:
    return Images(size, channels, resize=resize, interpolation="bicubic")


@pytest.mark.parametrize(("shape", "size"), [((12, 12), 5), ((9, 7), 6), ((6, 6), 15)])
def test_bicubic_is_what_pil_does(shape: tuple[int, int], size: int) -> None:
    items = noise(3, 1, *shape)
    found = _bicubic(size).reshaped(items, CPU)[:, 0].numpy() * 255
    floats = [Image.fromarray(item[0].astype(np.float32)) for item in items]  # whole numbers are cut off in between
    expected = np.stack([np.asarray(one.resize((size, size), Image.Resampling.BICUBIC)) for one in floats])
    assert np.abs(found - expected.clip(0, 255)).max() < 0.01
    assert np.abs(Images(size, 1).reshaped(items, CPU)[:, 0].numpy() * 255 - expected).max() > 5


def test_bicubic_does_not_leave_the_scale() -> None:
    edges = np.zeros((1, 1, 8, 8), dtype=np.uint8)
    edges[..., 4:] = 255
    bare = torch.nn.functional.interpolate(
        torch.from_numpy(edges) / 255, (20, 20), mode="bicubic", antialias=True, align_corners=False
    )
    assert bare.min() < 0
    assert bare.max() > 1
    found = _bicubic(20).reshaped(edges, CPU)
    assert (float(found.min()), float(found.max())) == (0, 1)
    assert torch.equal(found, bare.clamp(0, 1))
    assert set(_bicubic(8).pixels(edges).ravel()) == {0, 255}


def test_bicubic_cuts_the_centre_of_a_larger_resize() -> None:
    items = noise(2, 1, 12, 12)
    whole = _bicubic(9).reshaped(items, CPU)
    assert torch.equal(_bicubic(5, resize=9).reshaped(items, CPU), whole[:, :, 2:7, 2:7])


def test_how_it_is_resized_is_part_of_label_and_recipe() -> None:
    assert _bicubic(8).label == "1x8x8-bicubic"
    assert _bicubic(8).recipe()["interpolation"] == "bicubic"
    assert _bicubic(8) != Images(8, 1)


def test_another_interpolation_is_refused() -> None:
    with pytest.raises(TlbenchError, match="interpolation"):
        forms.make({"name": "images", "interpolation": "nearest"})


@pytest.mark.parametrize(
    ("form", "shape"), [(Images(8, 1), (1, 8, 8)), (Images(5, 3, resize=7), (3, 5, 5)), (_bicubic(20, 3), (3, 20, 20))]
)
def test_items_of_a_form_are_items_still(form: Images, shape: tuple[int, ...]) -> None:
    items = noise(4, 1, 8, 8)
    found = form.pixels(items)
    assert found.dtype == np.uint8
    assert found.shape == (4, *shape)
    assert torch.allclose(torch.from_numpy(found) / 255, form.reshaped(items, CPU), atol=0.5 / 255 + 1e-6)


def test_the_default_form_is_the_targets_and_in_colour_where_any_is() -> None:
    grey, colour = _split(noise(9, 1, 6, 9)), _split(noise(9, 3, 12, 12))
    assert default_form(grey, [grey], 0) == Images(9, 1)
    assert default_form(grey, [grey, colour], 0) == Images(9, 3)
    assert default_form(grey, [grey], 28) == Images(28, 1)


def test_items_that_no_form_takes_are_told() -> None:
    strange = Split(np.zeros((4, 7), dtype=np.float32), np.zeros(4, dtype=np.int64), ("a", "b"))
    with pytest.raises(TlbenchError, match=r"no form takes all of these items: float32 of shape \(7,\)"):
        default_form(strange, [strange], 0)


def test_other_channels_are_another_form() -> None:
    form = Images(8, 1, label="mine")
    assert form.with_channels(1) is form
    assert form.with_channels(3) == Images(8, 3)
    assert form.with_channels(3).label == "3x8x8"


def _published() -> list[tuple[str, str, str]]:
    """Every entry of torchvision's zoo for whole images: model, entry, how it is resized."""
    models = torchvision.models.list_models(module=torchvision.models)
    entries = [(model, entry) for model in models for entry in torchvision.models.get_model_weights(model)]
    return [(model, entry.name, entry.transforms().interpolation.value) for model, entry in entries]


def test_every_published_preprocessing_is_resized_as_published() -> None:
    default, published = Images(8, 1), _published()
    assert len({how for _, _, how in published}) == 2
    for model, weights, how in published:
        form = sources.make({"name": "torchvision", "model": model, "weights": weights}).form(default)
        assert isinstance(form, Images)
        assert form.interpolation == how, (model, weights)


def test_the_default_weights_published_as_bicubic_are_read_so() -> None:
    models = {model for model, _, _ in _published()}
    defaults = {m: torchvision.models.get_model_weights(m).DEFAULT.transforms().interpolation.value for m in models}
    bicubic = [model for model, how in defaults.items() if how == "bicubic"]
    assert bicubic
    for model in bicubic:
        form = sources.make(f"torchvision:{model}").form(Images(8, 1))
        assert form.recipe()["interpolation"] == "bicubic"
        assert "bicubic" in form.label
