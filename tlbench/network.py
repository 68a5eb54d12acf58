"""What a network is: an ordered list of named blocks and a linear head, so that "the last k blocks" has one meaning."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeAlias

import torch
from pydantic import BeforeValidator, InstanceOf
from torch import Tensor, nn

from tlbench.errors import TlbenchError, unknown
from tlbench.form import Form
from tlbench.shelf import Leaf, Shelf

HEAD = "head"


class Masked(NamedTuple):
    """Activations (B, L, ...) and (B, L) booleans: which positions count. Blocks that use masks hand them on."""

    values: Tensor
    mask: Tensor


Activations: TypeAlias = Tensor | Masked


def values_of(activations: Activations) -> Tensor:
    """Activations without their mask."""
    return activations.values if isinstance(activations, Masked) else activations


class Network(nn.Module):
    """Blocks run one after the other, then a parameterless pooling to (B, D) features, then a linear head to (B, C).

    Boundary k stands before block k (0: the input), boundary n after the last of n blocks, n + 1 after the pooling.
    `scaling` is what a frozen network's features go through on their way to the head; it is of no block.
    """

    def __init__(self, blocks: Mapping[str, nn.Module], pooling: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(blocks)
        self.pooling = pooling
        self.scaling: nn.Module = nn.Identity()
        self.head = head
        self.public_names: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The blocks' names in the order they run; the head is not one of them."""
        return tuple(self.blocks)

    def run(
        self, inputs: Activations, start: int, stop: int, seen: MutableMapping[str, Activations] | None = None
    ) -> Activations:
        """Activations at boundary `stop` from those at boundary `start`; into `seen` goes what each block gave."""
        for name, block in [*self.blocks.items(), ("", self.pooling)][start:stop]:
            inputs = block(inputs)
            if seen is not None:
                seen[name] = inputs
        return inputs

    def features(
        self, inputs: Activations, start: int = 0, seen: MutableMapping[str, Activations] | None = None
    ) -> Tensor:
        """(B, D) features, scaled, from the activations at boundary `start`."""
        features: Tensor = self.scaling(values_of(self.run(inputs, start, len(self.blocks) + 1, seen)))
        return features

    def forward(self, inputs: Activations, start: int = 0) -> Tensor:
        """(B, C) logits from the activations at boundary `start`."""
        logits: Tensor = self.head(self.features(inputs, start))
        return logits

    def part(self, name: str) -> nn.Module:
        """A block by name, or the head."""
        return self.head if name == HEAD else self.blocks[name]

    def moving_parameters(self, moving: Iterable[str]) -> dict[str, nn.Parameter]:
        """The parameters, by `part.name`, that entries of a phase's `moving` name.

        An entry is a part's name, or `part/pattern` for those of its parameters whose name fits.

        Raises:
            TlbenchError: no such part, or none of its parameters fits.
        """
        found: dict[str, nn.Parameter] = {}
        for entry in moving:
            part, _, pattern = entry.partition("/")
            if part not in (*self.names, HEAD):
                raise unknown("part of the network", part, [*self.names, HEAD])
            named = dict(self.part(part).named_parameters())
            fitting = {f"{part}.{name}": p for name, p in named.items() if fnmatchcase(name, pattern or "*")}
            if named and not fitting:
                raise TlbenchError(f"nothing in part '{part}' fits '{pattern}'; it has {', '.join(named)}")
            found |= fitting
        return found

    def move_only(self, moving: Iterable[str]) -> None:
        """Only this learns; the rest takes no gradient and stays in eval mode, running statistics included.

        Where single parameters of a part move, those layers of it are in training mode that own one.
        """
        entries = set(moving)
        self.requires_grad_(False)  # noqa: FBT003
        for parameter in self.moving_parameters(entries).values():
            parameter.requires_grad_(True)  # noqa: FBT003
        for name in (*self.names, HEAD):
            for module in self.part(name).modules():
                module.training = name in entries or any(p.requires_grad for p in module.parameters(recurse=False))

    def train(self, mode: bool = True) -> Self:
        """Sets the mode of what learns; the rest stays in eval mode, as `move_only` has it."""
        super().train(mode)
        for part in (*self.blocks.values(), self.head):
            learning = [parameter.requires_grad for parameter in part.parameters()]
            for module in part.modules() if not (any(learning) and all(learning)) else ():
                module.training = mode and any(p.requires_grad for p in module.parameters(recurse=False))
        return self

    def frozen_prefix(self, moving: Iterable[str]) -> int:
        """The boundary before the first block in which something moves; that after the pooling where nothing does."""
        parts = {entry.partition("/")[0] for entry in moving}
        return next((i for i, name in enumerate(self.names) if name in parts), len(self.blocks) + 1)

    def frozen_tensors(self, moving: Iterable[str]) -> dict[str, Tensor]:
        """Parameters and buffers, by name, that must not change while this moves.

        Buffers of a part that moves as a whole, or of a layer in it of which a parameter moves, are not among them.
        """
        entries = set(moving)
        learning = self.moving_parameters(entries).keys()
        frozen: dict[str, Tensor] = {f"scaling.{name}": value for name, value in self.scaling.named_buffers()}
        for part in (*self.names, HEAD):
            for path, layer in self.part(part).named_modules(prefix=part):
                own = {f"{path}.{name}": value for name, value in layer.named_parameters(recurse=False)}
                frozen |= {name: value for name, value in own.items() if name not in learning}
                if part not in entries and not own.keys() & learning:
                    frozen |= {f"{path}.{name}": value for name, value in layer.named_buffers(recurse=False)}
        return frozen

    def leading_digests(self) -> list[str]:
        """A digest for each number of leading blocks, from none to all, of their weights and buffers bit for bit."""
        words = hashlib.sha256()
        digests = [words.hexdigest()[:16]]
        for name in self.names:
            _feed(words, {f"{name}.{key}": value for key, value in self.part(name).state_dict().items()})
            digests.append(words.hexdigest()[:16])
        return digests

    def checksum(self, parts: Iterable[str]) -> str:
        """A digest of the parameters and buffers of these parts, bit for bit."""
        return checksum({f"{n}.{key}": value for n in parts for key, value in self.part(n).state_dict().items()})

    @property
    def n_bytes(self) -> int:
        """Bytes of its parameters and buffers."""
        return sum(value.nbytes for value in self.state_dict().values())

    def copy_blocks(self, other: "Network") -> None:
        """Takes the weights and buffers of another network's blocks; the head stays as it is."""
        self.blocks.load_state_dict(other.blocks.state_dict())


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """A digest of named tensors, bit for bit."""
    words = hashlib.sha256()
    _feed(words, tensors)
    return words.hexdigest()[:16]


def _feed(words: "hashlib._Hash", tensors: Mapping[str, Tensor]) -> None:
    for name, value in tensors.items():
        words.update(name.encode())
        words.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())


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

    def form(self, default: Form) -> Form:
        """The input that it takes: the default one, with the only number of channels that it takes."""
        return default if self.channels is None else default.with_channels(self.channels)

    @classmethod
    def guesses(cls, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Self]:  # noqa: ARG003
        """Networks of this kind that tensors of these shapes, in a file's order, could be of; each is tried."""
        if not any(option.default is MISSING and not option.kw_only for option in cls.options()):
            yield cls()

    @abstractmethod
    def build(self, shape: tuple[int, ...], n_classes: int) -> Network:
        """A network with random weights from torch's global generator."""


networks: Shelf[Architecture] = Shelf("tlbench.networks", Architecture, "network")  # type: ignore[type-abstract]
ArchitectureSpec: TypeAlias = Annotated[InstanceOf[Architecture], BeforeValidator(networks.make)]


@dataclass(frozen=True)
class Setup:
    """A network and the form of its input: equal for both sides of a pair."""

    architecture: Architecture
    form: Form

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
