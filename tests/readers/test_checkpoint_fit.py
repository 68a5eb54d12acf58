"""A checkpoint fills a network completely, or is refused with what is missing and the network that it would fill."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import VisionTransformer

from tests.checkpoints import COLOUR, SMALL, body, build, load, public, said, saved, setup_of, under
from tlbench.errors import TlbenchError
from tlbench.forms.images import Images
from tlbench.network import HEAD, Network, networks

TWENTY = {"name": "resnet", "depth": 20, "width": 4}
RESNET18 = "torchvision:resnet18"


def _same(found: Network, expected: Network, *, head: bool = True) -> bool:
    parts = (*expected.names, HEAD) if head else expected.names
    own = [{n: v for n, v in one.part(p).state_dict().items() if "tracked" not in n} for p in parts for one in (found,)]
    other = [{n: v for n, v in expected.part(p).state_dict().items() if "tracked" not in n} for p in parts]
    return all(
        a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a) for a, b in zip(own, other, strict=True)
    )


def _refused(path: Path, spec: object = None, **options: Any) -> str:
    with pytest.raises(TlbenchError) as caught:
        load(path, spec, **options)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text.removeprefix(str(path))


@pytest.mark.parametrize("head", ["head", "fc", "linear", "classifier", "last_linear"])
@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_public_names_of_the_family_fit(head: str, shortcut: str, tmp_path: Path) -> None:
    spec = SMALL | {"shortcut": shortcut}
    network = build(setup=setup_of(spec))
    tensors = public(network, head)
    if head == "linear":
        tensors = {key.replace("downsample.", "shortcut."): value for key, value in tensors.items()}
    path = saved(tmp_path / "a.pt", tensors)
    weights = load(path, spec)
    assert _same(weights.network, network)
    assert weights.classes == ("class0", "class1", "class2")
    count = sum("tracked" not in name for name in tensors)
    assert said(weights, path) == [f"{count} tensors matched"]
    assert not weights.network.training


WRAPS: list[Callable[[dict[str, Tensor]], Any]] = [
    lambda t: {"state_dict": t, "epoch": 3, "best_prec1": torch.tensor(91.7)},
    lambda t: {"model": {"state_dict": t}},
    lambda t: {"model_ema": t, "optimizer": {"state": {0: {"exp_avg": torch.zeros(4, 3, 3, 3)}}}},
    lambda t: under("module.", t),
    lambda t: under("_orig_mod.module.", t),
    lambda t: {"state_dict": under("model.", t) | {"criterion.weight": torch.ones(3), "loss_fn.pos": torch.ones(2)}},
    lambda t: under("a.wholly.unknown.", t),
    lambda t: {key.replace("layer1.", "layer1._orig_mod."): value for key, value in t.items()},
    lambda t: {"encoder": body(t), "classifier": {"weight": t["linear.weight"], "bias": t["linear.bias"]}},
    lambda t: under("0.", body(t)) | {"1.weight": t["linear.weight"], "1.bias": t["linear.bias"]},
    lambda t: {key: value.half() if value.is_floating_point() else value for key, value in t.items()},
]


@pytest.mark.parametrize("wrap", WRAPS, ids=range(len(WRAPS)))
def test_wrappings_and_prefixes_are_found_by_what_fits(wrap: Callable[..., Any], tmp_path: Path) -> None:
    network = build().half().float()
    path = saved(tmp_path / "a.pt", wrap(public(network)))
    weights = load(path)
    assert _same(weights.network, network)
    assert said(weights, path) == ["37 tensors matched"]
    assert {value.dtype for value in weights.network.parameters()} == {torch.float32}


def test_the_same_file_under_its_own_names_fits_in_both_formats(tmp_path: Path) -> None:
    network = build()
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    for path in (tmp_path / "a.safetensors", saved(tmp_path / "a.pt", network.state_dict())):
        assert _same(load(path).network, network)


def _twenty(seed: int = 0) -> dict[str, Tensor]:
    return public(build(10, seed, setup_of(TWENTY)))


def test_a_deeper_network_is_refused_and_the_one_that_fits_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", _twenty())
    assert _refused(path) == (
        " does not fit network 'resnet-8-width-4': 60 of the file's have no place in it "
        "(layer1.1.conv1.weight (4, 4, 3, 3), layer1.1.bn1.weight (4,), layer1.1.bn1.bias (4,), ...); "
        'it fits network = { name = "resnet", depth = 20, width = 4 }'
    )
    assert load(path, TWENTY).classes == tuple(f"class{i}" for i in range(10))


def test_a_shallower_one_says_what_is_missing(tmp_path: Path) -> None:
    text = _refused(saved(tmp_path / "a.pt", public(build())), TWENTY)
    assert "60 of its 95 tensors are not in the file (blocks.layer1.1.conv1.weight, " in text
    assert text.endswith('it fits network = { name = "resnet", width = 4 }')


GUESSED = {
    "resnet:14": "resnet:14",
    "cnn:2": "cnn:2",
    "mlp:2": "mlp:2",
    RESNET18: RESNET18,
}


@pytest.mark.parametrize("name", GUESSED)
def test_the_network_that_would_fit_is_found_on_the_shelf(name: str, tmp_path: Path) -> None:
    tensors = build(7, setup=setup_of(name, Images(32, 3) if name == RESNET18 else COLOUR)).state_dict()
    assert _refused(saved(tmp_path / "a.pt", {"model": tensors})).endswith(f'; it fits network = "{GUESSED[name]}"')


def test_options_that_are_not_as_usual_are_a_table(tmp_path: Path) -> None:
    spec = {"name": "resnet", "depth": 14, "width": 8, "shortcut": "B"}
    path = saved(tmp_path / "a.pt", public(build(setup=setup_of(spec))))
    assert _refused(path).endswith('it fits network = { name = "resnet", depth = 14, width = 8, shortcut = "B" }')


def test_a_resnet50_is_no_resnet18(tmp_path: Path) -> None:
    tensors = {name: value.half() for name, value in torchvision.models.resnet50().state_dict().items() if value.ndim}
    text = _refused(saved(tmp_path / "a.pt", tensors), RESNET18, form=Images(32, 3))
    assert "23 with another shape or kind of number (layer1.0.conv1.weight torch.float16 (64, 64, 1, 1) for" in text
    assert "layer1.0.conv3.weight (256, 64, 1, 1)" in text
    assert text.endswith('it fits network = "torchvision:resnet50"')


def test_what_nothing_fits_asks_for_the_network(tmp_path: Path) -> None:
    text = _refused(saved(tmp_path / "a.pt", {"other": torch.zeros(3)}))
    assert text == (
        " does not fit network 'resnet-8-width-4': none of its 35 tensors is in the file, which holds other (3,); "
        "name the network it was saved from"
    )


def test_missing_running_statistics_are_said_to_be_missing(tmp_path: Path) -> None:
    tensors = {name: value for name, value in public(build()).items() if "running" not in name}
    path = saved(tmp_path / "a.pt", tensors)
    text = _refused(path)
    assert "the running statistics of 7 BatchNorm layers are not in it (blocks.layer1.0.bn1, " in text
    assert text.endswith("; save state_dict() with its buffers, not parameters() alone")
    but = 'it fits network = { name = "resnet", width = 4 }, but for the running statistics of its BatchNorm layers'
    assert _refused(path, TWENTY).endswith(but)
    assert said(load(path, partial=True), path)[0] == "partial: 21 of 35 tensors of the blocks matched"


def test_counters_of_batches_may_be_missing(tmp_path: Path) -> None:
    network = build()
    tensors = {name: value for name, value in public(network).items() if "tracked" not in name}
    assert _same(load(saved(tmp_path / "a.pt", tensors)).network, network)


def test_part_of_the_blocks_is_enough_where_that_is_asked_for(tmp_path: Path) -> None:
    network = build(7)
    tensors = public(network)
    del tensors["layer3.0.conv2.weight"]
    path = saved(tmp_path / "a.pt", tensors | {"extra.bias": torch.zeros(2)})
    assert "1 of its 35 tensors are not in the file (blocks.layer3.0.conv2.weight), 1 of the file's" in _refused(path)
    weights, again = load(path, partial=True), load(path, partial=True)
    assert said(weights, path) == [
        "partial: 34 of 35 tensors of the blocks matched",
        "partial: not in the file, left as in a new network: blocks.layer3.0.conv2.weight",
        "partial: in the file and not used: extra.bias",
    ]
    assert len(weights.classes or ()) == 7
    assert weights.digest() == again.digest() != network.checksum(network.names)
    assert torch.equal(weights.network.part("layer2").state_dict()["0.bn1.weight"], tensors["layer2.0.bn1.weight"])


@pytest.mark.parametrize("keep", [("linear",), ("bn",), ("tracked",)])
def test_a_head_or_norms_alone_are_nothing(keep: tuple[str, ...], tmp_path: Path) -> None:
    tensors = {name: value for name, value in public(build()).items() if any(word in name for word in keep)}
    path = saved(tmp_path / "a.pt", tensors)
    assert "does not fit network" in _refused(path)
    assert _refused(path, partial=True).endswith("not one matrix fits, which is too little for partial = true")


HEADS: dict[str, dict[str, tuple[int, ...]]] = {
    "SimCLR": {"fc.0.weight": (16, 16), "fc.2.weight": (8, 16)},
    "of two layers whose first would fit": {"fc.0.weight": (9, 16), "fc.0.bias": (9,), "fc.3.weight": (5, 9)},
    "LeNet's": {"fc1.weight": (9, 16), "fc1.bias": (9,), "fc2.weight": (3, 9), "fc2.bias": (3,)},
    "of other features": {"linear.weight": (3, 99), "linear.bias": (3,)},
    "projectors": {"projector.weight": (9, 16), "predictor.weight": (4, 9)},
    "BatchNorm within": {"head.weight": (3, 16), "head.running_mean": (3,)},
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_not_linear_on_the_features_is_dropped_and_said(name: str, tmp_path: Path) -> None:
    network = build()
    head = {key: torch.ones(shape) for key, shape in HEADS[name].items()}
    path = saved(tmp_path / "a.pt", body(public(network)) | head)
    weights = load(path)
    assert weights.classes is None
    assert _same(weights.network, network, head=False)
    assert said(weights, path)[1].startswith(f"a head that does not fit was dropped: {next(iter(head))}")


def test_a_file_without_a_head_has_no_classes(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", body(public(build())))
    weights = load(path)
    assert weights.classes is None
    assert said(weights, path) == ["35 tensors matched", "no head in the file"]


def test_a_head_without_bias_gets_zeros(tmp_path: Path) -> None:
    tensors = public(build())
    del tensors["linear.bias"]
    path = saved(tmp_path / "a.pt", tensors)
    weights = load(path)
    assert not weights.network.head.bias.any()
    assert torch.equal(weights.network.head.weight, tensors["linear.weight"])
    assert said(weights, path)[1] == "the head has no bias in the file: zeros stand for it"


def _renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Other names for the modules, in the same order."""
    modules = list(dict.fromkeys(name.rpartition(".")[0] for name in tensors))
    parts = [name.rpartition(".") for name in tensors]
    return {f"m{modules.index(p[0])}.{p[2]}": value for p, value in zip(parts, tensors.values(), strict=True)}


def test_other_names_in_the_same_order_fit_by_position(tmp_path: Path) -> None:
    network = build()
    path = saved(tmp_path / "a.pt", {"net": _renamed(public(network))})
    weights = load(path)
    assert _same(weights.network, network)
    first = "net.m0.weight for blocks.stem.conv1.weight, net.m1.weight for blocks.stem.bn1.weight"
    assert said(weights, path)[1].startswith(f"matched by position, names differ ({first}")


def test_position_means_nothing_where_the_format_sorts_or_kinds_disagree(tmp_path: Path) -> None:
    tensors = _renamed(public(build()))
    save_file(tensors, tmp_path / "a.safetensors")
    assert "none of its 35 tensors is in the file" in _refused(tmp_path / "a.safetensors")
    swap = {"weight": "bias", "bias": "weight"}
    swapped = {
        ".".join([*n.split(".")[:-1], swap.get(n.split(".")[-1], n.split(".")[-1])]): tensors[n] for n in tensors
    }
    assert "none of its 35 tensors is in the file" in _refused(saved(tmp_path / "b.pt", swapped))


def test_the_momenta_of_an_optimizer_are_no_weights(tmp_path: Path) -> None:
    network = build(setup=setup_of("mlp:2"))
    momenta = {i: {"momentum_buffer": value} for i, value in enumerate(network.state_dict().values())}
    text = _refused(saved(tmp_path / "a.pt", {"optimizer": {"state": momenta}}), "mlp:2")
    assert "none of its 4 tensors is in the file, which holds training's own alone" in text


@pytest.mark.parametrize(("value", "what"), [(float("nan"), "1 of 16"), (float("-inf"), "1 of 16")])
def test_numbers_that_are_not_finite_are_refused_by_name(value: float, what: str, tmp_path: Path) -> None:
    tensors = public(build())
    tensors["layer3.0.bn2.weight"][3] = value
    text = _refused(saved(tmp_path / "a.pt", tensors))
    assert text.startswith(f": 'layer3.0.bn2.weight' holds NaN or infinity ({what} numbers); ")


def _changed(change: Callable[[Tensor], Tensor], ndim: int = 4) -> dict[str, Tensor]:
    return {name: change(value) if value.ndim == ndim else value for name, value in public(build()).items()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda v: torch.quantize_per_tensor(v, 0.1, 0, torch.qint8), "7 tensors are quantised or complex (conv1.weig"),
        (lambda v: v.to(torch.complex64), "7 tensors are quantised or complex (conv1.weight"),
        (
            lambda v: v.to(torch.int8),
            "7 with another shape or kind of number (conv1.weight torch.int8 (4, 3, 3, 3) for",
        ),
        (lambda v: v.to("meta"), ": 'conv1.weight' has a shape and no numbers (the meta device)"),
        (torch.zeros_like, ": every weight is zero, which no trained network has"),
    ],
)
@pytest.mark.filterwarnings("ignore:torch.quantize:UserWarning", "ignore:TypedStorage:UserWarning")
def test_other_kinds_of_numbers_are_refused(change: Callable[[Tensor], Tensor], told: str, tmp_path: Path) -> None:
    assert told in _refused(saved(tmp_path / "a.pt", _changed(change)))


def test_sparse_tensors_are_made_dense_and_said(tmp_path: Path) -> None:
    network = build()
    path = saved(tmp_path / "a.pt", _changed(lambda value: value.to_sparse(), ndim=2))
    weights = load(path)
    assert _same(weights.network, network)
    assert said(weights, path)[1] == "1 sparse tensors made dense: linear.weight"


def test_inputs_of_another_size_or_of_four_channels_are_named(tmp_path: Path) -> None:
    network = networks.make("mlp:2").build((1, 5, 5), 3)
    text = _refused(saved(tmp_path / "a.pt", network.state_dict()), "mlp:2")
    assert text.endswith(
        "its first layer takes 25 values and this input has 192; image_size = 5 gives 25 with 1 channels"
    )
    four = networks.make(SMALL).build((4, 8, 8), 3)
    text = _refused(saved(tmp_path / "b.pt", four.state_dict()))
    assert text.endswith("the file's first layer takes inputs of 4 channels; images have 1 or 3")


def test_a_vision_transformer_whose_names_look_prefixed_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(*_: object, **__: object) -> VisionTransformer:
        return VisionTransformer(16, 8, 2, 2, 8, 12)

    monkeypatch.setattr(torchvision.models, "get_model", small)
    tensors = small().state_dict()
    older = {n.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): v for n, v in tensors.items()}
    assert older.keys() != tensors.keys()
    for held in (tensors, under("module.", tensors), older):
        path = saved(tmp_path / "vit.pth", held)
        weights = load(path, "torchvision:vit_b_16", form=Images(16, 3))
        assert said(weights, path) == [f"{len(tensors)} tensors matched"]
        assert len(weights.classes or ()) == 1000
