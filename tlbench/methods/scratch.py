"""The baseline: the same network, loop and budget, from random weights."""

from dataclasses import dataclass
from typing import ClassVar

from tlbench.method import Materials, Method, Phase, Start, last_blocks


@dataclass(frozen=True)
class Scratch(Method):
    """Training from the seed's own random initialisation; no source."""

    needs_source: ClassVar[bool] = False

    def start(self, materials: Materials) -> Start:
        """The fresh network, everything learning."""
        network = materials.fresh
        return Start(network, (Phase(last_blocks(network, len(network.names))),))
