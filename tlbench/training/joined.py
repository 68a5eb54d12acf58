"""Networks of one shape joined into one: seeds train side by side in fewer and larger kernels.

Convolutions become grouped ones, linear layers one batched product; what n networks would compute apart is computed
together, equal up to rounding. Inputs and activations stand side by side in the channels: (B, n * C, H, W).
"""

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from tlbench.network import Activations, Masked, Network, evaluating
from tlbench.training.items import Items
from tlbench.training.layers import GlobalPool, layout

ALIKE = (nn.ReLU, nn.Identity, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Flatten, GlobalPool)  # per channel
TRIED = 4  # items on which it is tried whether joined networks compute the same
TOLERANCE = 1e-3  # of the largest logit, between joined and apart


@runtime_checkable
class Joinable(Protocol):
    """A module of its own kind that knows how n of it work side by side."""

    def joined(self, n: int) -> nn.Module:
        """The module for (B, n * C, H, W)."""
        ...


class JoinedLinear(nn.Module):
    """n linear layers side by side: (B, n * in) to (B, n * out) in one batched product."""

    def __init__(self, n: int, layer: nn.Linear) -> None:
        super().__init__()
        self.n, self.out_features = n, layer.out_features
        self.weight = nn.Parameter(torch.empty(n * layer.out_features, layer.in_features))
        self.has_bias = "bias" in dict(layer.named_parameters())
        if self.has_bias:
            self.bias = nn.Parameter(torch.empty(n * layer.out_features))

    def forward(self, inputs: Tensor) -> Tensor:
        """All n at once."""
        each = inputs.view(len(inputs), self.n, -1).transpose(0, 1)
        weight = self.weight.view(self.n, self.out_features, -1).transpose(1, 2)
        bias = self.bias.view(self.n, 1, -1) if self.has_bias else None
        out = torch.bmm(each, weight) if bias is None else torch.baddbmm(bias, each, weight)
        return out.transpose(0, 1).reshape(len(inputs), -1)


def join(networks: Sequence[Network], inputs: Activations, start: int = 0) -> Network | str:
    """The networks as one, or why not: a layer that cannot be joined, or a whole that does not compute the same.

    inputs: (B, ...) at boundary `start`, on which that is tried in eval mode.
    """
    if isinstance(inputs, Masked):
        return "activations carry a mask"
    made = _joined(networks[0], len(networks))
    if not isinstance(made, Network):
        return f"{_unjoinable(networks[0], len(networks))} cannot be joined"
    states = [network.state_dict() for network in networks]
    made.load_state_dict({key: _side_by_side([state[key] for state in states]) for key in states[0]})
    made.to(inputs.device)
    if torch.channels_last in map(layout, networks[0].parameters()):
        made.to(memory_format=torch.channels_last)
    return made if _agrees(made, networks, inputs, start) else "joined, they do not compute the same"


def joined_over(networks: Sequence[Network], items: Items, start: int = 0) -> Network | str:
    """The same, tried on the first few of items that stand at boundary `start`."""
    few = torch.arange(min(TRIED, len(items)), device=items.labels.device)
    return join(networks, items.inputs(few), start)


def separate(joined: Network, networks: Sequence[Network]) -> None:
    """Gives each network its share of the joined one's parameters and buffers."""
    shares: list[dict[str, Tensor]] = [{} for _ in networks]
    for key, value in joined.state_dict().items():
        pieces = value.chunk(len(networks)) if value.dim() else [value] * len(networks)
        for share, piece in zip(shares, pieces, strict=True):
            share[key] = piece
    for network, share in zip(networks, shares, strict=True):
        network.load_state_dict(share)


def _side_by_side(values: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(values)) if values[0].dim() else values[0]


def _joined(module: nn.Module, n: int) -> nn.Module | None:
    """A module of n like this one, its weights still to be given."""
    made: nn.Module | None = None
    if isinstance(module, nn.Conv2d):
        made = _joined_convolution(module, n)
    elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
        made = type(module)(
            n * module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats
        )
    elif isinstance(module, nn.Linear):
        made = JoinedLinear(n, module)
    elif isinstance(module, Joinable):
        made = module.joined(n)
    elif isinstance(module, ALIKE):
        made = copy.deepcopy(module)
    elif module._modules and not module._parameters and not module._buffers:  # noqa: SLF001  a container and nothing else
        made = _joined_container(module, n)
    return made


def _unjoinable(module: nn.Module, n: int) -> str:
    """The kind of the first layer within that has no joined form."""
    for child in module.children():
        if _joined(child, n) is None:
            return _unjoinable(child, n)
    return type(module).__name__


def _joined_container(module: nn.Module, n: int) -> nn.Module | None:
    parts = {name: _joined(child, n) for name, child in module.named_children()}
    if any(made is None for made in parts.values()):
        return None
    whole = copy.copy(module)
    whole._modules = dict(parts)  # noqa: SLF001  the container as it is, over other children
    return whole


def _joined_convolution(layer: nn.Conv2d, n: int) -> nn.Module | None:
    if layer.groups != 1 or layer.padding_mode != "zeros":
        return None
    shape: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    size: Any = layer.kernel_size
    return nn.Conv2d(
        n * layer.in_channels, n * layer.out_channels, size, groups=n, bias=layer.bias is not None, **shape
    )


@torch.no_grad()
def _agrees(joined: Network, networks: Sequence[Network], inputs: Tensor, start: int) -> bool:
    with ExitStack() as modes:
        for network in (joined, *networks):
            modes.enter_context(evaluating(network))
        try:
            apart = torch.stack([network(inputs, start) for network in networks], 1)
            together = joined(torch.cat([inputs] * len(networks), 1), start).view_as(apart)
        except RuntimeError:
            return False
    return bool((together - apart).abs().max() <= TOLERANCE * apart.abs().max().clamp_min(1.0))
