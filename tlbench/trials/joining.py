"""Whether seeds train as one network: the one place that decides it, and the reason where they do not."""

from collections.abc import Sequence

from tlbench.method import Start
from tlbench.network import Network
from tlbench.training import Items, joined_over
from tlbench.trials.arm import ArmAtSeed


def why_apart(start: Start) -> str:
    """What in an arm's own nature keeps its seeds apart; nothing where they may be joined."""
    if not start.phases:
        return "nothing is trained"
    if start.alternatives:
        return "several candidates are tried"
    if any(phase.penalty for phase in start.phases):
        return "a penalty is a function of one network"
    return ""


def unequal(arms: Sequence[ArmAtSeed]) -> str:
    """What in the seeds' data keeps them apart: of groups, which stay whole, each draw leaves another number."""
    numbers = {len(arm.data.validation) for arm in arms}
    return "seeds validate on different numbers of items" if len(numbers) > 1 else ""


def joined_network(starts: Sequence[Start], items: Items, boundary: int) -> Network | str:
    """The starts' networks as one, tried on a few items at the boundary; or why they cannot be joined."""
    return joined_over([start.network for start in starts], items, boundary)
