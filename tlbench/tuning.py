"""How a run's trials are best run here: settled by timing a few steps of each way, and recorded."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from tlbench.attempt import Choice, layout_is_safe
from tlbench.inputs import Encoded
from tlbench.joined import join
from tlbench.learners import Learner
from tlbench.network import HEAD, Network, Setup, evaluating
from tlbench.streams import seeded
from tlbench.training import Phase, seconds_a_step

TOGETHER = 5  # seeds that are joined at most: those of the first look
CLEARLY = 0.95  # of the plain way's time, above which it stays plain
CLASSES = 10


@dataclass(frozen=True)
class Tuned:
    """The choice for a setup with so many frozen blocks, and the milliseconds a step and seed of what was tried."""

    choice: Choice
    milliseconds: dict[str, float]

    @property
    def seconds(self) -> float:
        """Of a step of one seed, the fastest way that was tried."""
        return min(self.milliseconds.values()) / 1000

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def tune(setup: Setup, frozen: int, batch: int, seeds: int, device: torch.device) -> Tuned:
    """Times one network, several joined, and both with channels last, on random inputs; a second or so.

    frozen: blocks that do not learn; seeds: how many a cell has, at most `TOGETHER` of which are joined.
    """
    n = min(TOGETHER, seeds)
    times: dict[str, float] = {}
    with seeded(0, "tuning"):
        for channels_last in (False, True):
            for together in (False, True) if n > 1 else (False,):
                took = _seconds(setup, frozen, batch, n if together else 1, device, channels_last=channels_last)
                if took is not None:
                    times[_name(together=together, channels_last=channels_last)] = round(1000 * took, 4)
    best = min(times, key=lambda name: times[name])
    if times[best] > CLEARLY * times["apart"]:
        best = "apart"
    return Tuned(Choice("together" in best, "channels_last" in best), times)


def _name(*, together: bool, channels_last: bool) -> str:
    return ("together" if together else "apart") + (", channels_last" if channels_last else "")


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
    if n > 1 and joined is None:
        return None
    learners = [Learner(network, items, items, torch.Generator()) for network in networks]
    return seconds_a_step(learners, Phase(moving), batch, boundary, joined)


def _random_items(network: Network, setup: Setup, batch: int, boundary: int, device: torch.device) -> Encoded:
    """A batch of noise at the boundary."""
    with torch.no_grad(), evaluating(network):
        activations = network.run(torch.randn(batch, *setup.form.shape, device=device), 0, boundary)
    return Encoded(activations, torch.arange(batch, device=device) % CLASSES)
