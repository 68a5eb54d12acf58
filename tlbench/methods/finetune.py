"""Full fine-tuning: the source's blocks under a new head, everything learning."""

from dataclasses import dataclass

from tlbench.method import Materials, Method, Phase, Start, last_blocks


@dataclass(frozen=True)
class Finetune(Method):
    """Every block and the head learn at the same rate."""

    def start(self, materials: Materials) -> Start:
        """The transferred network, everything learning."""
        network = materials.transferred()
        return Start(network, (Phase(last_blocks(network, len(network.names))),))
