"""What a network is given: items brought to inputs of one form."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from tlbench.dataset import Indices, Split
from tlbench.shelf import slug

SAMPLED_VALUES = 1 << 24  # of the images trained on, from which mean and std are taken
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in PIL's convert("L")


@dataclass(frozen=True)
class InputForm:
    """What a network is given: square images of `size` pixels with `channels`, scaled by `mean` and `std`.

    Without a mean, inputs are standardised by the statistics of the images trained on. `resize` larger than `size`
    scales to it and cuts the centre (the published preprocessing of the zoo's weights).
    """

    size: int
    channels: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.size, self.size

    @property
    def label(self) -> str:
        """Names the form in paths: channels and size, whose statistics scale it and what it is cut from where fixed."""
        fixed = "-mean-" + "-".join(f"{m:.3g}" for m in self.mean) if self.mean else ""
        cut = f"-resize-{self.resize}" if self.resize else ""
        return slug(f"{self.channels}x{self.size}x{self.size}{fixed}{cut}")

    def recipe(self) -> dict[str, Any]:
        """Plain data that fixes the form."""
        return {
            "size": self.size,
            "channels": self.channels,
            "mean": list(self.mean) or "training draw",
            "std": list(self.std) or "training draw",
            "resize": self.resize or self.size,
        }

    def reshaped(self, items: npt.NDArray[Any], device: torch.device) -> Tensor:
        """(n, C, H, W) uint8 as (n, channels, size, size) float in [0, 1]."""
        images = torch.from_numpy(items).to(device).float() / 255
        if images.shape[1] == 3 and self.channels == 1:
            images = (images * torch.tensor(LUMA, device=device).view(1, 3, 1, 1)).sum(1, keepdim=True)
        elif images.shape[1] == 1 and self.channels == 3:
            images = images.expand(-1, 3, -1, -1)
        side = self.resize or self.size
        if tuple(images.shape[2:]) != (side, side):
            images = functional.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
        edge = (side - self.size) // 2
        return images[:, :, edge : edge + self.size, edge : edge + self.size].contiguous()

    def pixels(self, items: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """The same as (n, channels, size, size) uint8."""
        whole: npt.NDArray[np.uint8] = (self.reshaped(items, torch.device("cpu")) * 255).round().byte().numpy()
        return whole

    def fitted(self, split: Split, indices: Indices) -> "InputForm":
        """This form with its mean and std fixed: those of the images at `indices`, unless it has its own."""
        if self.mean:
            return self
        most = max(1, SAMPLED_VALUES // int(np.prod(self.shape)))
        spread = indices[:: -(-len(indices) // most)]  # evenly, since items may stand in the order of their classes
        images = self.reshaped(split.take(spread), torch.device("cpu")).double()
        mean, std = images.mean((0, 2, 3)), images.std((0, 2, 3)).clamp_min(1e-3)
        return replace(self, mean=tuple(mean.tolist()), std=tuple(std.tolist()))
