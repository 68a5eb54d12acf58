"""Layers that go through memory less often than their plain forms and keep its layout; equal up to rounding."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


def layout(tensor: Tensor) -> torch.memory_format:
    """Whether (B, C, H, W) lies pixel by pixel (channels_last) or channel by channel; the latter where both hold."""
    by_pixel = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if by_pixel and not tensor.is_contiguous() else torch.contiguous_format


def normalised(convolution: nn.Conv2d, norm: nn.BatchNorm2d, inputs: Tensor) -> Tensor:
    """`norm` after `convolution`: a single convolution where no statistics are taken and nothing is differentiated."""
    if norm.training or norm.running_var is None or norm.running_mean is None or _learning(convolution, norm, inputs):
        out: Tensor = norm(convolution(inputs))
        return out
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    before = norm.running_mean if convolution.bias is None else norm.running_mean - convolution.bias
    weight, bias = convolution.weight * scale.view(-1, 1, 1, 1), norm.bias - before * scale
    shape = convolution.stride, convolution.padding, convolution.dilation, convolution.groups
    return functional.conv2d(inputs, weight, bias, *shape)  # type: ignore[arg-type]


def _learning(convolution: nn.Conv2d, norm: nn.BatchNorm2d, inputs: Tensor) -> bool:
    parts = (inputs, *convolution.parameters(), *norm.parameters())
    return torch.is_grad_enabled() and any(one.requires_grad for one in parts)


class Layers(nn.Sequential):
    """Layers one after the other, a convolution and the BatchNorm that follows it as `normalised` has them."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The last layer's output."""
        layers = list(self)
        while layers:
            layer = layers.pop(0)
            if isinstance(layer, nn.Conv2d) and layers and isinstance(layers[0], nn.BatchNorm2d):
                inputs = normalised(layer, layers.pop(0), inputs)  # type: ignore[arg-type]
            else:
                inputs = layer(inputs)
        return inputs


class GlobalPool(nn.Module):
    """Mean over all positions: (B, D, H, W) to (B, D)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The mean over the last two axes."""
        pooled: Tensor = _Mean.apply(inputs)
        return pooled


class _Mean(torch.autograd.Function):
    """The mean over positions, its gradient in the layout of the input; PyTorch's own has no layout at all."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        ctx.shape, ctx.layout = inputs.shape, layout(inputs)
        return inputs.mean((2, 3))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        each = gradient / (ctx.shape[2] * ctx.shape[3])
        back: Tensor = each[:, :, None, None].expand(ctx.shape).contiguous(memory_format=ctx.layout)
        return back


class ShortcutA(nn.Module):
    """Option A: every second pixel, new channels filled with zeros; no parameters. Of n networks side by side."""

    def __init__(self, added: int, n: int = 1) -> None:
        super().__init__()
        self.added, self.n = added, n

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, n * C, H, W) to (B, n * (C + added), H / 2, W / 2): half the resolution, `added` more channels each."""
        out: Tensor = _Widened.apply(inputs, self.added, self.n)
        return out

    def joined(self, n: int) -> nn.Module:
        """The same for n networks side by side: each one's channels get their own zeros."""
        return ShortcutA(self.added, n)


class _Widened(torch.autograd.Function):
    """Option A, and its gradient, in the layout of the input; slices and padding would leave it."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, added: int, n: int) -> Tensor:
        batch, channels, height, width = inputs.shape
        ctx.shape, ctx.layout, ctx.n = inputs.shape, layout(inputs), n
        ctx.own = slice(added // 2, added // 2 + channels // n)  # the channels that are not filled in
        shape = batch, channels + n * added, (height + 1) // 2, (width + 1) // 2
        out = torch.empty(shape, dtype=inputs.dtype, device=inputs.device, memory_format=ctx.layout).zero_()
        out.unflatten(1, (n, -1))[:, :, ctx.own] = inputs.unflatten(1, (n, -1))[..., ::2, ::2]
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        like = {"dtype": gradient.dtype, "device": gradient.device, "memory_format": ctx.layout}
        back = torch.empty(ctx.shape, **like).zero_()
        back.unflatten(1, (ctx.n, -1))[..., ::2, ::2] = gradient.unflatten(1, (ctx.n, -1))[:, :, ctx.own]
        return back, None, None
