"""All but the first block learn."""

from dataclasses import dataclass

from tlbench.method import Materials, Method, Phase, Start, last_blocks


@dataclass(frozen=True)
class StemFrozen(Method):
    """The first block keeps the source's weights."""

    def start(self, materials: Materials) -> Start:
        """The transferred network, the first block frozen."""
        network = materials.transferred()
        return Start(network, (Phase(last_blocks(network, len(network.names) - 1)),))
