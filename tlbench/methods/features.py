"""Bottleneck features: the source's blocks as they are, a scikit-learn classifier on what they give."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tlbench.method import Materials, Method, Start
from tlbench.training import FittedClassifier

CLASSIFIERS = {  # of a seed, the strength of the fit (1: the library's default) and the number of images
    "logistic": lambda seed, c, _n: LogisticRegression(C=c, max_iter=2000, random_state=seed),
    "knn": lambda _seed, c, n: KNeighborsClassifier(min(n, round(5 / c**0.5))),
    "linear_svm": lambda seed, c, _n: LinearSVC(C=c, random_state=seed, max_iter=20_000),
    "random_forest": lambda seed, c, _n: RandomForestClassifier(200, max_features=min(1.0, 0.3 * c), random_state=seed),
}
STRENGTHS = (1.0, 0.1, 0.3, 0.03, 3.0)  # a grid for the classifier, as learning rates are one for what is trained


@dataclass(frozen=True)
class Features(Method):
    """`features:CLASSIFIER` on standardised features: logistic regression, 5 neighbours, linear SVM or a forest."""

    classifier: Literal["logistic", "knn", "linear_svm", "random_forest"] = "logistic"

    def start(self, materials: Materials) -> Start:
        """The transferred network, nothing trained but the classifier."""
        n_classes = len(materials.classes)
        return Start(
            materials.transferred(), readouts=tuple(partial(self._fit, n_classes, strength) for strength in STRENGTHS)
        )

    def _fit(
        self,
        n_classes: int,
        strength: float,
        outputs: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int64],
        seed: int,
        /,
    ) -> FittedClassifier:
        pipeline = make_pipeline(StandardScaler(), CLASSIFIERS[self.classifier](seed % 2**32, strength, len(labels)))  # type: ignore[no-untyped-call]
        return FittedClassifier(pipeline.fit(outputs, labels), n_classes, f"classifier at strength {strength:g}")
