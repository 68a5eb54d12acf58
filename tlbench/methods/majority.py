"""A control: always the class that is most frequent in the training draw."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tlbench.method import Materials, Method, Start


class Constant:
    """The shares of the classes, whatever is seen."""

    def __init__(self, counts: npt.NDArray[np.int64]) -> None:
        self.shares = np.maximum(counts, 0.5) / len(counts)  # half an item of a class that was not seen
        self.notes: tuple[str, ...] = ()
        self.probabilities = True

    def __call__(self, outputs: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        """The logarithm of each class's share, the same for every item."""
        return np.tile(np.log(self.shares), (len(outputs), 1))


@dataclass(frozen=True)
class Majority(Method):
    """Takes no source and learns nothing: what a baseline must beat to be worth comparing with."""

    needs_source: ClassVar[bool] = False

    def start(self, materials: Materials) -> Start:
        """The fresh network, which is not looked at."""

        def fit(_: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], _seed: int, /) -> Constant:
            return Constant(np.bincount(labels, minlength=len(materials.classes)))

        return Start(materials.fresh, readouts=(fit,))
