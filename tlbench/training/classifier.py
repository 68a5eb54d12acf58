"""A scikit-learn classifier as a predictor: its scores for every class, in the order of the target's classes."""

from typing import Any

import numpy as np
import numpy.typing as npt


class FittedClassifier:
    """A fitted classifier or pipeline of scikit-learn, for labels from 0; note: what was chosen."""

    def __init__(self, fitted: Any, n_classes: int, note: str) -> None:
        self._fitted, self._n_classes = fitted, n_classes
        self.notes: tuple[str, ...] = (note,)
        self.probabilities: bool = hasattr(fitted, "predict_proba")

    def __call__(self, outputs: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        """(n, C) decision values, or logarithms of probabilities; classes that were not seen get minus infinity."""
        if hasattr(self._fitted, "decision_function"):
            seen = self._fitted.decision_function(outputs)
            if seen.ndim == 1:  # of two classes only the second's is given
                seen = np.stack([0 * seen, seen], 1)
        else:
            with np.errstate(divide="ignore"):
                seen = np.log(self._fitted.predict_proba(outputs))
        scores = np.full((len(outputs), self._n_classes), -np.inf)
        scores[:, self._fitted.classes_] = seen
        return scores
