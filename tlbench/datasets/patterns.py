"""A generated family with a similarity dial: noisy patterns whose class prototypes are shared to a known degree."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tlbench.dataset import Dataset, Split, SplitName
from tlbench.errors import TlbenchError
from tlbench.workspace import Storage


@dataclass(frozen=True)
class Patterns(Dataset):
    """Each class is a smooth random pattern, shifted, scaled in contrast and drowned in noise.

    similarity: the correlation, -1 to 1, of each class's prototype with that of the family's reference
    (`patterns:1`): 1 is the reference itself, 0 unrelated, -1 its negative image. variant: which unrelated split_name.
    """

    similarity: float = 1.0
    variant: int = 0
    n_classes: int = 8
    size: int = 12
    noise: float = 1.5

    def __post_init__(self) -> None:
        """Checks the dial."""
        super().__post_init__()
        if not -1 <= self.similarity <= 1:
            raise TlbenchError(f"dataset 'patterns': similarity {self.similarity} is not within -1..1")
        if self.n_classes < 2 or self.size < 4 or self.variant < 0:
            raise TlbenchError("dataset 'patterns': at least 2 n_classes, size 4 and variant 0 are needed")

    def read(self, split_name: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """Images as (N, 1, size, size) uint8: 200 a class to train on, 100 a class to test on."""
        prototypes, testing = self._prototypes(), split_name == "test"
        generator = np.random.default_rng([7, self.variant, testing, round(1000 * self.similarity) % 2**32])
        labels = np.repeat(np.arange(self.n_classes, dtype=np.int64), 200 if split_name == "train" else 100)
        shifts = generator.integers(-1, 2, (len(labels), 2))
        images = np.stack([np.roll(prototypes[c], s, (0, 1)) for c, s in zip(labels, shifts, strict=True)])
        images *= generator.uniform(0.5, 1.5, (len(labels), 1, 1))
        images += self.noise * generator.standard_normal(images.shape)
        grey = np.clip(128 + 32 * images, 0, 255).astype(np.uint8)
        return Split(grey[:, None], labels, tuple(f"pattern{i}" for i in range(self.n_classes)))

    def _prototypes(self) -> npt.NDArray[np.float64]:
        shared, other = self._smooth(0), self._smooth(self.variant + 1)
        own = _standard(other - (other * shared).mean((1, 2), keepdims=True) * shared)  # exactly uncorrelated
        return np.asarray(self.similarity * shared + np.sqrt(1 - self.similarity**2) * own)

    def _smooth(self, stream: int) -> npt.NDArray[np.float64]:
        noise = np.random.default_rng([11, stream]).standard_normal((self.n_classes, self.size, self.size))
        return _standard(ndimage.gaussian_filter(noise, (0, 1.2, 1.2), mode="wrap"))


def _standard(images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    flat = images - images.mean((1, 2), keepdims=True)
    return np.asarray(flat / flat.std((1, 2), keepdims=True))
