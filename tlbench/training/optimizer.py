"""AdamW (Loshchilov and Hutter 2019) over groups of parameters, one fused kernel a group and step."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

BETAS = 0.9, 0.999
EPSILON = 1e-8


class _Group:
    """Parameters of one learning-rate factor, with their moments."""

    def __init__(self, parameters: list[nn.Parameter], factor: float) -> None:
        self.parameters, self.factor = parameters, factor
        self.first = [torch.zeros_like(one) for one in parameters]
        self.second = [torch.zeros_like(one) for one in parameters]
        self.counts = [torch.zeros((), device=one.device) for one in parameters]

    def take(self, position: int, other: "_Group", at: int) -> None:
        """A parameter's moments and count of steps from another group."""
        self.first[position], self.second[position] = other.first[at], other.second[at]
        self.counts[position] = other.counts[at]


class AdamW:
    """What `torch.optim.AdamW` computes, by the same kernel, without the class around it.

    That class costs an import of PyTorch's compiler in every process: three seconds, for which TINY grids train.
    """

    def __init__(
        self,
        parts: Sequence[tuple[Sequence[nn.Parameter], float]],
        weight_decay: float,
        before: "AdamW | None" = None,
    ) -> None:
        """parts: parameters and the factor by which their learning rate differs; equal factors are stepped at once.

        before: an optimiser whose moments are gone on with, for the parameters that it has moved too.
        """
        self.weight_decay = weight_decay
        factors = dict.fromkeys(factor for _, factor in parts)
        self._groups = [_Group([p for ps, own in parts if own == factor for p in ps], factor) for factor in factors]
        self._resting: list[_Group] = []
        if before is not None:
            self._go_on_from(before)

    def _go_on_from(self, before: "AdamW") -> None:
        """Also with the moments of what has rested since it moved."""
        known = [(g, i) for g in (*before._groups, *before._resting) for i in range(len(g.parameters))]  # noqa: SLF001
        for group in self._groups:
            for i, parameter in enumerate(group.parameters):
                kept = next(((other, j) for other, j in known if other.parameters[j] is parameter), None)
                if kept is not None:
                    group.take(i, *kept)
        self._resting = [*before._groups, *before._resting]  # noqa: SLF001

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for group in self._groups:
            for parameter in group.parameters:
                parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Moves every parameter that has a gradient, at `rate` by its group's factor."""
        for group in self._groups:
            learning = [i for i, parameter in enumerate(group.parameters) if parameter.grad is not None]
            gradients: list[Tensor] = [g for p in group.parameters if (g := p.grad) is not None]
            parameters, first, second, counts = (
                [values[i] for i in learning] for values in (group.parameters, group.first, group.second, group.counts)
            )
            adamw(
                parameters,
                gradients,
                first,
                second,
                [],
                counts,
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=rate * group.factor,
                weight_decay=self.weight_decay,
                eps=EPSILON,
                maximize=False,
            )
