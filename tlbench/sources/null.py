"""A control: a fresh random initialisation, drawn anew for each seed, passed off as a source."""

from dataclasses import dataclass
from typing import ClassVar

from tlbench.dataset import Dataset
from tlbench.network import Setup
from tlbench.source import Source, Weights
from tlbench.streams import seeded
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class Null(Source):
    """Exchangeable with scratch when fine-tuned, random features when frozen."""

    has_head: ClassVar[bool] = False

    def seen(self) -> tuple[Dataset, ...]:
        """Nothing."""
        return ()

    def pretraining_items(self) -> int:
        """None at all."""
        return 0

    @property
    def varies(self) -> bool:
        """Always: each seed has its own."""
        return True

    def load(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> Weights:  # noqa: ARG002
        """Random weights from a stream that no other arm uses."""
        with seeded(root_seed, "null", setup.label, seed):
            return Weights(setup.build(2).eval(), seconds=0.0)
