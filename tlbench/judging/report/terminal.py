"""The report for a terminal: what fits on it, worst first; all of it where that is asked for."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tlbench.judging.report import sentences, tables
from tlbench.judging.report.columns import fitted
from tlbench.judging.verdict import Judged, Verdict

WIDE = 100  # columns of a page where nobody looks
MOST = 40  # rows of a table that are shown unasked
SCREEN = 24  # lines of remarks that are
STYLES = {"negative": "bold red", "positive": "green", "unstable": "bold yellow", "invalid": "bold yellow"}
FAULTY = "bold red"


def terminal(judged: Judged, width: int = WIDE, *, every: bool = False) -> RenderableType:
    """Question, answer, controls, verdicts, remarks, in the order of the page; every: nothing is left out."""
    parts: list[RenderableType] = [Text(sentences.asked(judged.run))]
    parts += [Text(line, style="bold") for line in sentences.answer(judged)]
    parts += [_controls(tables.controls(judged), width), _verdicts(judged, width, every=every)]
    parts += _remarks(judged, width, every=every)
    if every:
        for one in tables.further(judged):
            columns, rows = fitted(one.columns, one.rows, width)
            parts.append(table(_titled(one), columns, [(row, "") for row in rows], most=None))
        parts += [Text(note) for note in sentences.all_notes(judged)]
    return Group(*parts)


def table(
    title: str, columns: Sequence[str], rows: Sequence[tuple[Sequence[str], str]], *, most: int | None = 200
) -> Table:
    """A table of text cells, of its first rows where there are many; each row comes with its style."""
    cut = f"the first {most} of {len(rows)} rows; all of them with --all, on the page and in --json"
    made = Table(
        *(escape(name) for name in columns),
        title=escape(title),
        title_justify="left",
        title_style="bold",
        caption=cut if most is not None and len(rows) > most else None,
        caption_justify="left",
        header_style="dim",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for cells, style in rows[:most]:
        made.add_row(*(escape(cell) for cell in cells), style=style)
    return made


def _controls(found: tables.Table, width: int) -> RenderableType:
    if not found.rows:
        return Text("No controls were run.")
    columns, rows = fitted(found.columns, found.rows, width, ("would see", "must"), lines=3)
    styles = (FAULTY if row[0] == tables.FAULT else "" for row in found.rows)
    return table(f"\n{found.title}", columns, list(zip(rows, styles, strict=True)), most=None)


def _verdicts(judged: Judged, width: int, *, every: bool) -> RenderableType:
    found, verdicts = tables.verdicts(judged), tables.shown(judged.verdicts)
    if not verdicts:
        return Text("No cells beside controls.")
    last = found.columns[-1]
    columns, rows = fitted(found.columns, found.rows, width, ("hurt", last, "scratch", "p (Holm)", "n"))
    styles = (_style(v) for v in verdicts)
    named = f"\n{judged.run.suite.name}: {found.title[0].lower()}{found.title[1:]}"
    return table(named, columns, list(zip(rows, styles, strict=True)), most=None if every else MOST)


def _style(v: Verdict) -> str:
    return STYLES.get(v.verdict, "")


def _remarks(judged: Judged, width: int, *, every: bool) -> list[RenderableType]:
    """The remarks, of which a screen holds so many."""
    lines = sentences.remarks(judged)
    most = min(len(lines), SCREEN + 1)
    while not every and most > 1 and sum(-(-len(line) // width) for line in lines) > SCREEN:
        most -= 1
        lines = sentences.remarks(judged, most=most)
    more = [] if every else ["Every remark, the tables beneath and notes: with --all, or on the page."]
    return [Text(""), *(Text(line) for line in [*lines, *more])]


def _titled(one: tables.Table) -> str:
    return f"\n{one.title}{f' ({one.note})' if one.note else ''}"
