"""Conditions: what every arm at a target shares - the data, the network, the budget, the measure of "better"."""

from dataclasses import asdict, dataclass
from typing import Any

from tlbench.dataset import Target
from tlbench.form import Augmentation
from tlbench.method import Budget
from tlbench.metric import Metric
from tlbench.network import Setup
from tlbench.records import digest_of
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class Conditions:
    """What every arm at a target shares: what it is trained on, by which network, for how long, how it is judged.

    variant: names a budget that is not the suite's, in paths. run_on: whether what still improves at the end of the
    budget is trained for longer, until it stands still. left_out: test items that are not tested on, since the pool or
    a source has seen them. also: metrics that the test items are read by beside the judged one.
    """

    target: Target
    setup: Setup
    budget: Budget
    metric: Metric
    augment: Augmentation
    root_seed: int = 0
    variant: str = ""
    run_on: bool = False
    left_out: tuple[int, ...] = ()
    also: tuple[Metric, ...] = ()

    def recipe(self, workspace: Workspace, seed: int) -> dict[str, Any]:
        """Plain data that fixes the conditions at one seed."""
        pool, content = self.target.dataset.split("train", workspace), self.target.dataset.content(workspace)
        shared = {
            "target": self.target.recipe(pool, content),
            "budget": asdict(self.budget),
            "metric": self.metric.recipe(),
            "root_seed": self.root_seed,
            "seed": seed,
            "variant": self.variant,
            "run_on": self.run_on,
            "augment": self.augment.recipe(),
        }
        if self.left_out:
            shared["left_out"] = digest_of(self.left_out)
        if self.also:
            shared["also"] = [metric.recipe() for metric in self.also]
        return shared | self.setup.recipe()

    def stream(self, what: str, seed: int) -> tuple[int, *tuple[object, ...]]:
        """The labels of a random stream that every arm at this target and seed shares."""
        return self.target.dataset.stream(self.root_seed, what, seed)
