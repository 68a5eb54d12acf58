"""How a run's trials are best run here: settled by timing a few steps of each way, and recorded."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from tlbench.engine.jobs import TOGETHER
from tlbench.method import Phase
from tlbench.metric import metrics
from tlbench.network import HEAD, Masked, Network, Setup, evaluating, values_of
from tlbench.streams import seeded
from tlbench.training import Clock, Encoded, Learner, joined_over, seconds_a_step, seconds_of_reading
from tlbench.trials import Choice, lay_out, layout_is_safe
from tlbench.workspace import Workspace

LAYOUT = 0.95  # of the plain layout's time, above which it stays plain
JOINED = 0.9  # of a single network's time, above which seeds stay apart: joined ones lose more to a busy neighbour
CLASSES = 10
USUAL_BATCH = 32  # items of a step whose batch is not known
LEAST_READ, MOST_READ, READ_VALUES = 32, 256, 1 << 18  # items that are read to time it, and their values


@dataclass(frozen=True)
class Tuned:
    """The choice for a setup with so many frozen blocks, and the milliseconds a step and seed of what was tried.

    reading: milliseconds an item that is only read, from the frozen blocks' end; calling: of each time that some are;
    building: of a network; batch: items a step. Without them (an older run's), reading is a third of a step.
    """

    choice: Choice
    milliseconds: dict[str, float]
    reading: float = 0.0
    calling: float = 0.0
    building: float = 0.0
    batch: int = 0

    @property
    def seconds(self) -> float:
        """Of a step of one seed, in the way that was chosen."""
        return self.milliseconds[self.choice.name] / 1000

    def step_seconds(self, batch: int) -> float:
        """The same with batches of this size, of which half the cost is taken to be the number of items."""
        return self.seconds * (1 + batch / (self.batch or batch)) / 2 if batch < self.batch else self.seconds

    def read_seconds(self, n: int) -> float:
        """Of reading n items at once, or in large batches."""
        if not self.batch:
            return n * self.seconds / 3 / USUAL_BATCH
        return (self.calling * math.ceil(n / MOST_READ) + n * self.reading) / 1000

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Tuning:
    """The timing of a setup with so many frozen blocks; a second or so.

    seeds: how many a cell has, at most `TOGETHER` of which are joined. plain: trained apart and in PyTorch's own layout
    whatever is quicker, so that nothing else is timed. channels_last: the layout where it is settled already.
    """

    setup: Setup
    frozen: int
    batch: int
    seeds: int
    plain: bool = False
    channels_last: bool | None = None

    def __call__(self, workspace: Workspace) -> Tuned:
        """Times one network in either layout, then several joined in the better one, on random inputs."""
        given = (False,) if self.plain else (False, True) if self.channels_last is None else (self.channels_last,)
        layouts, n, times = (
            [Choice(channels_last=last) for last in given],
            min(TOGETHER, self.seeds),
            dict[str, float](),
        )
        with seeded(0, "tuning"):
            for layout in layouts:
                self._time(layout, 1, workspace.device, times)
            best = next((way for way in layouts[1:] if self._clearly(way, layouts[0], times, LAYOUT)), layouts[0])
            joined = replace(best, together=True)
            if n > 1 and not self.plain:
                self._time(joined, n, workspace.device, times)
            chosen = joined if self._clearly(joined, best, times, JOINED) else best
            return Tuned(chosen, times, *self._reading(best, workspace.device), self.batch)

    def _reading(self, choice: Choice, device: torch.device) -> tuple[float, float, float]:
        """Milliseconds of reading an item, of a call, and of building a network that others were built like before."""
        clock = Clock(device)
        with clock.running():
            network = self.setup.build(CLASSES).to(device)
        lay_out(network, choice)
        boundary = network.frozen_prefix((*network.names[self.frozen :], HEAD))
        one = _random_items(network, self.setup, 1, boundary, device)
        n = max(LEAST_READ, min(MOST_READ, READ_VALUES // max(1, one.inner_values)))
        many = _random_items(network, self.setup, n, boundary, device)
        all_of_them, single = (seconds_of_reading(network, items, boundary) for items in (many, one))
        each = max(0.0, all_of_them - single) / (n - 1)
        return round(1000 * each, 6), round(1000 * max(0.0, single - each), 4), round(1000 * clock.seconds, 3)

    @staticmethod
    def _clearly(choice: Choice, other: Choice, times: dict[str, float], share: float) -> bool:
        return choice.name in times and times[choice.name] <= share * times[other.name]

    def _time(self, choice: Choice, n: int, device: torch.device, times: dict[str, float]) -> None:
        took = _seconds(self.setup, self.frozen, self.batch, n, device, channels_last=choice.channels_last)
        if took is not None:
            times[choice.name] = round(1000 * took, 4)


def _seconds(
    setup: Setup, frozen: int, batch: int, n: int, device: torch.device, *, channels_last: bool
) -> float | None:
    """Seconds a step and seed; None where this way is not open to the network."""
    networks = [setup.build(CLASSES).to(device) for _ in range(n)]
    if channels_last:
        if not layout_is_safe(networks[0]) or not any(p.dim() == 4 for p in networks[0].parameters()):
            return None
        for network in networks:
            network.to(memory_format=torch.channels_last)
    moving = (*networks[0].names[frozen:], HEAD)
    boundary = networks[0].frozen_prefix(moving)
    items = _random_items(networks[0], setup, batch, boundary, device)
    joined = joined_over(networks, items, boundary) if n > 1 else None
    if isinstance(joined, str):
        return None
    accuracy = metrics.make("accuracy")
    learners = [Learner(network, items, items, torch.Generator(), accuracy) for network in networks]
    return seconds_a_step(learners, Phase(moving), batch, boundary, joined)


def _random_items(network: Network, setup: Setup, batch: int, boundary: int, device: torch.device) -> Encoded:
    """A batch of noise at the boundary."""
    with torch.no_grad(), evaluating(network):
        activations = network.run(setup.form.random_batch(batch, device), 0, boundary)
    mask = activations.mask if isinstance(activations, Masked) else None
    return Encoded(values_of(activations), torch.arange(batch, device=device) % CLASSES, mask)
