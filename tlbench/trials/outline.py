"""What of a network learns under a method, read from the method's own start."""

import copy
from dataclasses import dataclass

from tlbench.method import Materials, Method, Start
from tlbench.network import Network, Setup
from tlbench.source import Weights
from tlbench.streams import seeded
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class Outline:
    """How many blocks a network has, how many of them no phase of a method moves, how many learn (None: nothing).

    candidates: starts of which the best is taken, each trained; readouts: that are fitted to features, of so many
    numbers an item.
    """

    blocks: int
    frozen: int
    unfrozen: int | None
    candidates: int = 1
    readouts: int = 0
    features: int = 0


def outline(method: Method, setup: Setup, workspace: Workspace) -> Outline:
    """Read from the method's own start on a random network of the setup, which stands for the source's too.

    Raises:
        TlbenchError: the method asks for what the network does not have.
    """

    def read() -> Outline:
        network = workspace.cached((setup, "network"), lambda: setup.build(2))
        with seeded(0, "outline"):
            weights = Weights(network, ("0", "1")) if method.needs_source else None
            start = method.start(Materials(copy.deepcopy(network), weights, ("0", "1")))
        start.check()
        unfrozen, blocks = start.unfrozen, len(network.names)
        return Outline(blocks, 0 if unfrozen is None else blocks - unfrozen, unfrozen, *_grid_of(start, network))

    return workspace.cached((setup, method, "outline"), read)


def _grid_of(start: Start, network: Network) -> tuple[int, int, int]:
    return 1 + len(start.alternatives), len(start.readouts), network.head.in_features
