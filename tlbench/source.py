"""What a source is: where initial weights come from."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from pydantic import BeforeValidator, InstanceOf

from tlbench.dataset import Dataset
from tlbench.form import Form
from tlbench.network import Architecture, Network, Setup
from tlbench.shelf import Leaf, Shelf
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class Weights:
    """A source's network, on the CPU, with what is known of it.

    classes: what the head's outputs mean, None where the head is missing or means nothing. seconds: what pretraining
    cost, None where unknown. accuracy: the source's own, on its own test split, None where unknown. dataset: what it
    was trained on, where that can be read. notes: what the user should know (tensors dropped, weights left
    random). named: whether the classes have names, not mere numbers.
    """

    network: Network
    classes: tuple[str, ...] | None = None
    accuracy: float | None = None
    seconds: float | None = None
    dataset: Dataset | None = None
    notes: tuple[str, ...] = ()
    named: bool = True

    def digest(self) -> str:
        """A digest of all blocks' weights and buffers."""
        return self.network.checksum(self.network.names)


@dataclass(frozen=True)
class Source(Leaf, ABC):
    """Where initial weights come from. A leaf gives `load`; constructing one reads nothing."""

    has_head: ClassVar[bool] = True  # whether the head's outputs mean something, so that `direct` can use it

    def architecture(self, default: Architecture) -> Architecture:
        """The network whose weights these are; most sources take the suite's."""
        return default

    def form(self, default: Form) -> Form:
        """The input the network expects; most sources take the suite's."""
        return default

    def identity(self, workspace: Workspace) -> str:  # noqa: ARG002
        """A digest of content that may change under the same name (a user's file); empty where it cannot."""
        return ""

    def check(self, workspace: Workspace) -> None:
        """Before anything is trained: raises what is already known to be missing or damaged."""

    def fits(self, setup: Setup, workspace: Workspace) -> tuple[str, ...]:  # noqa: ARG002
        """Notes on how its weights go into a setup's network, before anything is trained; raises what does not fit."""
        return ()

    def datasets(self) -> tuple[Dataset, ...]:
        """The datasets it is trained on, where they are known by name."""
        return ()

    def seen(self) -> tuple[Dataset, ...] | None:
        """The datasets whose training items it has seen as they are; None where that is unknown (a file, a zoo)."""
        return self.datasets() or None

    def pretraining_items(self) -> int | None:
        """How many images it was trained on, repeats counted; None where that is unknown (a zoo, a file)."""
        return None

    def ready(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> bool:  # noqa: ARG002
        """Whether its weights are at hand, so that nothing is trained when it is loaded; for what a run will take."""
        return True

    @property
    def varies(self) -> bool:
        """Whether each seed gets weights of its own, so that the spread over sources is within the interval."""
        return False

    @property
    def root(self) -> "Source":
        """The source whose weights have to be made ready before its own can be."""
        return self

    def prepare(self, setup: Setup, workspace: Workspace, seeds: Sequence[int], root_seed: int) -> tuple[str, ...]:
        """Makes the weights of these seeds ready (downloaded, checked, trained); what the user should know of them."""
        said = [self.load(setup, workspace, seed, root_seed).notes for seed in seeds]
        return tuple(dict.fromkeys(note for notes in said for note in notes))

    @abstractmethod
    def load(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> Weights:
        """The weights for this setup, made and kept first where they must be trained; `seed` matters if `varies`."""


sources: Shelf[Source] = Shelf("tlbench.sources", Source)  # type: ignore[type-abstract]
SourceSpec: TypeAlias = Annotated[InstanceOf[Source], BeforeValidator(sources.make)]


@dataclass(frozen=True)
class Derived(Source, ABC):
    """A source made of another one's: all but its weights are that one's."""

    source: SourceSpec

    @property
    def root(self) -> Source:
        """The source's."""
        return self.source.root

    def architecture(self, default: Architecture) -> Architecture:
        """The source's."""
        return self.source.architecture(default)

    def form(self, default: Form) -> Form:
        """The source's."""
        return self.source.form(default)

    def identity(self, workspace: Workspace) -> str:
        """The source's."""
        return self.source.identity(workspace)

    def pretraining_items(self) -> int | None:
        """The source's."""
        return self.source.pretraining_items()

    def ready(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> bool:
        """The source's."""
        return self.source.ready(setup, workspace, seed, root_seed)

    def check(self, workspace: Workspace) -> None:
        """The source's."""
        self.source.check(workspace)

    def fits(self, setup: Setup, workspace: Workspace) -> tuple[str, ...]:
        """The source's."""
        return self.source.fits(setup, workspace)

    def datasets(self) -> tuple[Dataset, ...]:
        """The source's."""
        return self.source.datasets()
