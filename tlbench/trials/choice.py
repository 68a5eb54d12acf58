"""How trials are run: what none of it changes beyond rounding, and is recorded."""

from dataclasses import dataclass

import torch

from tlbench.network import Network


@dataclass(frozen=True)
class Choice:
    """How trials are run; none of it changes a result beyond rounding, all of it is recorded.

    together: the seeds of a cell train as one network. channels_last: activations lie pixel by pixel in memory.
    shortcuts: a frozen prefix is run once; without, at every step, as it would be without this program.
    """

    together: bool = False
    channels_last: bool = False
    shortcuts: bool = True

    @property
    def name(self) -> str:
        """The way of training in words."""
        return ("together" if self.together else "apart") + (", channels_last" if self.channels_last else "")


PLAIN = Choice(shortcuts=False)


def lay_out(network: Network, choice: Choice) -> None:
    """Has the network in the layout that was chosen, where that is safe."""
    if choice.channels_last and layout_is_safe(network):
        network.to(memory_format=torch.channels_last)


def layout_is_safe(network: Network) -> bool:
    """Whether channels_last may be used: not on a CPU with a strided 1x1 convolution of few channels.

    Its backward pass crashes there, or hangs.
    """
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    narrow = [
        c for c in convolutions if c.kernel_size == (1, 1) and c.stride != (1, 1) and c.in_channels // c.groups < 8
    ]
    return not narrow or next(network.parameters()).is_cuda
