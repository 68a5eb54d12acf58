"""Layers and the optimiser compute what PyTorch's plain ones do, in the layout they are given."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tlbench.network import HEAD, Network, networks
from tlbench.training.joined import join
from tlbench.training.layers import GlobalPool, Layers, ShortcutA, layout, normalised
from tlbench.training.optimizer import AdamW

FORMATS = [torch.contiguous_format, torch.channels_last]


def _images(memory_format: torch.memory_format, channels: int = 6) -> Tensor:
    images = torch.randn(5, channels, 7, 9, generator=torch.Generator().manual_seed(0))
    return images.contiguous(memory_format=memory_format).requires_grad_()


def _used() -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    torch.manual_seed(1)
    convolution, norm = nn.Conv2d(6, 8, 3, padding=1, bias=True), nn.BatchNorm2d(8)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    for _ in range(3):
        norm(convolution(torch.randn(4, 6, 5, 5)))
    return convolution, norm


@pytest.mark.parametrize("memory_format", FORMATS)
def test_a_convolution_takes_its_norm_in(memory_format: torch.memory_format) -> None:
    convolution, norm = _used()
    norm.eval()
    inputs = _images(memory_format).detach()
    with torch.no_grad():
        plain, folded = norm(convolution(inputs)), normalised(convolution, norm, inputs)
    torch.testing.assert_close(folded, plain, atol=1e-5, rtol=1e-5)
    assert not torch.equal(folded, plain)  # another order of rounding: it was folded
    assert layout(folded) == memory_format


def test_statistics_and_gradients_are_taken_where_they_are_asked_for() -> None:
    convolution, norm = _used()
    before = int(norm.state_dict()["num_batches_tracked"])
    with torch.no_grad():
        normalised(convolution, norm, torch.randn(4, 6, 5, 5))
    assert int(norm.state_dict()["num_batches_tracked"]) == before + 1
    norm.eval()
    inputs, parameters = _images(torch.contiguous_format), [*convolution.parameters(), *norm.parameters()]
    plain = torch.autograd.grad(norm(convolution(inputs)).square().sum(), parameters)
    found = torch.autograd.grad(normalised(convolution, norm, inputs).square().sum(), parameters)
    assert all(map(torch.equal, found, plain))


def test_layers_are_a_sequence_with_the_same_keys() -> None:
    convolution, norm = _used()
    parts = [convolution, norm, nn.ReLU(), nn.MaxPool2d(2)]
    plain, layers = nn.Sequential(*parts).eval(), Layers(*parts).eval()
    assert layers.state_dict().keys() == plain.state_dict().keys()
    with torch.no_grad():
        torch.testing.assert_close(layers(_images(FORMATS[0])), plain(_images(FORMATS[0])), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("n", [1, 3])
def test_option_a_is_slices_and_padding(memory_format: torch.memory_format, n: int) -> None:
    one, other = _images(memory_format), _images(memory_format)
    plain = torch.cat([functional.pad(part[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2)) for part in one.chunk(n, 1)], 1)
    found = ShortcutA(3, n)(other)
    assert torch.equal(found, plain)
    weights = torch.randn(plain.shape)
    (plain * weights).sum().backward()
    (found * weights).sum().backward()
    assert one.grad is not None
    assert other.grad is not None
    assert torch.equal(one.grad, other.grad)
    assert (layout(found), layout(other.grad)) == (memory_format, memory_format)


@pytest.mark.parametrize("memory_format", FORMATS)
def test_the_pool_is_a_mean(memory_format: torch.memory_format) -> None:
    one, other = _images(memory_format), _images(memory_format)
    plain, found = one.mean((2, 3)), GlobalPool()(other)
    assert torch.equal(plain, found)
    weights = torch.randn(plain.shape)
    gradients = torch.autograd.grad((plain * weights).sum(), one) + torch.autograd.grad((found * weights).sum(), other)
    torch.testing.assert_close(*gradients)
    assert layout(gradients[1]) == memory_format


@pytest.mark.parametrize("spec", [{"name": "resnet", "width": 8}, "cnn"])
@pytest.mark.parametrize("n", [1, 2])
def test_a_layout_is_kept_all_the_way_forward_and_back(spec: object, n: int) -> None:
    """Mixed layouts fall back to slow loops: a third of a step on a small residual network."""
    apart = [networks.make(spec).build((1, 16, 16), 5).to(memory_format=torch.channels_last) for _ in range(n)]
    network = join(apart, torch.randn(2, 1, 16, 16)) if n > 1 else apart[0]
    assert isinstance(network, Network)
    outputs: list[Tensor] = []
    for block in network.blocks.values():
        block.register_forward_hook(lambda _, __, out: outputs.append(out))
    network.move_only((*network.names, HEAD))
    logits = network(torch.randn(4, n, 16, 16).contiguous(memory_format=torch.channels_last))
    gradients = torch.autograd.grad(logits.square().sum(), outputs)
    assert [layout(one) for one in outputs] == [torch.channels_last] * len(network.names)
    assert [layout(one) for one in gradients] == [torch.channels_last] * len(network.names)


def test_adamw_is_pytorchs() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3))
    twin = copy.deepcopy(network)
    own = AdamW([(list(network[0].parameters()), 1.0), (list(network[1].parameters()), 0.1)], 0.05)
    plain = torch.optim.AdamW(
        [{"params": twin[0].parameters(), "lr": 0.01}, {"params": twin[1].parameters(), "lr": 0.001}], weight_decay=0.05
    )
    for _ in range(20):
        inputs = torch.randn(8, 6)
        for model, optimizer in ((network, own), (twin, plain)):
            optimizer.zero_grad()
            model(inputs).square().mean().backward()
        own.step(0.01)
        plain.step()
    for one, other in zip(network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_adamw_leaves_what_has_no_gradient() -> None:
    used, unused = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    own = AdamW([([used, unused], 1.0)], 0.1)
    used.sum().backward()
    own.step(0.1)
    assert torch.equal(unused, torch.ones(3))
    assert not torch.equal(used, torch.ones(3))
