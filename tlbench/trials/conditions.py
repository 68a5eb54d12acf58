"""What a target's arms share: where they stand, what they are trained on, by which network, for how long."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from tlbench.dataset import Draw, Target
from tlbench.form import InputForm
from tlbench.method import Budget
from tlbench.network import Setup
from tlbench.source import Source, Weights
from tlbench.streams import generator
from tlbench.training import NOTHING, Augmentation
from tlbench.workspace import Workspace

PLATEAU = "plateau"


@dataclass(frozen=True)
class Arm:
    """What a target's arms share: where it stands, what it is trained on, by which network, for how long.

    variant: names a budget that is not the suite's, in paths; "plateau" doubles it until validation stands still.
    """

    target: Target
    setup: Setup
    budget: Budget
    root_seed: int
    variant: str = ""
    augment: Augmentation = NOTHING

    def recipe(self, workspace: Workspace, seed: int) -> dict[str, Any]:
        """Plain data that fixes the arm at one seed."""
        shared = {
            "target": self.target.recipe() | {"content": self.target.dataset.content(workspace)},
            "budget": asdict(self.budget),
            "root_seed": self.root_seed,
            "seed": seed,
            "variant": self.variant,
            "augment": self.augment.recipe(),
        }
        return shared | self.setup.recipe()

    def stream(self, what: str, seed: int) -> tuple[int, *tuple[object, ...]]:
        """The labels of a stream that every arm at this target and seed shares."""
        return self.target.dataset.stream(self.root_seed, what, seed)

    def draw(self, workspace: Workspace, seed: int) -> tuple[Draw, InputForm]:
        """The seed's draw from the pool, and the form of its inputs."""
        pool = self.target.dataset.split("train", workspace)
        draw = self.target.draw(pool, generator(*self.stream("draw", seed)))
        return draw, self.setup.form.fitted(pool, draw.train)

    def load(self, source: Source, workspace: Workspace, seed: int) -> Weights:
        """The source's weights for this setup, kept for the next trial."""
        which = ("weights", source, self.setup, *((self.root_seed, seed) if source.varies else ()))
        make = partial(source.load, self.setup, workspace, seed, self.root_seed)
        return workspace.recent(which, make, lambda found: found.network.n_bytes)
