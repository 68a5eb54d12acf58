"""A small plain convolutional network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from torch import nn

from tlbench.network import Architecture, Network
from tlbench.training import GlobalPool, Layers


@dataclass(frozen=True)
class Cnn(Architecture):
    """`depth` blocks of 3x3 convolution, BatchNorm, ReLU and 2x2 max-pooling; the width doubles a block."""

    depth: int = 3
    width: int = 16

    @classmethod
    def guesses(cls, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Self]:
        """As many blocks as 3x3 convolutions, as wide as the narrowest."""
        rows = [shape[0] for shape in shapes.values() if len(shape) == 4 and shape[2:] == (3, 3)]
        if rows and sorted(rows) == [min(rows) * 2**index for index in range(len(rows))]:
            yield cls(len(rows), min(rows))

    def build(self, shape: tuple[int, ...], n_classes: int) -> Network:
        """The network; pooling stops where an image is down to one pixel."""
        blocks: dict[str, nn.Module] = {}
        n_in, side = shape[0], shape[1]
        for index in range(self.depth):
            n_out = self.width * 2**index
            layers: list[nn.Module] = [
                nn.Conv2d(n_in, n_out, 3, 1, 1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(inplace=True),
            ]
            if side > 1:
                layers.append(nn.MaxPool2d(2))
            blocks[f"conv{index + 1}"] = Layers(*layers)
            n_in, side = n_out, max(1, side // 2)
        return Network(blocks, GlobalPool(), nn.Linear(n_in, n_classes))
