"""A multilayer perceptron on flattened items."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from torch import nn

from tlbench.network import Architecture, Network


@dataclass(frozen=True)
class Mlp(Architecture):
    """`depth` hidden layers of `width` units, ReLU, no normalisation; each layer is a block."""

    depth: int = 3
    width: int = 100

    @classmethod
    def guesses(cls, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Self]:
        """As many layers as there are matrices with so many rows."""
        rows = [shape[0] for shape in shapes.values() if len(shape) == 2]
        if all(len(shape) <= 2 for shape in shapes.values()):
            yield from (cls(rows.count(width), width) for width in dict.fromkeys(rows))

    def build(self, shape: tuple[int, ...], n_classes: int) -> Network:
        """The network."""
        sizes = [math.prod(shape), *[self.width] * self.depth]
        blocks: dict[str, nn.Module] = {}
        for index, (n_in, n_out) in enumerate(pairwise(sizes)):
            layers: list[nn.Module] = [nn.Linear(n_in, n_out), nn.ReLU()]
            blocks[f"hidden{index + 1}"] = nn.Sequential(*([nn.Flatten(), *layers] if index == 0 else layers))
        return Network(blocks, nn.Identity(), nn.Linear(self.width, n_classes))
