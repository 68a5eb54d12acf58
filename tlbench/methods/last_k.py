"""The last k blocks and a new head learn, the blocks before them are frozen (Yosinski et al. 2014)."""

from dataclasses import dataclass

from tlbench.errors import TlbenchError
from tlbench.method import Materials, Method, Phase, Start, last_blocks


@dataclass(frozen=True)
class LastK(Method):
    """`last_k:K`, 1 <= K < blocks: none of them learning is `linear_probe`, all of them `finetune`."""

    k: int = 1

    def __post_init__(self) -> None:
        """Checks k."""
        super().__post_init__()
        if self.k < 1:
            raise TlbenchError(f"method 'last_k:{self.k}': k starts at 1; with nothing unfrozen use 'linear_probe'")

    def start(self, materials: Materials) -> Start:
        """The transferred network, the last k blocks and the head learning.

        Raises:
            TlbenchError: the network has no more than k blocks.
        """
        network = materials.transferred()
        if self.k >= (n_blocks := len(network.names)):
            raise TlbenchError(f"method 'last_k:{self.k}': the network has {n_blocks} blocks; use 'finetune' for all")
        return Start(network, (Phase(last_blocks(network, self.k)),))
