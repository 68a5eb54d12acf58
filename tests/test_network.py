"""Networks: blocks and a head that compute one thing however they are cut, frozen or named."""

import copy
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from tlbench.errors import TlbenchError
from tlbench.form import forms
from tlbench.network import HEAD, Network, Setup, checksum, networks, values_of
from tlbench.training.layers import ShortcutA

SPECS: list[tuple[Any, tuple[int, int, int]]] = [
    *[({"name": "resnet", "depth": d, "width": 4, "shortcut": s}, (1, 16, 16)) for d in (8, 20, 32) for s in "AB"],
    ("resnet", (3, 12, 12)),
    ("cnn", (1, 8, 8)),
    ({"name": "cnn", "depth": 5, "width": 4}, (3, 8, 8)),
    ("mlp", (1, 8, 8)),
    ({"name": "mlp", "depth": 1, "width": 7}, (3, 4, 4)),
    ("torchvision:resnet18", (3, 32, 32)),
    ("torchvision:mobilenet_v3_small", (3, 32, 32)),
]
IDS = [f"{spec if isinstance(spec, str) else '-'.join(map(str, spec.values()))}" for spec, _ in SPECS]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def _build(spec: object = "resnet", shape: tuple[int, int, int] = (1, 8, 8), n_classes: int = 5) -> Network:
    return networks.make(spec).build(shape, n_classes)


def _lively(network: Network) -> Network:
    """Random running statistics, so that eval mode differs from a fresh network's."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features)
            module.running_var = torch.rand(module.num_features) + 0.5
    return network.eval()


@pytest.mark.parametrize(("spec", "shape"), SPECS, ids=IDS)
@torch.inference_mode()
def test_a_network_gives_the_same_from_every_boundary(spec: object, shape: tuple[int, int, int]) -> None:
    network = _lively(_build(spec, shape))
    inputs = torch.randn(3, *shape)
    logits, features = network(inputs), network.features(inputs)
    assert logits.shape == (3, 5)
    assert features.shape == (3, network.head.in_features)
    assert torch.equal(network.head(features), logits)
    for k in range(len(network.names) + 1):
        middle = network.run(inputs, 0, k)
        assert torch.equal(network(middle, start=k), logits)
        assert torch.equal(network.features(middle, start=k), features)
        last, whole = network.run(middle, k, len(network.names)), network.run(inputs, 0, len(network.names))
        assert torch.equal(values_of(last), values_of(whole))


@pytest.mark.parametrize(("spec", "shape"), SPECS, ids=IDS)
def test_every_weight_belongs_to_a_block_or_the_head(spec: object, shape: tuple[int, int, int]) -> None:
    network = _build(spec, shape)
    assert {key.split(".")[0] for key in network.state_dict()} == {"blocks", HEAD}
    assert {key.split(".")[1] for key in network.state_dict() if key.startswith("blocks.")} == set(network.names)


@pytest.mark.parametrize(
    ("spec", "shape", "names"),
    [
        ("resnet:20", (1, 8, 8), ("stem", "layer1", "layer2", "layer3")),
        ("cnn:2", (1, 8, 8), ("conv1", "conv2")),
        ("mlp", (1, 8, 8), ("hidden1", "hidden2", "hidden3")),
        ("torchvision:resnet18", (3, 32, 32), ("conv1", "layer1", "layer2", "layer3", "layer4")),
    ],
)
def test_blocks_have_the_names_of_the_field(spec: str, shape: tuple[int, int, int], names: tuple[str, ...]) -> None:
    assert _build(spec, shape).names == names


def test_resnets_have_their_published_sizes() -> None:
    for depth, millions in {20: 0.27, 32: 0.46}.items():
        network = _build(f"resnet:{depth}", (3, 32, 32), 10)
        assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)
        layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        assert len(layers) == depth


@pytest.mark.parametrize("depth", [2, 9, 19])
def test_a_resnet_of_another_depth_is_refused(depth: int) -> None:
    with pytest.raises(TlbenchError, match=f"'resnet:{depth}': the depth must be 8, 14, 20"):
        networks.make(f"resnet:{depth}")


def test_a_seed_fixes_the_weights() -> None:
    sums = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        network = _build()
        sums.append(network.checksum((*network.names, HEAD)))
    assert sums[0] == sums[1] != sums[2]


@pytest.mark.parametrize(
    "moving", [(), (HEAD,), ("layer3", HEAD), ("stem",), ("stem", "layer1", "layer2", "layer3", HEAD)]
)
def test_only_what_moves_learns(moving: tuple[str, ...]) -> None:
    network = _build().train()
    network.move_only(moving)
    for name in (*network.names, HEAD):
        part = network.part(name)
        assert {p.requires_grad for p in part.parameters()} == {name in moving}
        assert {module.training for module in part.modules()} == {name in moving}


def test_moving_can_be_widened_again() -> None:
    network = _build()
    network.move_only([HEAD])
    network.move_only([*network.names, HEAD])
    assert all(p.requires_grad for p in network.parameters())
    assert network.part("layer1").training


def test_a_step_leaves_frozen_parts_as_they_are_even_after_train() -> None:
    network = _build({"name": "resnet", "width": 4})
    network.move_only(["layer3", HEAD])
    before = {name: network.checksum([name]) for name in (*network.names, HEAD)}
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    network(torch.randn(8, 1, 8, 8)).sum().backward()
    optimizer.step()
    changed = [name for name, held in before.items() if network.checksum([name]) != held]
    assert changed == ["layer3", HEAD]


@pytest.mark.parametrize(
    ("moving", "expected"),
    [((), 5), ((HEAD,), 5), (("layer3", HEAD), 3), (("layer2", HEAD), 2), (("layer3", "stem"), 0)],
)
def test_the_frozen_prefix_ends_before_the_first_block_that_moves(moving: tuple[str, ...], expected: int) -> None:
    assert _build().frozen_prefix(moving) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("layer2/*.bias", {"layer2.0.bn1.bias", "layer2.0.bn2.bias"}),
        ("stem/conv*", {"stem.conv1.weight"}),
        ("layer1/0.conv?.weight", {"layer1.0.conv1.weight", "layer1.0.conv2.weight"}),
        ("head/bias", {"head.bias"}),
        (HEAD, {"head.weight", "head.bias"}),
    ],
)
def test_a_pattern_names_parameters_of_a_part(entry: str, expected: set[str]) -> None:
    network = _build()
    assert set(network.moving_parameters([entry])) == expected
    network.move_only([entry])
    assert {f"{part}.{name}" for part, name in _learning(network)} == expected


def _learning(network: Network) -> list[tuple[str, str]]:
    parts = (*network.names, HEAD)
    return [(part, name) for part in parts for name, p in network.part(part).named_parameters() if p.requires_grad]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("layer9", "unknown part of the network 'layer9': did you mean 'layer"),
        ("heat/bias", "unknown part of the network 'heat': did you mean 'head'"),
        ("head/*.bias", r"nothing in part 'head' fits '\*\.bias'; it has weight, bias"),
        ("layer1/*.alpha", r"nothing in part 'layer1' fits '\*\.alpha'; it has 0\.conv1\.weight, "),
    ],
)
def test_what_moves_nothing_is_told(entry: str, said: str) -> None:
    network = _build()
    for ask in (network.moving_parameters, network.move_only, network.frozen_tensors):
        with pytest.raises(TlbenchError, match=said):
            ask(["stem", entry])


def test_only_layers_that_own_what_moves_are_in_training_mode() -> None:
    network = _build()
    network.move_only(["layer2/*bn1*", HEAD])
    for _ in range(2):
        leaves = [(name, module) for name, module in network.named_modules() if not list(module.children())]
        assert {name for name, module in leaves if module.training} == {
            "blocks.layer2.0.bn1",
            "pooling",
            "scaling",
            HEAD,
        }
        network.train()
    network.eval()
    assert not any(module.training for module in network.modules())


def test_buffers_are_frozen_unless_their_layer_or_their_whole_part_moves() -> None:
    network = _build()
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    everything = set(network.frozen_tensors(()))
    assert everything == {name.removeprefix("blocks.") for name in network.state_dict()}
    one = everything - set(network.frozen_tensors(["layer2/*bn1.bias"]))
    assert one == {"layer2.0.bn1.bias", *(f"layer2.0.bn1.{name}" for name in statistics)}
    whole = everything - set(network.frozen_tensors(["layer2"]))
    assert whole == {name for name in everything if name.startswith("layer2.")}


@pytest.mark.parametrize(
    "moving", [("layer3/*.bias",), ("layer3/*bn*", "head/bias"), ("layer2", "layer3/*conv*", HEAD)]
)
def test_a_step_moves_what_is_named_and_nothing_else(moving: tuple[str, ...]) -> None:
    network = _lively(_build())
    network.move_only(moving)
    before = {name: value.clone() for name, value in network.frozen_tensors(()).items()}
    learning, frozen = set(network.moving_parameters(moving)), set(network.frozen_tensors(moving))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    network(torch.randn(8, 1, 8, 8)).square().sum().backward()
    optimizer.step()
    after = network.frozen_tensors(())
    changed = {name for name, value in before.items() if not torch.equal(after[name], value)}
    assert learning <= changed
    assert not changed & frozen
    assert {name for name in changed - learning if "running" not in name and "tracked" not in name} == set()


def test_a_frozen_tensor_that_moved_is_seen() -> None:
    network = _build()
    moving = ("layer3/*.bias",)
    before = checksum(network.frozen_tensors(moving))
    with torch.no_grad():
        network.get_parameter("blocks.layer3.0.bn1.bias").add_(1)
    assert checksum(network.frozen_tensors(moving)) == before
    with torch.no_grad():
        network.get_parameter("blocks.layer3.0.bn1.weight").add_(1e-6)
    assert checksum(network.frozen_tensors(moving)) != before


def test_leading_digests_are_those_of_the_blocks_so_far() -> None:
    network = _lively(_build())
    digests = network.leading_digests()
    assert len(digests) == len(set(digests)) == len(network.names) + 1
    for k, digest in enumerate(digests):
        assert digest == network.checksum(network.names[:k])


@pytest.mark.parametrize("buffer", ["running_mean", "running_var", "num_batches_tracked", "weight"])
def test_a_checksum_sees_every_buffer_and_parameter(buffer: str) -> None:
    network = _build()
    before = {name: network.checksum([name]) for name in network.names}
    with torch.no_grad():
        value: Tensor = getattr(network.get_submodule("blocks.layer2.0.bn1"), buffer)
        value.view(-1)[0] += 1
    assert [name for name in network.names if network.checksum([name]) != before[name]] == ["layer2"]


def test_a_checksum_is_of_bits_and_places() -> None:
    network = _build()
    other = copy.deepcopy(network)
    assert network.checksum(network.names) == other.checksum(network.names)
    assert network.checksum(["stem", "layer1"]) != network.checksum(["layer1", "stem"])


def test_a_checksum_knows_blocks_of_equal_weights_apart() -> None:
    network = _build("mlp")
    network.part("hidden3").load_state_dict(network.part("hidden2").state_dict())
    assert network.checksum(["hidden2"]) != network.checksum(["hidden3"])


def test_shortcut_a_takes_every_second_pixel_and_adds_empty_channels() -> None:
    images = torch.randn(2, 3, 6, 6)
    found = ShortcutA(4)(images)
    assert found.shape == (2, 7, 3, 3)
    assert torch.equal(found[:, 2:5], images[:, :, ::2, ::2])
    assert found[:, [0, 1, 5, 6]].abs().max() == 0


def test_blocks_are_copied_without_the_head() -> None:
    network, other = _build(), _lively(_build())
    head = network.checksum([HEAD])
    network.copy_blocks(other)
    assert network.checksum(network.names) == other.checksum(other.names)
    assert network.checksum([HEAD]) == head != other.checksum([HEAD])


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
@torch.inference_mode()
def test_a_torchvision_model_is_cut_without_changing_it(name: str) -> None:
    model = torchvision.models.get_model(name, weights=None).eval()
    network = _build(f"torchvision:{name}", (3, 32, 32), 1000).eval()
    assert set(network.public_names) == set(model.state_dict())
    assert set(network.public_names.values()) == set(network.state_dict())
    network.load_state_dict({network.public_names[key]: value for key, value in model.state_dict().items()})
    inputs = torch.randn(2, 3, 32, 32)
    assert torch.equal(network(inputs), model(inputs))


def _small_transformer(*_: object, **__: object) -> VisionTransformer:
    return VisionTransformer(
        image_size=16, patch_size=8, num_layers=3, num_heads=2, hidden_dim=8, mlp_dim=12, num_classes=1000
    )


@torch.inference_mode()
def test_a_vision_transformer_is_cut_into_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.models, "get_model", _small_transformer)
    network = _build("torchvision:vit_b_16", (3, 16, 16), 1000).eval()
    model = _small_transformer().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    assert network.names == ("stem", *(f"encoder_layer_{i}" for i in range(3)))
    network.load_state_dict({network.public_names[key]: value for key, value in model.state_dict().items()})
    inputs = torch.randn(2, 3, 16, 16)
    assert torch.equal(network(inputs), model(inputs))
    for k in range(5):
        assert torch.equal(network(network.run(inputs, 0, k), k), model(inputs))


def test_a_torchvision_model_that_is_no_chain_is_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twisted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 1000)

        def forward(self, inputs: Tensor) -> Tensor:
            logits: Tensor = self.fc(2 * self.conv(inputs).amax((2, 3)))
            return logits

    monkeypatch.setattr(torchvision.models, "get_model", lambda *_, **__: Twisted())
    network = _build("torchvision:resnet18", (3, 8, 8), 2)
    assert network.names == ("trunk",)
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 2)


def test_an_unknown_torchvision_model_suggests_the_nearest() -> None:
    with pytest.raises(TlbenchError, match="unknown torchvision model 'resnet19': did you mean 'resnet1"):
        networks.make("torchvision:resnet19")


def test_a_torchvision_model_without_a_linear_head_is_refused() -> None:
    with pytest.raises(TlbenchError, match="'squeezenet1_1' has no linear head"):
        _build("torchvision:squeezenet1_1", (3, 32, 32))


def test_a_shape_that_a_torchvision_model_does_not_take_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.models, "get_model", _small_transformer)
    with pytest.raises(TlbenchError, match="'vit_b_16' does not take 3x32x32 inputs: AssertionError"):
        _build("torchvision:vit_b_16", (3, 32, 32))


def test_a_setup_is_named_by_network_and_input() -> None:
    setup = Setup(networks.make("resnet:20"), forms.make({"name": "images", "size": 28, "channels": 1}))
    assert setup.label == "resnet-20-1x28x28"
    assert setup.recipe() == {"network": setup.architecture.recipe(), "input": setup.form.recipe()}
    assert setup.build(7)(torch.randn(2, 1, 28, 28)).shape == (2, 7)
