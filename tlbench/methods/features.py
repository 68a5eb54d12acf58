"""Bottleneck features: the source's blocks as they are, a scikit-learn classifier on what they give."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tlbench.dataset import Labels
from tlbench.method import Materials, Method, Start

Outputs: TypeAlias = npt.NDArray[np.float32]
CLASSIFIERS = {  # of a seed, the strength of the fit (1: the library's default) and the number of images
    "logistic": lambda seed, c, _n: LogisticRegression(C=c, max_iter=2000, random_state=seed),
    "knn": lambda _seed, c, n: KNeighborsClassifier(min(n, round(5 / c**0.5))),
    "linear_svm": lambda seed, c, _n: LinearSVC(C=c, random_state=seed, max_iter=20_000),
    "random_forest": lambda seed, c, _n: RandomForestClassifier(200, max_features=min(1.0, 0.3 * c), random_state=seed),
}
STRENGTHS = (1.0, 0.1, 0.3, 0.03, 3.0)  # a grid for the classifier, as learning rates are one for what is trained


class FittedClassifier:
    """A fitted pipeline as a predictor."""

    def __init__(self, pipeline: Any, n_classes: int, strength: float) -> None:
        self.pipeline, self.n_classes = pipeline, n_classes
        self.notes: tuple[str, ...] = (f"classifier at strength {strength:g}",)

    def __call__(self, outputs: Outputs, /) -> npt.NDArray[np.float64]:
        """Decision values, or the logarithm of probabilities; classes that were not seen get minus infinity."""
        decide = getattr(self.pipeline, "decision_function", None)
        with np.errstate(divide="ignore"):
            own = decide(outputs) if decide else np.log(self.pipeline.predict_proba(outputs))
        own = np.stack([-own, own], 1) if own.ndim == 1 else own  # of two classes only the second's is given
        scores = np.full((len(outputs), self.n_classes), -np.inf)
        scores[:, self.pipeline.classes_] = own
        return scores


@dataclass(frozen=True)
class Features(Method):
    """`features:CLASSIFIER` on standardised features: logistic regression, 5 neighbours, linear SVM or a forest."""

    classifier: Literal["logistic", "knn", "linear_svm", "random_forest"] = "logistic"

    def start(self, materials: Materials) -> Start:
        """The transferred network, nothing trained but the classifier."""
        readouts = tuple(partial(self._fit, len(materials.classes), strength) for strength in STRENGTHS)
        return Start(materials.transferred(), readouts=readouts)

    def _fit(self, n_classes: int, strength: float, outputs: Outputs, labels: Labels, seed: int, /) -> FittedClassifier:
        pipeline = make_pipeline(StandardScaler(), CLASSIFIERS[self.classifier](seed % 2**32, strength, len(labels)))  # type: ignore[no-untyped-call]
        return FittedClassifier(pipeline.fit(outputs, labels), n_classes, strength)
