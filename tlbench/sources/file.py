"""A user's checkpoint: .safetensors, or torch's own formats read as tensors only; taken completely or refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlbench.dataset import Dataset, DatasetSpec, file_digest
from tlbench.form import Form
from tlbench.network import Architecture, ArchitectureSpec, Setup
from tlbench.readers import prepared, read_checkpoint, restored
from tlbench.source import Source, Weights
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class File(Source):
    """`file:PATH`; `network` names the architecture (default: the suite's), `classes` what the head's outputs mean.

    key: which of several weights. partial: part of the blocks is enough. trained_on: to see overlap with a target.
    """

    path: Path
    network: ArchitectureSpec | None = None
    classes: tuple[str, ...] = ()
    key: str = ""
    partial: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    image_size: int = 0
    interpolation: Literal["", "bilinear", "bicubic"] = ""
    trained_on: DatasetSpec | None = None

    def architecture(self, default: Architecture) -> Architecture:
        """The one named, or the suite's."""
        return self.network or default

    def form(self, default: Form) -> Form:
        """As many channels as the file's first layer takes, prepared as is named."""
        named = {"mean": self.mean, "std": self.std, "size": self.image_size, "interpolation": self.interpolation}
        return prepared(read_checkpoint(self.path), default, named)

    def identity(self, workspace: Workspace) -> str:  # noqa: ARG002
        """A digest of the file."""
        return file_digest(self.path)

    def check(self, workspace: Workspace) -> None:  # noqa: ARG002
        """Reads the file."""
        read_checkpoint(self.path)

    def datasets(self) -> tuple[Dataset, ...]:
        """What it was trained on, where that is named."""
        return (self.trained_on,) if self.trained_on else ()

    def fits(self, setup: Setup, workspace: Workspace) -> tuple[str, ...]:
        """What was taken of it, and how; the weights are read as for a trial."""
        return self.load(setup, workspace, 0, 0).notes

    def load(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> Weights:  # noqa: ARG002
        """The weights, or what is wrong with them."""
        return restored(read_checkpoint(self.path), setup, self.classes, self.key, partial=self.partial)
