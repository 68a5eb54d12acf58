"""Augmentation of images as batched tensor operations: drawn on the CPU, done on the device, the same on every one."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from tlbench.errors import TlbenchError, unknown

DRAWS = 7  # an image: flip, crop from the top and from the left, angle, scale, shift across and down
AFFINE_SHARE = 0.1  # of shift and scale, under `affine`
Options: TypeAlias = dict[str, Any]
WORDS: dict[str, tuple[str, str, Callable[[float], bool], Callable[[float], Options]]] = {
    "crop": ("PIXELS", "a whole number of at least 1", lambda x: x >= 1 and x % 1 == 0, lambda x: {"crop": int(x)}),
    "rotate": ("DEGREES", "more than 0, at most 180", lambda x: 0 < x <= 180, lambda x: {"rotate": x}),
    "scale": ("SHARE", "between 0 and 1", lambda x: 0 < x < 1, lambda x: {"scale": x}),
    "shift": ("SHARE", "between 0 and 1", lambda x: 0 < x < 1, lambda x: {"shift": x}),
    "affine": (
        "DEGREES",
        "more than 0, at most 180",
        lambda x: 0 < x <= 180,
        lambda x: {"rotate": x, "scale": AFFINE_SHARE, "shift": AFFINE_SHARE},
    ),
}


@dataclass(frozen=True)
class ImageAugmentation:
    """What is done to an image at random, each image by its own draws; the default does nothing.

    flip: left and right change sides, half the time. crop: pixels of padding on every side, from which a window of the
    image's own size is cut. rotate: at most so many degrees either way. scale: at most so much larger or smaller, as a
    share. shift: at most so far across and down, as a share of the side.
    """

    flip: bool = False
    crop: int = 0
    rotate: float = 0.0
    scale: float = 0.0
    shift: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether it does nothing."""
        return self == ImageAugmentation()

    def recipe(self) -> dict[str, Any]:
        """Plain data that fixes the augmentation."""
        return vars(self).copy()

    def __call__(self, images: Tensor, generator: torch.Generator, fill: Tensor | None = None, /) -> Tensor:
        """(B, C, H, W) images, augmented; dtype and device are kept.

        generator: on the CPU; every call takes the same number of draws from it, whatever is asked for, so that adding
        an option changes no other's draws. fill: (C,) values of what comes in from outside the image, 0 without it.

        Raises:
            TlbenchError: the crop's padding is as large as the image.
        """
        draws = torch.rand(len(images), DRAWS, generator=generator, dtype=torch.float64)
        spread = 2 * draws - 1
        fill = images.new_zeros(images.shape[1]) if fill is None else fill.to(images)
        if self.flip:
            flipped = (draws[:, 0] < 0.5).to(images.device)
            images = torch.where(flipped.view(-1, 1, 1, 1), images.flip(3), images)
        if self.crop:
            corners = (draws[:, 1:3] * (2 * self.crop + 1)).long()
            images = cropped(images, corners, self.crop, fill)
        if self.rotate or self.scale or self.shift:
            angles, scales, shifts = (
                spread[:, 3] * self.rotate,
                1 + spread[:, 4] * self.scale,
                spread[:, 5:7] * self.shift,
            )
            images = warped(images, angles, scales, shifts, fill)
        return images


def image_augmentation(names: Iterable[str]) -> ImageAugmentation:
    """The augmentation for a suite's words: flip, crop:PIXELS, rotate:DEGREES, scale:SHARE, shift:SHARE.

    affine:DEGREES is rotate:DEGREES, scale:0.1 and shift:0.1.

    Raises:
        TlbenchError: no such word, a number that is missing or out of range, or a thing asked for twice.
    """
    options: Options = {}
    for name in [names] if isinstance(names, str) else names:
        added = _options(name)
        if twice := sorted(set(options) & set(added)):
            raise TlbenchError(f"augmentation '{name}': {twice[0]} is asked for twice; leave one out")
        options |= added
    return ImageAugmentation(**options)


def _options(name: str) -> Options:
    word, _, number = name.partition(":")
    if word == "flip":
        if number:
            raise TlbenchError(f"augmentation '{name}': flip takes no number; write flip")
        return {"flip": True}
    if word not in WORDS:
        raise unknown("augmentation", word, ["flip", *WORDS])
    unit, demand, holds, options = WORDS[word]
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not holds(value):
        raise TlbenchError(f"augmentation '{name}': write {word}:{unit}, {demand}")
    return options(value)


def cropped(images: Tensor, corners: Tensor, padding: int, fill: Tensor) -> Tensor:
    """(B, C, H, W) windows of the padded images, each from its own corner.

    corners: (B, 2) row and column of the window in the padded image, on the CPU. fill: (C,) values of the padding.

    Raises:
        TlbenchError: the padding is as large as the image.
    """
    count, channels, height, width = images.shape
    if padding >= min(height, width):
        raise TlbenchError(f"augmentation 'crop:{padding}': the images are {height} x {width} pixels; crop less")
    around = (count, channels, height + 2 * padding, width + 2 * padding)
    padded = fill.view(1, -1, 1, 1).expand(around).clone()
    padded[:, :, padding:-padding, padding:-padding] = images
    rows, columns = (
        (corners[:, axis, None] + torch.arange(side)).to(images.device) for axis, side in enumerate((height, width))
    )
    tall = padded.gather(2, rows[:, None, :, None].expand(-1, channels, -1, around[3]))
    return tall.gather(3, columns[:, None, None, :].expand(-1, channels, height, -1))


def warped(images: Tensor, angles: Tensor, scales: Tensor, shifts: Tensor, fill: Tensor) -> Tensor:
    """(B, C, H, W) images, turned about their centre, scaled and shifted; bilinear.

    angles: (B,) degrees, anti-clockwise. scales: (B,) factors, above 1 enlarges. shifts: (B, 2) to the right and down,
    as shares of width and height. All three on the CPU. fill: (C,) values of what lies outside the image.
    """
    height, width = images.shape[2:]
    exact = torch.promote_types(images.dtype, torch.float32)
    matrices = _matrices(angles, scales, shifts, height / width).to(exact).to(images.device)
    outside = fill.to(exact).view(1, -1, 1, 1)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return (functional.grid_sample(images.to(exact) - outside, grid, align_corners=False) + outside).to(images.dtype)


def _matrices(angles: Tensor, scales: Tensor, shifts: Tensor, aspect: float) -> Tensor:
    """(B, 2, 3): where each point of the result comes from, in units of half the sides; aspect is height / width."""
    cos, sin = torch.cos(torch.deg2rad(angles)) / scales, torch.sin(torch.deg2rad(angles)) / scales
    turn = torch.stack([cos, -sin * aspect, sin / aspect, cos], 1).view(-1, 2, 2)
    return torch.cat([turn, turn @ (-2 * shifts).unsqueeze(2)], 2)
