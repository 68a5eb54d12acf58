"""A user's checkpoint: .safetensors, or .pt/.pth/.th read as tensors only."""

from dataclasses import dataclass
from pathlib import Path

from tlbench.dataset import file_digest
from tlbench.network import Architecture, ArchitectureSpec, Setup
from tlbench.readers import head_classes, match, read_checkpoint
from tlbench.source import Source, Weights
from tlbench.streams import seeded
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class File(Source):
    """`file:PATH`; `network` names the architecture (default: the suite's), `classes` what the head's outputs mean."""

    path: Path
    network: ArchitectureSpec | None = None
    classes: tuple[str, ...] = ()

    def architecture(self, default: Architecture) -> Architecture:
        """The one named, or the suite's."""
        return self.network or default

    def identity(self, workspace: Workspace) -> str:  # noqa: ARG002
        """A digest of the file."""
        return file_digest(self.path)

    def check(self, workspace: Workspace) -> None:  # noqa: ARG002
        """Reads the file."""
        read_checkpoint(self.path)

    def load(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> Weights:  # noqa: ARG002
        """The weights that fit; the rest stays random, and is said.

        Raises:
            TlbenchError: the file is missing, refused, or fits nothing but the head.
        """
        tensors = read_checkpoint(self.path)
        n_classes = len(self.classes) or head_classes(tensors) or 2
        with seeded(0, "file", setup.label):
            network = setup.build(n_classes)
        found = match(tensors, network, str(self.path))
        network.load_state_dict(found.weights, strict=False)
        has_head = not any(key.startswith("head.") for key in found.missing)
        names = self.classes or tuple(f"class{i}" for i in range(n_classes))
        return Weights(network.eval(), names if has_head else None, notes=found.notes(str(self.path)))
