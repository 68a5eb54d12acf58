"""Checkpoints: read without unpickling, matched by name, and what does not fit is said."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import ConvNeXt
from torchvision.models.convnext import CNBlockConfig

from tlbench.errors import TlbenchError
from tlbench.network import Network, networks
from tlbench.readers.checkpoint import head_classes, match, published_weights, read_checkpoint


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _build(n_classes: int = 3, **options: object) -> Network:
    return networks.make({"name": "resnet", "width": 4, **options}).build((1, 8, 8), n_classes)


def _public(network: Network, head: str = "linear.") -> dict[str, Tensor]:
    """The network's weights under the names of public checkpoints of the family."""
    plain = {key.removeprefix("blocks.").removeprefix("stem."): value for key, value in network.state_dict().items()}
    return {key.replace("head.", head): value for key, value in plain.items()}


def _same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "pth", "th", "bin", "ckpt", "pth.tar"])
def test_every_known_format_is_read(suffix: str, tmp_path: Path) -> None:
    path, tensors = tmp_path / f"weights.{suffix}", _build().state_dict()
    save_file(tensors, path) if suffix == "safetensors" else torch.save(tensors, path)
    assert _same(read_checkpoint(path), tensors)


def test_the_old_format_of_torch_is_read(tmp_path: Path) -> None:
    tensors = _build().state_dict()
    torch.save(tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert _same(read_checkpoint(tmp_path / "old.pth"), tensors)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda t: {"state_dict": t, "epoch": 3, "best_prec1": torch.tensor(91.7)},
        lambda t: {"model": {"state_dict": t}},
        lambda t: {"model_ema": t, "optimizer": {"lr": 0.1}},
        lambda t: {f"module.{key}": value for key, value in t.items()},
        lambda t: {f"_orig_mod.module.{key}": value for key, value in t.items()},
        lambda t: {"state_dict": {f"model.{key}": value for key, value in t.items()}},
        lambda t: {f"backbone.{key}": value for key, value in t.items()},
    ],
)
def test_wrappings_and_prefixes_are_taken_off(wrap: Callable[[dict[str, Tensor]], Any], tmp_path: Path) -> None:
    tensors = _public(_build())
    torch.save(wrap(tensors), tmp_path / "a.pt")
    assert _same(read_checkpoint(tmp_path / "a.pt"), tensors)


def test_a_prefix_of_most_names_is_taken_off(tmp_path: Path) -> None:
    tensors = _public(_build())
    held = {f"model.{key}": value for key, value in tensors.items()} | {"criterion.weight": torch.ones(3)}
    torch.save(held, tmp_path / "a.pt")
    assert _same(read_checkpoint(tmp_path / "a.pt"), tensors | {"criterion.weight": torch.ones(3)})


class Malice:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (self.path, "w")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("save", [torch.save, lambda held, path: path.write_bytes(pickle.dumps(held, protocol=2))])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(
    save: Callable[[object, Path], Any], tmp_path: Path
) -> None:
    trap, path = tmp_path / "trap", tmp_path / "evil.pt"
    save({"state_dict": _build().state_dict(), "extra": Malice(trap)}, path)
    with pytest.raises(TlbenchError, match=r"evil\.pt refused: .* could execute code; save model\.state_dict\(\)"):
        read_checkpoint(path)
    assert not trap.exists()
    torch.load(path, weights_only=False) if save is torch.save else pickle.loads(path.read_bytes())
    assert trap.exists(), "the trap works"


def test_a_whole_pickled_model_is_refused(tmp_path: Path) -> None:
    torch.save(_build(), tmp_path / "model.pt")
    with pytest.raises(TlbenchError, match=r"model\.pt refused"):
        read_checkpoint(tmp_path / "model.pt")


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"x")
    with pytest.raises(TlbenchError, match=r"'\.h5' is not a known format; use one of \.safetensors, \.pt"):
        read_checkpoint(tmp_path / "weights.h5")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TlbenchError, match=f"no file at {tmp_path / 'gone.pt'}; give file:PATH"):
        read_checkpoint(tmp_path / "gone.pt")


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "old.pt"])
@pytest.mark.parametrize("length", [0, 1, 4, 100, 1000, -100, -1])
def test_a_truncated_file_is_told_in_one_line(suffix: str, length: int, tmp_path: Path) -> None:
    path, tensors = tmp_path / f"cut.{suffix}", _build().state_dict()
    if suffix == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=suffix == "pt")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(TlbenchError, match=rf"^{path} (is damaged or no checkpoint|refused)[^\n]*$"):
        read_checkpoint(path)


@pytest.mark.parametrize("held", [{}, {"epoch": 3}, [torch.ones(3)], torch.ones(3), {"state_dict": {}}])
def test_a_file_without_weights_is_refused(held: object, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "a.pt")
    with pytest.raises(TlbenchError, match="holds no weights; a dictionary of tensors by name is needed"):
        read_checkpoint(tmp_path / "a.pt")


@pytest.mark.parametrize("head", ["head.", "fc.", "linear.", "classifier."])
@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_public_names_of_the_family_fit(head: str, shortcut: str) -> None:
    network = _build(shortcut=shortcut)
    tensors = _public(network, head)
    if head == "linear.":
        tensors = {key.replace("downsample.", "shortcut."): value for key, value in tensors.items()}
    found = match(tensors, _build(shortcut=shortcut), "a.pt")
    assert (found.missing, found.dropped) == ((), ())
    assert _same(found.weights, network.state_dict())


def _published_resnet20() -> dict[str, Tensor]:
    """The names and shapes of a public CIFAR ResNet-20 with parameterless shortcuts."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (16, 3, 3, 3),
        "linear.weight": (10, 64),
        "linear.bias": (10,),
    }
    norms = {"bn1": 16}
    for stage, (n_in, n_out) in enumerate([(16, 16), (16, 32), (32, 64)], start=1):
        for block in range(3):
            at = f"layer{stage}.{block}"
            shapes[f"{at}.conv1.weight"] = (n_out, n_in if block == 0 else n_out, 3, 3)
            shapes[f"{at}.conv2.weight"] = (n_out, n_out, 3, 3)
            norms |= {f"{at}.bn1": n_out, f"{at}.bn2": n_out}
    for name, width in norms.items():
        shapes |= {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {f"module.{name}": torch.rand(shape) for name, shape in shapes.items()}


def test_a_published_cifar_resnet_fits_completely(tmp_path: Path) -> None:
    tensors = _published_resnet20()
    torch.save({"state_dict": tensors, "best_prec1": 91.7}, tmp_path / "resnet20.th")
    network = networks.make("resnet:20").build((3, 32, 32), 10)
    found = match(read_checkpoint(tmp_path / "resnet20.th"), network, "resnet20.th")
    assert (found.missing, found.dropped) == ((), ())
    assert found.notes("resnet20.th") == (f"resnet20.th: {len(tensors)} tensors matched",)
    network.load_state_dict(found.weights, strict=False)
    assert torch.equal(network.head.weight, tensors["module.linear.weight"])
    stage = network.part("layer2").state_dict()
    assert torch.equal(stage["2.bn2.running_var"], tensors["module.layer2.2.bn2.running_var"])


def test_a_vision_transformer_whose_names_look_prefixed_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(*_: object, **__: object) -> torchvision.models.VisionTransformer:
        return torchvision.models.VisionTransformer(16, 8, 2, 2, 8, 12)

    monkeypatch.setattr(torchvision.models, "get_model", small)
    network = networks.make("torchvision:vit_b_16").build((3, 16, 16), 1000)
    for wrap in ("", "module."):
        torch.save({f"{wrap}{key}": value for key, value in small().state_dict().items()}, tmp_path / "vit.pth")
        found = match(read_checkpoint(tmp_path / "vit.pth"), network, "vit.pth")
        assert (found.missing, found.dropped) == ((), ())


def test_weights_take_the_type_of_the_network() -> None:
    half = {key: value.half() if value.is_floating_point() else value for key, value in _build().state_dict().items()}
    found = match(half, _build(), "a.pt").weights
    assert {value.dtype for key, value in found.items() if not key.endswith("tracked")} == {torch.float32}


def test_nothing_that_fits_is_an_error_even_beside_batch_norm() -> None:
    with pytest.raises(TlbenchError, match=r"a\.pt: nothing fits the network \(other \(3,\) against blocks\.stem"):
        match({"other": torch.zeros(3)}, _build(), "a.pt")


def test_another_width_is_an_error() -> None:
    tensors = {key: value for key, value in _build(width=8).state_dict().items() if key.startswith("blocks.")}
    with pytest.raises(TlbenchError, match="nothing fits the network"):
        match(tensors, _build(), "a.pt")


def test_a_head_alone_is_an_error() -> None:
    tensors = {key: value for key, value in _public(_build()).items() if key.startswith("linear.")}
    with pytest.raises(TlbenchError, match="only the head fits the network"):
        match(tensors | {"bn1.num_batches_tracked": torch.tensor(3)}, _build(), "a.pt")


def test_a_partial_fit_says_what_is_missing_and_what_was_dropped() -> None:
    tensors = _public(_build(n_classes=7))
    del tensors["layer3.0.conv2.weight"]
    found = match(tensors | {"extra.bias": torch.zeros(2)}, _build(n_classes=3), "a.pt")
    assert found.missing == ("blocks.layer3.0.conv2.weight", "head.weight", "head.bias")
    assert found.dropped == ("linear.weight (7, 16)", "linear.bias (7,)", "extra.bias (2,)")
    assert found.notes("a.pt") == (
        f"a.pt: {len(tensors) - 2} tensors matched",
        "a.pt: 3 not in the file, left random: blocks.layer3.0.conv2.weight, head.weight, head.bias",
        "a.pt: 3 in the file dropped: linear.weight (7, 16), linear.bias (7,), extra.bias (2,)",
    )


def test_long_lists_are_cut_short() -> None:
    extra = {f"x{i}": torch.zeros(1) for i in range(5)}
    note = match(_build().state_dict() | extra, _build(), "a.pt").notes("a.pt")[1]
    assert note == "a.pt: 5 in the file dropped: x0 (1,), x1 (1,), x2 (1,), ..."


@pytest.mark.parametrize("n_classes", [3, 17])
def test_the_head_tells_the_number_of_classes(n_classes: int, tmp_path: Path) -> None:
    assert head_classes(_public(_build(n_classes))) == n_classes
    assert head_classes(networks.make("mlp").build((1, 8, 8), n_classes).state_dict()) == n_classes
    model = ConvNeXt([CNBlockConfig(4, None, 2)], num_classes=n_classes)
    save_file(model.state_dict(), tmp_path / "sorted.safetensors")
    assert head_classes(read_checkpoint(tmp_path / "sorted.safetensors")) == n_classes


def test_without_a_head_there_is_no_number_of_classes() -> None:
    tensors = {key: value for key, value in _public(_build()).items() if not key.startswith("linear")}
    assert head_classes(tensors) is None


def test_nothing_is_fetched_unless_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    kept = tmp_path / "hub" / "checkpoints" / "a.pth"
    with pytest.raises(TlbenchError, match=rf"zoo: no weights at {kept}; put them there or allow the download"):
        published_weights("https://example.invalid/a.pth", "zoo", allowed=False)
    assert published_weights("https://example.invalid/a.pth", "zoo", allowed=True, now=False) == kept


def test_a_fetch_that_fails_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route\nto host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with pytest.raises(TlbenchError, match=r"^zoo could not be downloaded: OSError: no route to host$"):
        published_weights("https://example.invalid/a.pth", "zoo", allowed=True)
