"""Bottleneck features: the source's blocks as they are, a scikit-learn classifier on what they give."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tlbench.method import Materials, Method, Start

CLASSIFIERS = {
    "logistic": lambda seed: LogisticRegression(max_iter=2000, random_state=seed),
    "knn": lambda _seed: KNeighborsClassifier(5),
    "linear_svm": lambda seed: LinearSVC(random_state=seed, max_iter=20_000),
    "random_forest": lambda seed: RandomForestClassifier(200, random_state=seed),
}


class Fitted:
    """A fitted pipeline as a predictor."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.notes: tuple[str, ...] = ()

    def __call__(self, outputs: npt.NDArray[np.float32], /) -> npt.NDArray[np.int64]:
        """The predicted classes."""
        return np.asarray(self.pipeline.predict(outputs), dtype=np.int64)


@dataclass(frozen=True)
class Features(Method):
    """`features:CLASSIFIER` on standardised features: logistic regression, 5 neighbours, linear SVM or a forest."""

    classifier: Literal["logistic", "knn", "linear_svm", "random_forest"] = "logistic"

    def start(self, materials: Materials) -> Start:
        """The transferred network, nothing trained but the classifier."""
        return Start(materials.transferred(), readout=self._fit)

    def _fit(self, outputs: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], seed: int, /) -> Fitted:
        pipeline = make_pipeline(StandardScaler(), CLASSIFIERS[self.classifier](seed % 2**32))  # type: ignore[no-untyped-call]
        return Fitted(pipeline.fit(outputs, labels))
