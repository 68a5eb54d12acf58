"""From numbers to verdicts: `judge` is an array function; `verdicts` feeds it a run's records."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tlbench import stats
from tlbench.readings import convergence, cost, reach
from tlbench.records import Record, read_record, read_run, unpack_bits
from tlbench.stats import Floats

LEAST_PAIRS = 5  # below, nothing but inconclusive, unstable or invalid may be said
CONFIRM_PAIRS = 10
REUSED = 0.2  # share of the pool in every draw, above which a second, wider interval is given
Words: TypeAlias = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Evidence:
    """Per cell (..., C): pairs, mean gain, its standard deviation over seeds, skewness, test noise, freedom."""

    n: Floats
    mean: Floats
    spread: Floats
    skewness: Floats
    tau: Floats
    freedom: Floats


def evidence(accuracy: Floats, baseline: Floats, tau: Floats, *, welch: bool = False) -> Evidence:
    """From accuracies (..., C, n) of both sides, nan where a pair is left out; paired, or Welch's."""
    n, mean, spread, skewness = stats.moments(accuracy - baseline)
    freedom = n - 1
    if welch:
        _, _, first, _ = stats.moments(np.where(np.isnan(baseline), np.nan, accuracy))
        _, _, second, _ = stats.moments(np.where(np.isnan(accuracy), np.nan, baseline))
        spread, freedom = np.sqrt(first**2 + second**2), stats.welch_freedom(first, second, n)
    return Evidence(n, mean, spread, skewness, tau, freedom)


@dataclass(frozen=True)
class Judgement:
    """Per cell (..., C): the verdict in a word, whether a negative is confirmed, adjusted p-values, 95 % interval."""

    verdict: Words
    confirmed: npt.NDArray[np.bool_]
    p_harm: Floats
    p_benefit: Floats
    low: Floats
    high: Floats


def judge(seen: Evidence, alpha: float, margin: float, screened: Words | None = None) -> Judgement:
    """Verdicts of one family of cells (..., C), Holm over the last axis in each direction at alpha / 2.

    screened: "unstable" or "invalid" for cells that the screen took out, else "". They stay in the family with p = 1,
    as cells with too few pairs do.
    """
    error = stats.standard_error(seen.spread, seen.n, seen.tau, margin)
    out = (seen.n < LEAST_PAIRS) | (screened != "" if screened is not None else False)
    p_harm = stats.holm(np.where(out, 1.0, stats.p_below(seen.mean, error, seen.freedom)))
    p_benefit = stats.holm(np.where(out, 1.0, stats.p_below(-seen.mean, error, seen.freedom)))
    low, high = stats.interval(seen.mean, error, seen.freedom, 1 - 2 * alpha)
    negative = ~out & (p_harm <= alpha / 2) & (seen.mean <= -margin)
    positive = ~out & (p_benefit <= alpha / 2) & (seen.mean >= margin)
    neutral = ~out & ~negative & ~positive & (low > -margin) & (high < margin)
    word = np.select([negative, positive, neutral], ["negative", "positive", "neutral"], "inconclusive")
    if screened is not None:
        word = np.where(screened != "", screened, word)
    plain = stats.p_below(seen.mean, error, seen.freedom, -margin)
    skewed = stats.p_below_skewed(seen.mean, error, seen.skewness, seen.n, seen.freedom, -margin)
    many = ~out & (seen.n >= CONFIRM_PAIRS)
    confirmed = negative & (stats.holm(np.where(many, np.maximum(plain, skewed), 1.0)) <= alpha / 2)
    return Judgement(word, confirmed, p_harm, p_benefit, *stats.interval(seen.mean, error, seen.freedom, 1 - alpha))


@dataclass(frozen=True)
class Verdict:
    """A cell's verdict with all that must be shown beside it; accuracies and gains in [-1, 1], fields as in --json."""

    source: str
    target: str
    dataset: str
    n_train: int
    method: str
    role: str
    family: str
    verdict: str
    confirmed: bool
    provisional: bool
    gain: float | None
    interval: tuple[float, float] | None
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
    failed: int
    baseline_failed: int
    accuracy: float | None
    baseline_accuracy: float | None
    baseline: str
    expect: str | None
    as_expected: bool | None
    unfrozen: int | None
    source_accuracy: float | None
    similarity: dict[str, float]
    convergence: dict[str, Any] | None
    cost: dict[str, Any]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Side:
    """One arm's records by seed, with the seeds whose trial failed or collapsed."""

    records: dict[int, Record]
    failed: frozenset[int]

    def accuracies(self, seeds: list[int]) -> Floats:
        """Final accuracies of these seeds."""
        return np.array([self.records[seed].outcome["accuracy"] for seed in seeds], dtype=np.float64)

    def mean(self) -> float | None:
        """Mean accuracy over the seeds that did not fail."""
        good = [seed for seed in self.records if seed not in self.failed]
        return float(self.accuracies(good).mean()) if good else None

    def unstable(self) -> bool:
        """Two or more failures, or over a tenth of ten seeds or more."""
        n = len(self.records)
        return len(self.failed) >= 2 or (n >= 10 and len(self.failed) > 0.1 * n)


@dataclass(frozen=True)
class _Held:
    cell: dict[str, Any]
    own: Side
    base: Side
    scores: dict[int, Record]

    @property
    def pairs(self) -> list[int]:
        return sorted((set(self.own.records) - self.own.failed) & (set(self.base.records) - self.base.failed))

    def tau(self) -> float:
        rights = [
            np.array([unpack_bits(o["correct"], o["n_test"]) for o in (s.records[i].outcome for i in self.pairs)])
            for s in (self.own, self.base)
        ]
        return stats.item_noise(*rights) if len(self.pairs) > 1 else 0.0

    def invalid(self) -> bool:
        """A baseline at chance at every seed."""
        done = [record for record in self.base.records.values() if record.status == "done"]
        return bool(done) and all(_at_chance(record.outcome) for record in done)


def verdicts(folder: Path) -> tuple[dict[str, Any], list[Verdict]]:
    """A run's `run.json` and the verdict of each of its cells, judged by family.

    Raises:
        TlbenchError: the folder holds no run.
    """
    run = read_run(folder)
    held = _read_cells(folder, run)
    if not run.get("reach"):
        run["reach"] = {h.cell["baseline"]: reach(h.base.records) for h in held}
    families: dict[str, list[_Held]] = defaultdict(list)
    for one in held:
        families[one.cell["role"] + one.cell["family"]].append(one)
    judged = {id(one): verdict for group in families.values() for one, verdict in _judge_family(group, run)}
    return run, [judged[id(one)] for one in held]


def _read_cells(folder: Path, run: dict[str, Any]) -> list[_Held]:
    seeds = range(run["seeds"])

    def records(path: str) -> dict[int, Record]:
        found = {seed: read_record(folder / path / f"seed-{seed}.json") for seed in seeds}
        return {seed: record for seed, record in found.items() if record is not None}

    arms: dict[str, dict[int, Record]] = {}
    for cell in run["cells"]:
        for path in (cell["path"], cell["baseline"]):
            if path not in arms:
                arms[path] = records(path)
    best = _best_by_target(arms)
    sides = {path: Side(found, _failed(found, best[path.partition("/")[0]])) for path, found in arms.items()}
    scores = {c["path"]: records(f"{c['target']['label']}/{c['source']['label']}/similarity") for c in run["cells"]}
    return [_Held(c, sides[c["path"]], sides[c["baseline"]], scores[c["path"]]) for c in run["cells"]]


def _best_by_target(arms: dict[str, dict[int, Record]]) -> dict[str, float]:
    best: dict[str, float] = defaultdict(float)
    for path, found in arms.items():
        done = [record.outcome["accuracy"] for record in found.values() if record.status == "done"]
        target = path.partition("/")[0]
        best[target] = max(best[target], float(np.mean(done)) if done else 0.0)
    return best


def _at_chance(outcome: dict[str, Any]) -> bool:
    p, n = outcome["chance"], outcome["n_test"]
    return bool(outcome["accuracy"] <= p + 3 * np.sqrt(p * (1 - p) / n))


def _failed(found: dict[int, Record], best: float) -> frozenset[int]:
    """Seeds that diverged, and seeds that collapsed to chance while the arm's other seeds are well above it."""
    failed = {seed for seed, record in found.items() if record.status == "failed"}
    done = {seed: record.outcome for seed, record in found.items() if seed not in failed}
    for seed, outcome in done.items():
        others = [other["accuracy"] for i, other in done.items() if i != seed]
        lift = np.median(others) - outcome["chance"] if others else 0.0
        if _at_chance(outcome) and lift > (best - outcome["chance"]) / 2 > 0:
            failed.add(seed)
    return frozenset(failed)


def _judge_family(group: list[_Held], run: dict[str, Any]) -> list[tuple[_Held, Verdict]]:
    settings, n_seeds = run["verdict"], run["seeds"]
    sides = np.full((2, len(group), n_seeds), np.nan)
    for row, held in enumerate(group):
        for side, arm in enumerate((held.own, held.base)):
            sides[side, row, held.pairs] = arm.accuracies(held.pairs)
    tau = np.array([held.tau() for held in group])
    seen = evidence(sides[0], sides[1], tau, welch=settings["pairing"] == "welch")
    screened = np.array(
        ["invalid" if h.invalid() else "unstable" if h.own.unstable() or h.base.unstable() else "" for h in group]
    )
    found = judge(seen, settings["alpha"], settings["margin"], screened)
    return [(held, _verdict(held, seen, found, row, run)) for row, held in enumerate(group)]


def _verdict(held: _Held, seen: Evidence, found: Judgement, row: int, run: dict[str, Any]) -> Verdict:
    cell, pairs, settings = held.cell, held.pairs, run["verdict"]
    word, n = str(found.verdict[row]), len(pairs)
    gains = held.own.accuracies(pairs) - held.base.accuracies(pairs)
    hurt = int((gains < 0).sum())
    outcome: dict[str, Any] = next((r.outcome for r in held.own.records.values() if r.status == "done"), {})
    f = outcome.get("n_train", 0) / outcome.get("pool", 1)
    mean, spread, noise = (float(a[row]) for a in (seen.mean, seen.spread, seen.tau))
    needed = stats.seeds_needed(mean, spread, noise, settings["margin"], settings["alpha"], family=len(found.verdict))
    planned = set(range(run["seeds"]))
    notes = tuple(note for note in dict.fromkeys(n for r in held.own.records.values() for n in _notes(r)))
    return Verdict(
        source=cell["source"]["label"],
        target=cell["target"]["label"],
        dataset=cell["target"]["dataset"],
        n_train=cell["target"]["n_train"],
        method=cell["method"]["label"],
        role=cell["role"],
        family=cell["family"],
        verdict=word,
        confirmed=bool(found.confirmed[row]),
        provisional=not (planned <= set(held.own.records) and planned <= set(held.base.records)),
        gain=mean if n else None,
        interval=(float(found.low[row]), float(found.high[row])) if n > 1 else None,
        wide_interval=_wide(seen, row, settings, f) if n > 1 and f > REUSED else None,
        n_pairs=n,
        n_planned=run["seeds"],
        p_adjusted=float(min(found.p_harm[row], found.p_benefit[row])),
        p_harm=float(found.p_harm[row]),
        p_benefit=float(found.p_benefit[row]),
        share_hurt=hurt / n if n else None,
        share_hurt_interval=stats.wilson(hurt, n),
        spread=spread,
        tau=noise,
        skewness=float(seen.skewness[row]),
        reuse=f,
        certifiable=settings["margin"] >= 2 * noise,
        seeds_needed=needed if word == "inconclusive" and n > 1 else None,
        failed=len(held.own.failed),
        baseline_failed=len(held.base.failed),
        accuracy=held.own.mean(),
        baseline_accuracy=held.base.mean(),
        baseline=cell["baseline"],
        expect=cell["expect"],
        as_expected=_as_expected(word, cell["expect"]) if n >= LEAST_PAIRS else None,
        unfrozen=cell["method"]["unfrozen"],
        source_accuracy=outcome.get("source_accuracy"),
        similarity=_mean_scores(held.scores),
        convergence=convergence(held.own.records, held.base.records, pairs, run["reach"].get(cell["baseline"])),
        cost=cost(held.own.records, held.base.records, pairs),
        notes=notes,
    )


def _wide(seen: Evidence, row: int, settings: dict[str, Any], f: float) -> tuple[float, float]:
    error = stats.standard_error(seen.spread[row], seen.n[row], seen.tau[row], settings["margin"], f)
    low, high = stats.interval(seen.mean[row], error, seen.freedom[row], 1 - settings["alpha"])
    return float(low), float(high)


def _as_expected(word: str, expect: str | None) -> bool | None:
    """Whether a control came out as it must; None where nothing is demanded or nothing can be said yet."""
    if expect in (None, "any") or word in ("invalid", "unstable"):
        return None
    if expect == "unflagged":
        return word in ("neutral", "inconclusive")
    return word == "negative"


def _mean_scores(scores: dict[int, Record]) -> dict[str, float]:
    """Mean over seeds of each similarity that applies."""
    values: dict[str, list[float]] = defaultdict(list)
    for record in scores.values():
        for name, value in record.outcome.get("scores", {}).items():
            if value is not None:
                values[name].append(value)
    return {name: float(np.mean(found)) for name, found in values.items()}


def _notes(record: Record) -> list[str]:
    failure = record.outcome.get("failure")
    seed = record.recipe["seed"]
    return [f"seed {seed} failed: {failure}"] if failure else [str(note) for note in record.outcome.get("notes", [])]
