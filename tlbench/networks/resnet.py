"""The CIFAR family of residual networks, depth 6n + 2 (He et al. 2016, section 4.2)."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from torch import Tensor, nn
from torch.nn import functional

from tlbench.errors import TlbenchError
from tlbench.network import Architecture, Network
from tlbench.training import GlobalPool, Layers, ShortcutA, normalised


class Residual(nn.Module):
    """Two 3x3 convolutions with BatchNorm and a shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 and shortcut == "A":
            self.downsample = ShortcutA(n_out - n_in)
        elif stride != 1:
            self.downsample = Layers(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, inputs: Tensor) -> Tensor:
        """The block's output, rectified."""
        inner = functional.relu(normalised(self.conv1, self.bn1, inputs), inplace=True)
        added = normalised(self.conv2, self.bn2, inner).add_(self.downsample(inputs))
        return functional.relu(added, inplace=True)


@dataclass(frozen=True)
class ResNet(Architecture):
    """ResNet-8, -20, -32, ...: a stem and three stages (layer1..3), each a block; public CIFAR checkpoints fit.

    width: channels of the first stage (16 in the paper). shortcut: A (zero padding) or B (1x1 convolution).
    """

    depth: int = 8
    width: int = 16
    shortcut: Literal["A", "B"] = "A"

    def __post_init__(self) -> None:
        """Checks the depth."""
        super().__post_init__()
        if self.depth < 8 or (self.depth - 2) % 6:
            raise TlbenchError(f"network 'resnet:{self.depth}': the depth must be 8, 14, 20, 26, 32, ...")

    @classmethod
    def guesses(cls, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Self]:
        """A depth from the number of 3x3 convolutions, a width from the narrowest; 1x1 ones are shortcuts."""
        kernels = [(shape[0], shape[2:]) for shape in shapes.values() if len(shape) == 4]
        rows = [n_out for n_out, kernel in kernels if kernel == (3, 3)]
        if rows and len(rows) >= 7 and len(rows) % 6 == 1 and max(rows) == 4 * min(rows):
            yield cls(len(rows) + 1, min(rows), "A" if len(rows) == len(kernels) else "B")

    def build(self, shape: tuple[int, ...], n_classes: int) -> Network:
        """The network, as PyTorch initialises its layers."""
        width = self.width
        stem = OrderedDict(
            conv1=nn.Conv2d(shape[0], width, 3, 1, 1, bias=False), bn1=nn.BatchNorm2d(width), relu=nn.ReLU(inplace=True)
        )
        blocks: dict[str, nn.Module] = {"stem": Layers(stem)}
        for stage, (n_in, n_out) in enumerate([(width, width), (width, 2 * width), (2 * width, 4 * width)], start=1):
            first = Residual(n_in, n_out, 1 if stage == 1 else 2, self.shortcut)
            rest = [Residual(n_out, n_out, 1, self.shortcut) for _ in range((self.depth - 2) // 6 - 1)]
            blocks[f"layer{stage}"] = nn.Sequential(first, *rest)
        network = Network(blocks, GlobalPool(), nn.Linear(4 * width, n_classes))
        network.public_names = _public_names(network)
        return network


def _public_names(network: Network) -> dict[str, str]:
    """The names that public checkpoints of this family give to the same weights."""
    names = {}
    for key in network.state_dict():
        plain = key.removeprefix("blocks.").removeprefix("stem.")
        for name in (plain, plain.replace("downsample.", "shortcut.")):
            names[name] = key
            for head in ("fc.", "linear.", "classifier."):
                names[name.replace("head.", head)] = key
    return names
