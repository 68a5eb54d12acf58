"""What a report says, in words and rows: the same in the terminal, in markdown and on the page."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tlbench.judging.changes import p_text
from tlbench.judging.insights import insights, limits, needs
from tlbench.judging.verdict import Judged, Verdict
from tlbench.runfile import Run

ORDER = ("negative", "unstable", "invalid", "inconclusive", "neutral", "positive")
FLAGS = {
    "negative": "!! NEGATIVE",
    "positive": "++ positive",
    "neutral": "== neutral",
    "inconclusive": "?  inconclusive",
}
LEAKS = {"invalid": ": leak", "allowed": " (leak allowed)"}
COLUMNS = ("verdict", "target", "source", "method", "gain [interval]", "n", "hurt", "p (Holm)", "scratch")


def columns(run: Run) -> tuple[str, ...]:
    """The titles over a cell's row; the last is the metric's."""
    return (*COLUMNS, run.suite.metric)


def worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Negative cells first, the most harmful at the top."""
    return sorted(verdicts, key=lambda v: (ORDER.index(v.verdict), v.gain if v.gain is not None else 0.0))


def flag(verdict: Verdict) -> str:
    """The verdict in a word that needs no colour."""
    word = FLAGS.get(verdict.verdict, f"!  {verdict.verdict}") + LEAKS.get(verdict.leak or "", "")
    return word + (" (confirmed)" if verdict.confirmed else "") + (" (provisional)" if verdict.provisional else "")


def points(value: float | None) -> str:
    """A difference in points, signed."""
    return "-" if value is None else f"{100 * value:+.1f}"


def gain_text(verdict: Verdict) -> str:
    """The gain in points with its interval."""
    return with_interval(verdict.gain, verdict.interval)


def with_interval(value: float | None, low_high: Sequence[float] | None) -> str:
    """A difference in points with its interval."""
    return points(value) + (f" [{points(low_high[0])}, {points(low_high[1])}]" if low_high else "")


def row(verdict: Verdict) -> tuple[str, ...]:
    """A cell's row under `columns`."""
    hurt = "-" if verdict.share_hurt is None else f"{verdict.share_hurt:.0%}"
    return (
        flag(verdict),
        verdict.target,
        verdict.source,
        verdict.method,
        gain_text(verdict),
        f"{verdict.n_pairs}/{verdict.n_planned}",
        hurt,
        p_text(verdict.p_adjusted) if verdict.n_pairs > 1 else "-",
        percent(verdict.baseline_score),
        percent(verdict.score),
    )


def percent(value: float | None) -> str:
    """A score in hundredths, as an accuracy is told."""
    return "-" if value is None else f"{100 * value:.1f}"


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
        f"{len(cells)} cells: {_counted(sources, 'source')} by {_counted(methods, 'method')} on "
        f"{_counted(targets, 'target')}, each paired with {suite.network['name']} from scratch "
        f"({_length(suite.budget)}, {tuned}) at {looks} seeds."
    )


def _length(budget: Mapping[str, Any]) -> str:
    """How long every arm is trained, as the suite says it."""
    said = next((f"{budget[unit]} {unit}" for unit in ("steps", "epochs") if unit in budget), "")
    return said or "as many steps as a pilot of it needs"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def by_source(verdicts: Iterable[Verdict]) -> list[str]:
    """The answer in a sentence a source: where it hurts most and helps most, as far as is shown."""
    sources: dict[str, list[Verdict]] = {}
    for v in verdicts:
        if v.role == "cell" and v.leak != "invalid":
            sources.setdefault(v.source, []).append(v)
    return [f"{source} {_answer(cells)}." for source, cells in sources.items()]


def _answer(cells: list[Verdict]) -> str:
    said = []
    for word, verb, sign in (("negative", "hurts", -1), ("positive", "helps", 1)):
        shown = sorted((v for v in cells if v.verdict == word), key=lambda v: -sign * (v.gain or 0.0))
        if shown:
            most, count = shown[0], f"{len(shown)} of {_counted(len(cells), 'cell')}"
            ends = sorted(abs(end) for end in most.interval or (0.0, 0.0))
            span = ", ".join(f"{100 * end:.1f}" for end in ends)
            size = f"by {100 * abs(most.gain or 0.0):.1f} points [{span}]"
            said.append(f"{verb} {size} ({most.method} on {most.target}; {count})")
    return " and ".join(said) if said else f"is shown neither to hurt nor to help ({_counted(len(cells), 'cell')})"


def headline(verdicts: list[Verdict]) -> str:
    """The answer in a sentence or two."""
    judged = [v for v in verdicts if v.role == "cell"]
    harm = [v for v in judged if v.verdict == "negative"]
    help_ = [v for v in judged if v.verdict == "positive"]
    leaks = sum(v.leak == "invalid" for v in judged)
    open_ = len(judged) - len(harm) - len(help_) - leaks
    missing = sum(v.provisional for v in verdicts)
    text = f"Unfinished: {missing} of {len(verdicts)} cells lack planned trials; run again. " if missing else ""
    text += f"Of {len(judged)} cells, {len(help_)} are positive, {len(harm)} negative, {open_} neither."
    if leaks:
        text += f" {leaks} are invalid: leak; their test items were seen before."
    if harm:
        worst = min(harm, key=lambda v: v.gain or 0.0)
        text += f" Worst: {worst.source} by {worst.method} on {worst.target}, {gain_text(worst)} points."
    if help_:
        best = max(help_, key=lambda v: v.gain or 0.0)
        text += f" Best: {best.source} by {best.method} on {best.target}, {gain_text(best)} points."
    return text


def calibration(verdicts: list[Verdict]) -> list[str]:
    """What each kind of control should have said, and what it said."""
    lines = []
    asked = {"unflagged": "must not be flagged", "negative": "must be negative", "any": "no demand"}
    for control in (v for v in verdicts if v.role == "control"):
        said = {True: "as it must", False: "NOT AS IT MUST", None: "shown"}[control.as_expected]
        demand = asked[control.expect or "any"]
        name = f"{control.source} by {control.method} on {control.target}"
        lines.append(f"{name}: {demand}; {control.verdict}, {gain_text(control)}: {said}")
    return lines


def _difference(curve: dict[str, Any] | None, name: str) -> str:
    return "n/a" if not curve else points(curve[name]["mean"])


def _never(curve: dict[str, Any]) -> str:
    """Which side does not arrive within the budget."""
    own, base = (curve[name].count(None) for name in ("steps_to_target", "baseline_steps_to_target"))
    return "scratch > budget" if base > own else "> budget"


def speedup_text(cost: dict[str, Any]) -> str:
    """How many times faster than scratch a timed arm is, with its interval."""
    ends = cost["speedup_interval"]
    return f"{cost['speedup']:.2f}x" + (f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else "")


def cost_text(cost: dict[str, Any]) -> str:
    """A cell's speed-up over scratch, with verdict and interval where it was timed."""
    if cost["estimated"]:
        return f"estimated {cost['speedup']:.2f}x" if "speedup" in cost else "-"
    return f"{FLAGS.get(cost['verdict'], cost['verdict'])} {speedup_text(cost)}"


def readings_row(v: Verdict) -> tuple[str, ...]:
    """A cell on the three axes, under `READINGS`."""
    curve, seconds = v.convergence, v.cost.get("seconds")
    speed = "n/a"
    if curve and "log2_speedup" in curve:
        ratio, n = curve["log2_speedup"], len(curve["steps_to_target"])
        censored = f" ({curve['censored_pairs']}/{n} censored)" if curve["censored_pairs"] else ""
        speed = (_never(curve) if ratio is None else f"{2**ratio:.2f}x") + censored
    return (
        v.target,
        v.source,
        v.method,
        f"{FLAGS.get(v.verdict, v.verdict)} {points(v.gain)}",
        "not applicable" if not curve else FLAGS.get(curve["verdict"], curve["verdict"]),
        "n/a" if not curve else with_interval(curve["area"]["mean"], curve["area"]["interval"]),
        *(_difference(curve, name) for name in ("jumpstart", "asymptote")),
        speed,
        cost_text(v.cost),
        "-" if seconds is None else f"{seconds:.2f}",
        "-" if seconds is None else f"{v.cost['baseline_seconds']:.2f}",
        ", ".join(f"{name} {value:.3g}" for name, value in v.similarity.items()) or "-",
    )


CURVE_TITLE = "the three axes: final accuracy, convergence (area under the curve), cost (judged where timed: --timing)"
READINGS = (
    "target",
    "source",
    "method",
    "final accuracy",
    "convergence",
    "area [interval]",
    "jumpstart",
    "asymptote",
    "steps",
    "cost",
    "seconds",
    "scratch s",
    "similarity",
)


@functools.lru_cache(maxsize=1)
def remarks(judged: Judged) -> list[str]:
    """What the run says beyond its cells, what is open, and what limits it."""
    verdicts = judged.verdicts
    return [*insights(verdicts), *needs(verdicts), *limits(judged.run, verdicts)]


def all_notes(judged: Judged) -> list[str]:
    """What was done to the data, what was left out, and what befell single trials."""
    own = [f"{v.target}/{v.source}/{v.method}: {note}" for v in judged.verdicts for note in v.notes]
    return [*judged.run.notes, *judged.run.skipped, *own]


def made_with(run: Run) -> list[str]:
    """Device and versions, then commit and code."""
    where = run.environment
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items() if version)
    commit = f"Commit {where['commit']}{' (dirty)' if where['dirty'] else ''}, code {where['code']}."
    return [f"{where['device']}, {where['machine']['processor']}; {versions}", commit]
