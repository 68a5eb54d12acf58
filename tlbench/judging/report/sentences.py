"""What a report says, in words and rows: the same in the terminal, in markdown and on the page."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tlbench.judging.changes import p_text
from tlbench.judging.insights import insights, needed
from tlbench.judging.limits import limits
from tlbench.judging.report.flags import FLAGS, flag
from tlbench.judging.report.readings import CURVE_TITLE, READINGS, cost_text, readings_row, speedup_text
from tlbench.judging.report.tally import (
    CONTROLS,
    ControlRow,
    SourceRow,
    SourceTable,
    by_source,
    calibration,
    control_rows,
    counts,
    extreme,
)
from tlbench.judging.units import unit_of
from tlbench.judging.verdict import IMAGES, Judged, Starts, Verdict, cell_of, method_of, source_of, target_of, within
from tlbench.runfile import Run

__all__ = [
    "COLUMNS",
    "CONTROLS",
    "CURVE_TITLE",
    "FLAGS",
    "ORDER",
    "READINGS",
    "ControlRow",
    "SourceRow",
    "SourceTable",
    "all_notes",
    "answer",
    "asked",
    "by_source",
    "calibration",
    "columns",
    "control_rows",
    "cost_text",
    "flag",
    "gain_text",
    "headline",
    "made_with",
    "percent",
    "points",
    "readings_row",
    "remarks",
    "row",
    "seeds_text",
    "speedup_text",
    "with_interval",
    "worst_first",
]

ORDER = ("negative", "unstable", "invalid", "inconclusive", "neutral", "positive")
COLUMNS = ("verdict", "target", "source", "method", "gain [interval]", "n", "hurt", "p (Holm)", "scratch")
MOST_NAMED = 3  # names in a sentence of the answer, before the others are counted
MOST_STARTS = 3  # targets whose starts are named one by one in the answer


def columns(run: Run) -> tuple[str, ...]:
    """The titles over a cell's row; the last is the metric's."""
    return (*COLUMNS, run.suite.metric)


def worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Negative cells first, the most harmful at the top."""
    return sorted(verdicts, key=lambda v: (ORDER.index(v.verdict), v.gain if v.gain is not None else 0.0))


def points(value: float | None, metric: str = "accuracy") -> str:
    """A difference in the metric's unit, signed."""
    return unit_of(metric).signed(value)


def gain_text(verdict: Verdict) -> str:
    """The gain in the metric's unit with its interval."""
    return with_interval(verdict.gain, verdict.interval, verdict.metric)


def with_interval(value: float | None, low_high: Sequence[float] | None, metric: str = "accuracy") -> str:
    """A difference in the metric's unit with its interval."""
    return unit_of(metric).ranged(value, low_high)


def row(verdict: Verdict) -> tuple[str, ...]:
    """A cell's row under `columns`."""
    hurt = "-" if verdict.share_hurt is None else f"{verdict.share_hurt:.0%}"
    return (
        flag(verdict),
        target_of(verdict),
        source_of(verdict),
        method_of(verdict),
        gain_text(verdict),
        seeds_text(verdict),
        hurt,
        p_text(verdict.p_adjusted) if verdict.n_pairs > 1 else "-",
        percent(verdict.baseline_score, verdict.metric),
        percent(verdict.score, verdict.metric),
    )


def seeds_text(verdict: Verdict) -> str:
    """How many of the planned seeds are judged, and of scratch where it has seeds of its own."""
    if verdict.pairing == "welch":
        return f"{verdict.n_own}/{verdict.n_planned}, m {verdict.n_base}"
    return f"{verdict.n_pairs}/{verdict.n_planned}"


def percent(value: float | None, metric: str = "accuracy") -> str:
    """A score as it is told: in hundredths, or a loss as it is."""
    return unit_of(metric).plain(value)


def asked(run: Run) -> str:
    """What was asked, in a sentence."""
    cells = [cell for cell in run.cells if cell.role == "cell"]
    sources, targets, methods = (
        len({part.label for part in parts})
        for parts in ([c.source for c in cells], [c.target for c in cells], [c.method for c in cells])
    )
    suite, looks = run.suite, " or ".join(str(n) for n in run.looks)
    rates = len(suite.budget["learning_rates"])
    tuned = f"the best of {rates} learning rates each" if rates > 1 else "one learning rate"
    return (
        f"{_counted(len(cells), 'cell')}: {_counted(sources, 'source')} by {_counted(methods, 'method')} on "
        f"{_counted(targets, 'target')}, each against {suite.network['name']} from scratch "
        f"({_length(suite.budget)}, {tuned}) at {looks} seeds."
    )


def _length(budget: Mapping[str, Any]) -> str:
    """How long every arm is trained, as the suite says it."""
    said = next((f"{budget[unit]} {unit}" for unit in ("steps", "epochs") if unit in budget), "")
    return said or "as many steps as a pilot of it needs"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def headline(verdicts: Sequence[Verdict]) -> str:
    """How the cells came out, and the extremes among those that are flagged."""
    return " ".join([counted(verdicts), *extremes([v for v in verdicts if v.role == "cell"])])


def counted(verdicts: Sequence[Verdict]) -> str:
    """How the cells came out, each by its own word."""
    judged = [v for v in verdicts if v.role == "cell"]
    leaks = sum(v.leak == "invalid" for v in judged)
    missing = sum(v.provisional for v in verdicts)
    text = f"Unfinished: {missing} of {len(verdicts)} cells lack planned trials; run again. " if missing else ""
    text += f"Of {_counted(len(judged), 'cell')}, {counts(judged) or 'none is judged'}{_within(judged)}."
    if leaks:
        text += f" {leaks} invalid by a leak: test items were seen before."
    return text


def _within(verdicts: Sequence[Verdict]) -> str:
    """What all cells depend on."""
    budgets, draws = {within(v) for v in verdicts}, {v.draw for v in verdicts}
    budget = budgets.pop() if len(budgets) == 1 else ""
    images = f" {IMAGES}" if draws == {"all"} else ""
    return f", all{budget}{images}" if budget or images else ""


def extremes(judged: Sequence[Verdict]) -> list[str]:
    """The largest loss and the largest gain among flagged cells, and what their choice makes of them."""
    said = []
    for word, title, sign in (("negative", "Largest loss", -1), ("positive", "Largest gain", 1)):
        flagged = [v for v in judged if v.verdict == word]
        if flagged:
            most = max(flagged, key=lambda v: sign * (v.gain or 0.0))
            said.append(f"{title if len(judged) > 1 else word.capitalize()}: {extreme(most, judged)}.")
    return said


def answer(judged: Judged) -> list[str]:
    """The answer to the suite's question: what is shown, where to start from; first of all, what speaks against it."""
    largest = " ".join(extremes([v for v in judged.verdicts if v.role == "cell"]))
    lines = [counted(judged.verdicts), *([largest] if largest else [])]
    failed = [row for row in control_rows(judged.verdicts) if row.verdict == "NOT"]
    if failed:
        names = _first([f"{row.control} on {row.target} ({row.said})" for row in failed], "; ")
        lines.insert(0, f"Controls speak against this run: {names} did not come out as demanded.")
    return [*lines, *_starts(judged.starts)]


def _starts(starts: Sequence[Starts]) -> list[str]:
    """Where to start from: by target where there are few, else on how many of them scratch will do."""
    if len(starts) <= MOST_STARTS:
        return [start.sentence() for start in starts]
    told, silent = ([s for s in starts if bool(s.best) is known] for known in (True, False))
    worse = [s.told for s in told if s.scratch is False]
    text = f"On {sum(s.scratch is True for s in told)} of {len(starts)} targets scratch is among the arms to start from"
    text += f"; on {_first(worse)} it is significantly worse than the best" if worse else ""
    return [text + (f"; nothing can be said yet of {_first([s.told for s in silent])}." if silent else ".")]


def _first(names: Sequence[str], between: str = ", ") -> str:
    """The first few of many names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return between.join(names[:MOST_NAMED]) + more


@functools.lru_cache(maxsize=1)
def _kinds(judged: Judged) -> tuple[list[str], ...]:
    verdicts = judged.verdicts
    return (*insights(judged), needed(verdicts), limits(judged.run, verdicts))


def remarks(judged: Judged, *, most: int | None = None) -> list[str]:
    """What the run says beyond its cells, what is open, and what limits it; at most so many lines."""
    kinds = _kinds(judged)
    lines = [line for kind in kinds for line in kind]
    if most is None or len(lines) <= most:
        return lines
    return _shortened([kind for kind in kinds if kind], most)


def _shortened(kinds: Sequence[Sequence[str]], most: int) -> list[str]:
    """As many lines of every kind in turn as there is room for, and how many are left out."""
    room, held = most - 1, [0] * len(kinds)
    while room > 0:
        for i in range(len(kinds) - 1, -1, -1):
            if room > 0 and held[i] < len(kinds[i]):
                held[i], room = held[i] + 1, room - 1
    lines = [line for kind, n in zip(kinds, held, strict=True) for line in kind[:n]]
    return [*lines, f"{sum(map(len, kinds)) - len(lines)} further remarks are left out here."]


def all_notes(judged: Judged) -> list[str]:
    """What was done to the data, what was left out, and what befell single trials."""
    own = [f"{cell_of(v)}: {note}" for v in judged.verdicts for note in v.notes]
    return [*judged.run.notes, *judged.run.skipped, *own]


def made_with(run: Run) -> list[str]:
    """Device and versions, then commit and code."""
    where = run.environment
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items() if version)
    commit = f"Commit {where['commit']}{' (dirty)' if where['dirty'] else ''}, code {where['code']}."
    return [f"{where['device']}, {where['machine']['processor']}; {versions}", commit]
