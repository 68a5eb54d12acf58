"""Direct use: the source as it is, head included; its classes are translated to the target's, nothing is trained."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tlbench.errors import TlbenchError
from tlbench.method import Materials, Method, Start


class Translation:
    """Source class -> target class, -1 where the target has none."""

    def __init__(self, table: npt.NDArray[np.int64], n_classes: int, notes: tuple[str, ...]) -> None:
        self.table, self.n_classes, self.notes, self.probabilities = table, n_classes, notes, False

    def __call__(self, outputs: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        """The largest logit of the source classes that stand for each target class; none: minus infinity."""
        scores = np.full((len(outputs), self.n_classes), -np.inf)
        for place, target in enumerate(self.table):
            if target >= 0:
                scores[:, target] = np.maximum(scores[:, target], outputs[:, place])
        return scores


@dataclass(frozen=True)
class Direct(Method):
    """Classes are matched by name where every target class is one of the source's, and numbers are no names.

    Else each source class stands for the target class that it is predicted for most on the training draw; source
    classes that are never predicted there are left out.
    """

    needs_source_head: ClassVar[bool] = True

    def start(self, materials: Materials) -> Start:
        """The source's network.

        Raises:
            TlbenchError: the source has no head whose outputs mean anything.
        """
        weights, target = materials.weights, materials.classes
        if weights is None or weights.classes is None:
            raise TlbenchError("method 'direct' needs a source with a head; use 'features' or 'linear_probe'")
        known, named = weights.classes, weights.named and materials.named

        def fit(outputs: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], _seed: int, /) -> Translation:
            if named and set(target) <= set(known):
                table = np.array([target.index(name) if name in target else -1 for name in known])
                return Translation(table, len(target), ("classes matched by name",))
            counts = np.zeros((len(known), len(target)), dtype=np.int64)
            np.add.at(counts, (outputs.argmax(1), labels), 1)
            table = np.where(counts.any(1), counts.argmax(1), -1)
            said = ", ".join(f"{known[i]}>{target[t]}" for i, t in enumerate(table) if t >= 0)
            return Translation(table, len(target), (f"classes mapped by the training draw: {said}",))

        return Start(weights.network, readouts=(fit,), readout_of="logits")
