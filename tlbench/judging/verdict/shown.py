"""A cell's verdict, as it is shown and exported."""

from dataclasses import asdict, dataclass
from typing import Any

FUTILE = 0.1  # chance of any verdict by the last look, below which a cell gets no more seeds


@dataclass(frozen=True)
class Verdict:
    """A cell's verdict with all that must be shown beside it; fields as in --json.

    Scores are on the metric's own scale, gains are better as they grow; a spec is what the user typed of a label's
    source, dataset or method. parameters, milliseconds: of a prediction, an item.
    """

    source: str
    source_spec: Any
    target: str
    dataset: str
    dataset_spec: Any
    n_train: int
    method: str
    method_spec: Any
    metric: str
    role: str
    family: str
    verdict: str
    confirmed: bool
    provisional: bool
    gain: float | None
    interval: tuple[float, float] | None
    interval_level: float
    wide_interval: tuple[float, float] | None
    n_pairs: int
    n_planned: int
    p_adjusted: float
    p_harm: float
    p_benefit: float
    share_hurt: float | None
    share_hurt_interval: tuple[float, float]
    spread: float
    tau: float
    skewness: float
    reuse: float
    certifiable: bool
    seeds_needed: int | None
    chance_left: float
    failed: int
    baseline_failed: int
    score: float | None
    baseline_score: float | None
    baseline: str
    expect: str | None
    as_expected: bool | None
    unfrozen: int | None
    source_accuracy: float | None
    similarity: dict[str, float]
    convergence: dict[str, Any] | None
    cost: dict[str, Any]
    by_protocol: dict[str, dict[str, Any]]
    notes: tuple[str, ...]
    leak: str | None = None
    parameters: int | None = None
    milliseconds: float | None = None
    baseline_parameters: int | None = None
    baseline_milliseconds: float | None = None

    def may_be_decided(self) -> bool:
        """Whether more seeds are worth their time: not decided yet, and not hopeless by the last look."""
        return self.verdict in ("inconclusive", "unstable") and self.chance_left >= FUTILE

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
