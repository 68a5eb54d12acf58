"""A report's tables and their order: the same in the terminal, in markdown and on the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.judging import insights
from tlbench.judging.changes import p_text
from tlbench.judging.report import sentences
from tlbench.judging.spoken import method_of, source_of, target_of
from tlbench.judging.verdict import Judged, Verdict

Row = tuple[str, ...]
DEMANDS = {"unflagged": "no flag", "negative": "negative", "any": "nothing"}
HELD = {True: "ok", False: "NOT AS IT MUST", None: "shown"}


FAULT = HELD[False]


@dataclass(frozen=True)
class Table:
    """A table: its anchor, title, columns and rows, and what is said of it."""

    name: str
    title: str
    columns: Row
    rows: list[Row]
    note: str = ""


def controls(judged: Judged) -> Table:
    """What each control should have said, what it said, and how large a fault would have been seen."""
    rows = [_control(v) for v in sentences.worst_first(judged.verdicts) if v.role == "control"]
    note = "smallest fault: the gain or loss that this many seeds would have flagged with power 0.8"
    columns = ("", "control", "target", "demanded", "said", "gain [interval]", "smallest fault")
    return Table("controls", "Controls: what must come out, and what did", columns, sorted(rows, key=_faults_first), note)


def _control(v: Verdict) -> Row:
    name = f"{source_of(v)} by {method_of(v)}"
    sees = "-" if v.sees is None else sentences.points(v.sees).lstrip("+")
    demanded = DEMANDS[v.expect or "any"]
    return (HELD[v.as_expected], name, target_of(v), demanded, v.verdict, sentences.gain_text(v), sees)


def _faults_first(row: Row) -> int:
    return [HELD[False], HELD[True], HELD[None]].index(row[0])


def verdict_columns(judged: Judged) -> Row:
    """The titles over a cell's row; the last is the metric's."""
    return (*sentences.COLUMNS, judged.run.suite.metric)


def verdict_row(v: Verdict) -> Row:
    """A cell's row under them."""
    hurt = "-" if v.share_hurt is None else f"{v.share_hurt:.0%}"
    return (
        sentences.flag(v),
        target_of(v),
        source_of(v),
        method_of(v),
        sentences.gain_text(v),
        f"{v.n_pairs}/{v.n_planned}",
        hurt,
        p_text(v.p_adjusted) if v.n_pairs > 1 else "-",
        sentences.percent(v.baseline_score),
        sentences.percent(v.score),
    )


def verdicts(judged: Judged) -> Table:
    """Every judged cell, worst first."""
    rows = [verdict_row(v) for v in shown(judged.verdicts)]
    return Table("verdicts", "Verdicts, worst first", verdict_columns(judged), rows)


def shown(found: Sequence[Verdict], *roles: str) -> list[Verdict]:
    """The cells that have a row of their own, worst first; what only stands beside another has none."""
    return sentences.worst_first(v for v in found if v.role in (roles or ("cell",)))


def further(judged: Judged) -> list[Table]:
    """What is folded: the other tables that have a row."""
    made = (by_source, readings, protocols, others, besides, undecided, similarity)
    return [table for make in made if (table := make(judged)).rows]


def by_source(judged: Judged) -> Table:
    """Each source and method over its targets."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for v in judged.verdicts:
        if v.role == "cell":
            groups.setdefault((source_of(v), method_of(v)), []).append(v)
    columns = ("source", "method", "cells", "negative", "positive", "neutral", "other", "typical gain")
    note = "typical gain: the median over its cells of the gain drawn towards its family's, in points"
    rows = [(*key, *_counts(cells)) for key, cells in groups.items()]
    return Table("by-source", "By source and method", columns, rows, note)


def _counts(cells: list[Verdict]) -> Row:
    words = [v.verdict for v in cells]
    told = [words.count(word) for word in ("negative", "positive", "neutral")]
    gains = sorted(v.shrunken for v in cells if v.shrunken is not None)
    typical = None if not gains else (gains[len(gains) // 2] + gains[(len(gains) - 1) // 2]) / 2
    return (*map(str, (len(cells), *told, len(cells) - sum(told))), sentences.points(typical))


def readings(judged: Judged) -> Table:
    """Each cell on the three axes."""
    cells = shown(judged.verdicts)
    rows = [(target_of(v), source_of(v), method_of(v), *sentences.readings_row(v)[3:-1]) for v in cells]
    note = "convergence: area under the curve; cost is judged where it was timed (--timing)"
    return Table("readings", "The three axes: final, convergence, cost", sentences.READINGS[:-1], rows, note)


def protocols(judged: Judged) -> Table:
    """Each cell under every budget that was run, where there are several."""
    cells = [v for v in shown(judged.verdicts) if len(v.by_protocol) > 1]
    names = list(dict.fromkeys(name for v in cells for name in v.by_protocol))
    rows = [(*_who(v), *(_brief(v.by_protocol.get(name)) for name in names)) for v in cells]
    columns = ("target", "source", "method", *(name.replace("_", " ") for name in names))
    return Table("protocols", "By budget", columns, rows, f"judged: {names[0].replace('_', ' ')}" if names else "")


def _who(v: Verdict) -> Row:
    return target_of(v), source_of(v), method_of(v)


def _brief(one: dict[str, object] | None) -> str:
    if one is None:
        return "-"
    gain, word = one["gain"], str(one["verdict"])
    return f"{sentences.FLAGS.get(word, word)} {sentences.points(gain if isinstance(gain, float) else None)}"


def others(judged: Judged) -> Table:
    """Each cell by the metrics that are shown beside the judged one."""
    cells = [v for v in shown(judged.verdicts) if v.others]
    names = list(dict.fromkeys(name for v in cells for name in v.others))
    rows = [(*_who(v), sentences.gain_text(v), *(_other(v, name) for name in names)) for v in cells]
    columns = ("target", "source", "method", judged.run.suite.metric, *names)
    return Table("others", "By other metrics: gain [interval]", columns, rows, "not judged, 95 % t intervals")


def _other(v: Verdict, name: str) -> str:
    one = v.others.get(name)
    return "-" if one is None else sentences.with_interval(one["gain"], one["interval"])


def besides(judged: Judged) -> Table:
    """The convex head beside each probe: what the features hold, whatever the probe's training made of them."""
    rows = [
        (target_of(b), source_of(b), method_of(v), sentences.gain_text(v), method_of(b), sentences.gain_text(b))
        for v in shown(judged.verdicts)
        for b in standing_beside(v, judged.verdicts)
    ]
    columns = ("target", "source", "probe", "gain [interval]", "beside it", "gain [interval]")
    return Table("besides", "The convex head beside each probe", columns, rows, "a family of its own; no verdict's part")


def standing_beside(v: Verdict, found: Sequence[Verdict]) -> list[Verdict]:
    """What is judged apart, to be read beside a probe: the same source and target."""
    if v.unfrozen != 0:
        return []
    return [b for b in found if b.role == "beside" and (b.target, b.source) == (v.target, v.source)]


def undecided(judged: Judged) -> Table:
    """For each undecided cell about how many seeds more would decide it."""
    rows = [
        (*_who(v), sentences.gain_text(v), _more(v))
        for v in shown(judged.verdicts)
        if v.verdict == "inconclusive" and v.n_pairs > 1
    ]
    columns = ("target", "source", "method", "gain [interval]", "further seeds")
    return Table("undecided", "Undecided, and about how many seeds more", columns, rows, "if the gain is as estimated")


def _more(v: Verdict) -> str:
    further = None if v.seeds_needed is None else max(0, v.seeds_needed - v.n_pairs)
    return f"more than {10 * v.n_pairs}" if further is None or further > 10 * v.n_pairs else f"about {further}"


def similarity(judged: Judged) -> Table:
    """Each source's similarities to each target."""
    cells = {(v.target, v.source): v for v in shown(judged.verdicts) if v.similarity}
    names = list(dict.fromkeys(name for v in cells.values() for name in v.similarity))
    rows = [
        (target_of(v), source_of(v), *(f"{v.similarity[n]:.3g}" if n in v.similarity else "-" for n in names))
        for v in cells.values()
    ]
    return Table("similarity", "Similarity of source and target", ("target", "source", *names), rows)


def answer(judged: Judged) -> list[str]:
    """The suite's question answered, in a few sentences."""
    return [sentences.headline(judged.verdicts), *(start.sentence() for start in judged.starts)]


def remarks(judged: Judged) -> list[str]:
    """What the run says beyond its tables, and what limits it."""
    cells = [v for v in judged.verdicts if v.leak != "invalid"]
    return [*insights.attribution(cells), *insights.limits(judged.run, judged.verdicts)]


def beside_figures(judged: Judged) -> dict[str, list[str]]:
    """What is said of what a figure shows, by the figure's name."""
    cells = [v for v in judged.verdicts if v.leak != "invalid"]
    return {
        "gain-by-similarity": insights.forecast(cells),
        "accuracy-by-k": insights.depth(cells),
        "gain-by-n_train": insights.crossover(cells),
    }
