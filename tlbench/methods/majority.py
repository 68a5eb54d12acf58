"""A control: always the class that is most frequent in the training draw."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tlbench.method import Materials, Method, Start


class Constant:
    """One class, whatever is seen."""

    def __init__(self, label: int, n_classes: int) -> None:
        self.label, self.n_classes = label, n_classes
        self.notes: tuple[str, ...] = ()

    def __call__(self, outputs: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        """One for the class, zero for the others, an item each."""
        return np.tile(np.eye(self.n_classes)[self.label], (len(outputs), 1))


@dataclass(frozen=True)
class Majority(Method):
    """Takes no source and learns nothing: what a baseline must beat to be worth comparing with."""

    needs_source: ClassVar[bool] = False

    def start(self, materials: Materials) -> Start:
        """The fresh network, which is not looked at."""

        def fit(_: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], _seed: int, /) -> Constant:
            return Constant(int(np.bincount(labels).argmax()), len(materials.classes))

        return Start(materials.fresh, readouts=(fit,))
