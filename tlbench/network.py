"""What a network is: an ordered list of named blocks and a linear head, so that "the last k blocks" has one meaning."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, TypeAlias

import torch
from pydantic import BeforeValidator, InstanceOf
from torch import Tensor, nn

from tlbench.form import InputForm
from tlbench.shelf import Leaf, Shelf

HEAD = "head"


class Network(nn.Module):
    """Blocks run one after the other, then a parameterless pool to (B, D) features, then a linear head to (B, C).

    Boundary k stands before block k (0: the input), boundary n after the last of n blocks, n + 1 after the pool.
    """

    def __init__(self, blocks: Mapping[str, nn.Module], pool: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(blocks)
        self.pool = pool
        self.head = head
        self.public_names: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The blocks' names in the order they run; the head is not one of them."""
        return tuple(self.blocks)

    def run(self, inputs: Tensor, start: int, stop: int) -> Tensor:
        """Activations at boundary `stop` from those at boundary `start`."""
        for block in [*self.blocks.values(), self.pool][start:stop]:
            inputs = block(inputs)
        return inputs

    def features(self, inputs: Tensor, start: int = 0) -> Tensor:
        """(B, D) features from the activations at boundary `start`."""
        return self.run(inputs, start, len(self.blocks) + 1)

    def forward(self, inputs: Tensor, start: int = 0) -> Tensor:
        """(B, C) logits from the activations at boundary `start`."""
        logits: Tensor = self.head(self.features(inputs, start))
        return logits

    def part(self, name: str) -> nn.Module:
        """A block by name, or the head."""
        return self.head if name == HEAD else self.blocks[name]

    def move_only(self, moving: Iterable[str]) -> None:
        """Only these parts learn; the others take no gradient and stay in eval mode, running statistics included."""
        chosen = set(moving)
        for name in (*self.names, HEAD):
            part = self.part(name)
            part.train(name in chosen)
            part.requires_grad_(name in chosen)

    def train(self, mode: bool = True) -> Self:
        """Sets the mode of what learns; a part that does not stays in eval mode."""
        super().train(mode)
        for part in (*self.blocks.values(), self.head):
            if not any(parameter.requires_grad for parameter in part.parameters()):
                part.eval()
        return self

    def frozen_prefix(self, moving: Iterable[str]) -> int:
        """The boundary before the first block that moves; that after the pool where none does."""
        chosen = set(moving)
        return next((i for i, name in enumerate(self.names) if name in chosen), len(self.blocks) + 1)

    def checksum(self, parts: Iterable[str]) -> str:
        """A digest of the parameters and buffers of these parts, bit for bit."""
        words = hashlib.sha256()
        for name in parts:
            for key, value in self.part(name).state_dict().items():
                words.update(f"{name}.{key}".encode())
                words.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return words.hexdigest()[:16]

    @property
    def n_bytes(self) -> int:
        """Bytes of its parameters and buffers."""
        return sum(value.nbytes for value in self.state_dict().values())

    def copy_blocks(self, other: "Network") -> None:
        """Takes the weights and buffers of another network's blocks; the head stays as it is."""
        self.blocks.load_state_dict(other.blocks.state_dict())


@contextmanager
def evaluating(network: nn.Module) -> Iterator[nn.Module]:
    """The network in eval mode; afterwards every module is in the mode it was in."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield network
    finally:
        for module in training:
            module.training = True


@dataclass(frozen=True)
class Architecture(Leaf, ABC):
    """How a network is built for an input shape and a number of classes."""

    channels: ClassVar[int | None] = None  # the only number of input channels it takes, where it takes only one

    @abstractmethod
    def build(self, shape: tuple[int, ...], n_classes: int) -> Network:
        """A network with random weights from torch's global generator."""


networks: Shelf[Architecture] = Shelf("tlbench.networks", Architecture, "network")  # type: ignore[type-abstract]
ArchitectureSpec: TypeAlias = Annotated[InstanceOf[Architecture], BeforeValidator(networks.make)]


@dataclass(frozen=True)
class Setup:
    """A network and the form of its input: equal for both sides of a pair."""

    architecture: Architecture
    form: InputForm

    @property
    def label(self) -> str:
        """Names the setup in paths: a from-scratch baseline is made once for each."""
        return f"{self.architecture.label}-{self.form.label}"

    def recipe(self) -> dict[str, Any]:
        """Plain data that fixes the setup."""
        return {"network": self.architecture.recipe(), "input": self.form.recipe()}

    def build(self, n_classes: int) -> Network:
        """A network with random weights from torch's global generator."""
        return self.architecture.build(self.form.shape, n_classes)
