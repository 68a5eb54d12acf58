"""A linear probe: the source's blocks frozen, a new head trained by the same loop (Alain and Bengio 2016)."""

from dataclasses import dataclass
from typing import ClassVar

from tlbench.method import Materials, Method, Phase, Start, last_blocks


@dataclass(frozen=True)
class LinearProbe(Method):
    """Only the head learns, on standardised features."""

    convex_twin: ClassVar[str] = "features:logistic"

    def start(self, materials: Materials) -> Start:
        """The transferred network, the head learning."""
        network = materials.transferred()
        return Start(network, (Phase(last_blocks(network, 0)),), standardised=True)
