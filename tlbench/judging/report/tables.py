"""A report's tables and their order: the same in the terminal, in markdown and on the page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tlbench.judging import insights
from tlbench.judging.limits import limits
from tlbench.judging.report import sentences
from tlbench.judging.units import unit_of
from tlbench.judging.verdict import LASTING, Judged, Verdict, method_of, source_of, target_of

Row = tuple[str, ...]
FAULT = "NOT"  # what a control says that did not come out as demanded
ORDER = (FAULT, "open", "ok", "shown")
WHO = ("target", "source", "method")


@dataclass(frozen=True)
class Table:
    """A table: its anchor, title, columns and rows, and what is said of it."""

    name: str
    title: str
    columns: Row
    rows: Sequence[Row]
    note: str = ""


def controls(judged: Judged) -> Table:
    """What each control should have said, what it said, and how large a fault would have been seen."""
    found = sorted(sentences.control_rows(judged.verdicts), key=lambda row: ORDER.index(row.verdict))
    rows = [
        (c.verdict, c.control, c.target, c.demanded.removeprefix("must "), c.said, c.gain, c.sees.partition(" ")[0])
        for c in found
    ]
    columns = ("", "control", "target", "must", "said", "gain [interval]", "would see")
    unit = unit_of(judged.run.suite.metric).name
    note = f"would see: the smallest gain or loss, in {unit}, that these seeds would have flagged with power 0.8"
    return Table("controls", "Controls: what must come out, and what did", columns, rows, note)


def verdicts(judged: Judged) -> Table:
    """Every judged cell, worst first."""
    rows = [sentences.row(v) for v in shown(judged.verdicts)]
    return Table("verdicts", "Verdicts, worst first", sentences.columns(judged.run), rows)


def shown(found: Iterable[Verdict], role: str = "cell") -> list[Verdict]:
    """The cells that have a row of their own, worst first; what only stands beside another has none."""
    return sentences.worst_first(v for v in found if v.role == role)


def further(judged: Judged) -> list[Table]:
    """What is folded: the other tables that have a row."""
    made = (by_source, undecided, protocols, readings, others, besides, similarity)
    return [table for make in made if (table := make(judged)).rows]


def by_source(judged: Judged) -> Table:
    """Each source and method over its targets."""
    found = sentences.by_source(judged.verdicts)
    return Table("by-source", "By source and method", found.columns, [row.texts() for row in found.rows])


def undecided(judged: Judged) -> Table:
    """For each undecided cell about how many seeds more would decide it."""
    rows = [(need.cell, need.seeds) for need in insights.needs(judged.verdicts)]
    return Table("undecided", "Undecided: how many seeds more", ("cell", *insights.NEEDS[1:]), rows)


def protocols(judged: Judged) -> Table:
    """Each cell under every budget that was run, where there are several."""
    cells = [v for v in shown(judged.verdicts) if len(v.by_protocol) > 1]
    names = list(dict.fromkeys(name for v in cells for name in v.by_protocol))
    rows = [(*_who(v), *(_brief(v, name) for name in names)) for v in cells]
    note = f"judged: {LASTING[names[0]]}" if names else ""
    return Table("protocols", "By budget", (*WHO, *(LASTING[name] for name in names)), rows, note)


def _who(v: Verdict) -> Row:
    return target_of(v), source_of(v), method_of(v)


def _brief(v: Verdict, protocol: str) -> str:
    one = v.by_protocol.get(protocol)
    if one is None:
        return "-"
    return f"{sentences.FLAGS.get(one['verdict'], one['verdict'])} {sentences.points(one['gain'], v.metric)}"


def readings(judged: Judged) -> Table:
    """Each cell on the three axes."""
    rows = [sentences.readings_row(v)[:-1] for v in shown(judged.verdicts)]
    note = "convergence: area under the curve; cost is judged where it was timed (--timing)"
    return Table("readings", "The three axes: final, convergence, cost", sentences.READINGS[:-1], rows, note)


def others(judged: Judged) -> Table:
    """Each cell by the metrics that are shown beside the judged one."""
    cells = [v for v in shown(judged.verdicts) if v.others]
    names = list(dict.fromkeys(name for v in cells for name in v.others))
    rows = [(*_who(v), sentences.gain_text(v), *(_other(v, name) for name in names)) for v in cells]
    columns = (*WHO, judged.run.suite.metric, *names)
    return Table("others", "By other metrics: gain [interval]", columns, rows, "not judged; 95 % t intervals")


def _other(v: Verdict, name: str) -> str:
    one = v.others.get(name)
    return "-" if one is None else unit_of(name).ranged(one["gain"], one["interval"])


def besides(judged: Judged) -> Table:
    """The convex head beside each probe: what its features hold, and what its scores vary with."""
    rows = [
        (*_who(probe), sentences.gain_text(probe), method_of(head), sentences.gain_text(head), *_spreads(head))
        for probe, head in insights.heads(judged.verdicts)
    ]
    columns = ("target", "source", "probe", "gain [interval]", "beside it", "its gain [interval]", *SPREADS)
    note = "a family of its own, in no verdict; spreads over seeds, each known to a factor of about two"
    return Table("besides", "The convex head beside each probe, and what it varies with", columns, rows, note)


SPREADS = ("source draw", "data draw", "rest", "test items")


def _spreads(head: Verdict) -> tuple[str, ...]:
    """Standard deviations of a convex head's score by what they come from."""
    unit, split = unit_of(head.metric), head.split
    drawn = ("-", "-", "-") if split is None else tuple(map(unit.plain, (split.source, split.data, split.rest)))
    return (*drawn, unit.plain(head.tau))


def similarity(judged: Judged) -> Table:
    """Each source's similarities to each target."""
    cells = {(v.target, v.source): v for v in shown(judged.verdicts) if v.similarity}
    names = list(dict.fromkeys(name for v in cells.values() for name in v.similarity))
    rows = [
        (target_of(v), source_of(v), *(f"{v.similarity[n]:.3g}" if n in v.similarity else "-" for n in names))
        for v in cells.values()
    ]
    return Table("similarity", "Similarity of source and target", ("target", "source", *names), rows)


def remarks(judged: Judged) -> list[str]:
    """What the run says beyond its tables, and what limits it."""
    found = judged.verdicts
    return [*insights.attribution(judged), *insights.needed(found), *limits(judged.run, found)]


def beside_figures(judged: Judged) -> dict[str, Table]:
    """What is said of what a figure shows, by the figure's name."""
    told: dict[str, tuple[Row, Sequence[Row]]] = {
        "gain-by-similarity": (insights.FORECASTS, insights.forecast_rows(judged.verdicts)),
        "accuracy-by-k": (insights.DEPTHS, insights.depth_rows(judged)),
        "gain-by-n_train": (insights.SIZES, insights.size_rows(judged)),
    }
    return {name: Table(name, "", columns, rows) for name, (columns, rows) in told.items() if rows}
