"""Characters rendered from the fonts that matplotlib ships: several alphabets, several styles, deterministic."""

from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from tlbench.dataset import Dataset, Split, SplitName
from tlbench.workspace import Storage

ALPHABETS = {
    "digits": "0123456789",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "lower": "abcdefghijklmnopqrstuvwxyz",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "cyrillic": "бвгджзийлмнптфцчшщъыьэюя",
}
STYLES = {
    "sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    "serif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol"),
    "mono": ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique"),
}
FONTS, CANVAS = f"{mpl.get_data_path()}/fonts/ttf", 48  # pixels a side, before the image is scaled down


@dataclass(frozen=True)
class Glyphs(Dataset):
    """Characters of one alphabet in the fonts of one style, turned, scaled, moved and blurred at random.

    100 images a class to train on and 40 to test on, `size` x `size` grey, light on dark.
    """

    alphabet: Literal["digits", "upper", "lower", "greek", "cyrillic"] = "digits"
    style: Literal["all", "sans", "serif", "mono"] = "all"
    size: int = 12

    def read(self, split_name: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """Images as (N, 1, size, size) uint8."""
        names = [font for style in STYLES if self.style in ("all", style) for font in STYLES[style]]
        fonts = [ImageFont.truetype(f"{FONTS}/{name}.ttf", 42) for name in names]
        characters = ALPHABETS[self.alphabet]
        generator = np.random.default_rng([17, *self.alphabet.encode(), split_name == "test"])
        labels = np.repeat(np.arange(len(characters), dtype=np.int64), 100 if split_name == "train" else 40)
        images = [self._render(characters[c], fonts[i % len(fonts)], generator) for i, c in enumerate(labels)]
        return Split(np.stack(images)[:, None], labels, tuple(characters))

    def _render(self, letter: str, font: ImageFont.FreeTypeFont, random: np.random.Generator) -> npt.NDArray[np.uint8]:
        canvas = Image.new("L", (CANVAS, CANVAS))
        ImageDraw.Draw(canvas).text((CANVAS / 2, CANVAS / 2), letter, fill=255, font=font, anchor="mm")
        angle, scale = np.deg2rad(random.uniform(-15, 15)), random.uniform(0.8, 1.1)
        move, row = random.uniform(-4, 4, 2) + CANVAS / 2, np.array([np.cos(angle), -np.sin(angle)]) / scale
        column = np.array([-row[1], row[0]])
        matrix = (row[0], row[1], CANVAS / 2 - row @ move, column[0], column[1], CANVAS / 2 - column @ move)
        turned = canvas.transform(canvas.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        small = np.asarray(turned.resize((self.size, self.size), Image.Resampling.BOX), dtype=np.float64)
        noisy = small * random.uniform(0.7, 1) + 12 * random.standard_normal(small.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)
