"""How a run's trials are best run here: settled by timing a few steps of each way, and recorded."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from tlbench.engine.jobs import TOGETHER
from tlbench.method import Phase
from tlbench.metric import metrics
from tlbench.network import HEAD, Masked, Network, Setup, evaluating, values_of
from tlbench.streams import seeded
from tlbench.training import Encoded, Learner, join, seconds_a_step
from tlbench.trials import Choice, layout_is_safe
from tlbench.workspace import Workspace

LAYOUT = 0.95  # of the plain layout's time, above which it stays plain
JOINED = 0.9  # of a single network's time, above which seeds stay apart: joined ones lose more to a busy neighbour
CLASSES = 10


@dataclass(frozen=True)
class Tuned:
    """The choice for a setup with so many frozen blocks, and the milliseconds a step and seed of what was tried."""

    choice: Choice
    milliseconds: dict[str, float]

    @property
    def seconds(self) -> float:
        """Of a step of one seed, in the way that was chosen."""
        return self.milliseconds[self.choice.name] / 1000

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
        return Tuned(joined if self._clearly(joined, best, times, JOINED) else best, times)

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
    joined = join(networks, items.inputs(torch.arange(min(4, batch), device=device)), boundary) if n > 1 else None
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
