"""A cell's verdict, as it is shown and exported."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tlbench.judging.verdict.variance import Split

FUTILE = 0.1  # chance of any verdict by the last look, below which a cell gets no more seeds


@dataclass(frozen=True)
class Verdict:
    """A cell's verdict with all that must be shown beside it; fields as in --json.

    Scores are on the metric's own scale, gains are better as they grow; a spec is what the user typed of a label's
    source, dataset or method. others: by label, the metrics that are shown beside the judged one (see `others_of`).

    pooled: flagged by the family's pooled variance, though its own interval contains 0; prior: degrees of freedom that
    pooling added. n_own, n_base: trials that are judged on either side; n_pairs: seeds that both have. protocol: the
    budget that is judged under. own_spread, base_spread, pair_spread: over seeds, of either side's scores and of
    paired gains; correlation: of both sides at equal seeds. draw: anew for each seed, or once; reuse: the pool's share
    in every draw. checkpoint: the source is one, and the verdict about it. at_edge: most trials took the smallest or
    the largest rate of their grid. left_out: trials that are not judged, and why. labelled: items used in all. run_on:
    the mean factor by which it was trained beyond the suite's budget. shrunken: the gain drawn towards its family's
    (empirical Bayes). split: what its scores vary with, where that was tried. sees: the smallest gain or loss that
    would have been flagged with power 0.8. parameters, milliseconds: of a prediction, an item.
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
    pooled: bool = False
    n_own: int = 0
    n_base: int = 0
    protocol: str = "equal_steps"
    pairing: str = "paired"
    correlation: float | None = None
    own_spread: float = 0.0
    base_spread: float = 0.0
    pair_spread: float = 0.0
    prior: float = 0.0
    draw: str = "seed"
    checkpoint: bool = False
    at_edge: bool = False
    baseline_at_edge: bool = False
    left_out: tuple[str, ...] = ()
    labelled: int = 0
    run_on: float | None = None
    baseline_run_on: float | None = None
    shrunken: float | None = None
    sees: float | None = None
    split: Split | None = None
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
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
