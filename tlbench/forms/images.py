"""Square images of one size, with so many channels, scaled by mean and standard deviation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from tlbench.dataset import Indices, Split
from tlbench.form import Form
from tlbench.shelf import slug
from tlbench.training import ImageAugmentation, image_augmentation

SAMPLED_VALUES = 1 << 24  # of the images trained on, from which mean and std are taken
SKETCH, FINE_SKETCH = 12, 32  # pixels a side, of the grey image and of the image
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in PIL's convert("L")


@dataclass(frozen=True)
class Images(Form):
    """Square images of `size` pixels with `channels`, scaled by `mean` and `std`.

    Without a mean, inputs are standardised by the statistics of the images trained on. `resize` larger than `size`
    scales to it and cuts the centre; `interpolation` is how (the published preprocessing of the zoo's weights).
    """

    size: int = 32
    channels: int = 3
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: int = 0
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"

    def _derived_label(self) -> str:
        """Channels and size, whose statistics scale it and what it is cut from where fixed, how if not as usual."""
        fixed = "-mean-" + "-".join(f"{m:.3g}" for m in self.mean) if self.mean else ""
        cut = f"-resize-{self.resize}" if self.resize else ""
        how = f"-{self.interpolation}" if self.interpolation != "bilinear" else ""
        return slug(f"{self.channels}x{self.size}x{self.size}{fixed}{cut}{how}")

    @classmethod
    def reads(cls, splits: Sequence[Split]) -> bool:
        """Arrays of images."""
        return all(len(split.shape) == 3 and split.items.dtype == np.uint8 for split in splits)

    @classmethod
    def default(cls, target: Split, splits: Sequence[Split], size: int) -> Self:
        """The target's size; in colour where any of them is."""
        return cls(size or max(target.shape[1:]), max(split.shape[0] for split in splits))

    @classmethod
    def augmentation(cls, words: Iterable[str]) -> ImageAugmentation:
        """Flip, crop:PIXELS, rotate:DEGREES, scale:SHARE, shift:SHARE, affine:DEGREES."""
        return image_augmentation(words)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.size, self.size

    def with_channels(self, channels: int) -> Self:
        """The same with so many channels."""
        return self if channels == self.channels else replace(self, channels=channels, label="")

    def reshaped(self, items: npt.NDArray[Any], device: torch.device) -> Tensor:
        """(n, C, H, W) uint8 as (n, channels, size, size) float in [0, 1]."""
        images = torch.from_numpy(items).to(device).float() / 255
        if images.shape[1] == 3 and self.channels == 1:
            images = (images * torch.tensor(LUMA, device=device).view(1, 3, 1, 1)).sum(1, keepdim=True)
        elif images.shape[1] == 1 and self.channels == 3:
            images = images.expand(-1, 3, -1, -1)
        side = self.resize or self.size
        if tuple(images.shape[2:]) != (side, side):
            how = self.interpolation
            images = functional.interpolate(images, (side, side), mode=how, antialias=True, align_corners=False)
            images = images.clamp(0, 1) if how == "bicubic" else images  # which overshoots
        edge = (side - self.size) // 2
        return images[:, :, edge : edge + self.size, edge : edge + self.size].contiguous()

    def tensor(self, items: npt.NDArray[Any], device: torch.device) -> Tensor:
        """(n, C, H, W) uint8 as (n, channels, size, size) scaled floats."""
        images = self.reshaped(items, device)
        mean, std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std

    def pixels(self, items: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """(n, C, H, W) uint8 as (n, channels, size, size) uint8."""
        whole: npt.NDArray[np.uint8] = (self.reshaped(items, torch.device("cpu")) * 255).round().byte().numpy()
        return whole

    def permuted(self, items: npt.NDArray[Any], random: np.random.Generator) -> npt.NDArray[np.uint8]:
        """(n, channels, size, size) uint8, the pixels of each channel permuted alike."""
        whole = self.pixels(items)
        flat = whole.reshape(*whole.shape[:2], -1)
        return flat[:, :, random.permutation(flat.shape[2])].reshape(whole.shape)

    def fitted(self, split: Split, indices: Indices) -> Self:
        """This form with its mean and std fixed: those of the images at `indices`, unless it has its own."""
        if self.mean:
            return self
        most = max(1, SAMPLED_VALUES // int(np.prod(self.shape)))
        spread = indices[:: -(-len(indices) // most)]  # evenly, since items may stand in the order of their classes
        images = self.reshaped(split.take(spread), torch.device("cpu")).double()
        mean, std = images.mean((0, 2, 3)), images.std((0, 2, 3)).clamp_min(1e-3)
        return replace(self, mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    @classmethod
    def sketch(cls, items: npt.NDArray[Any], *, fine: bool = False) -> npt.NDArray[np.float32]:
        """The image made small, its mean taken off: neither size, contrast nor brightness changes it."""
        side, small = 2 * FINE_SKETCH, cls(FINE_SKETCH, 3) if fine else cls(SKETCH, 1)
        if max(items.shape[2:]) > side:  # in whole numbers first, which is six times as fast
            whole = torch.from_numpy(items)
            items = functional.interpolate(whole, (side, side), mode="bilinear", antialias=True).numpy()
        flat = small.reshaped(items, torch.device("cpu")).flatten(1)
        flat = flat - flat.mean(1, keepdim=True)
        length = torch.linalg.vector_norm(flat, dim=1, keepdim=True)
        sketches: npt.NDArray[np.float32] = (flat / length.clamp_min(1e-3) * (length > 1e-3)).numpy()
        return sketches

    def random_batch(self, size: int, device: torch.device) -> Tensor:
        """(size, channels, size, size) noise."""
        return torch.randn(size, *self.shape, device=device)

    def blank(self) -> Tensor:
        """(channels,) what a black pixel is once scaled."""
        return -torch.tensor(self.mean) / torch.tensor(self.std)
