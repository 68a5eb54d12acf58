"""A cell: what is judged, source x target x method, each of whose seeds is a trial."""

from dataclasses import dataclass

from tlbench.method import Method
from tlbench.runfile import Expectation, Leak, Role
from tlbench.source import Source
from tlbench.trials.conditions import Conditions
from tlbench.trials.trial import Trial


@dataclass(frozen=True)
class Cell:
    """Source x target x method under conditions, its role and, for a control, what it must come out as.

    crossed: whether it is one of the suite's crossed pairs; else it is there for the controls alone. leak: what becomes
    of it where its test items were seen before. beside: the path of the cell whose convex head it is.
    """

    source: Source | None
    method: Method
    conditions: Conditions
    role: Role
    family: str
    expect: Expectation | None
    crossed: bool = True
    leak: Leak | None = None
    beside: str = ""

    @property
    def invalid(self) -> bool:
        """Whether it is known beforehand that no verdict can be given; then nothing of it is run."""
        return self.leak is not None and self.leak.forbids

    @property
    def path(self) -> str:
        """The cell's path within a run."""
        return self.trial(0).cell

    def trial(self, seed: int) -> Trial:
        """The cell at one seed."""
        return Trial(self.source, self.method, self.conditions, seed)
