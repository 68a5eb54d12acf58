"""The report for a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tlbench.judging.report import sentences
from tlbench.judging.verdict import Judged

WIDE = 130  # columns of a terminal that the whole table needs
MOST = 200  # rows of a table; nobody reads more of them there
STYLES = {"negative": "bold red", "positive": "green", "unstable": "bold yellow", "invalid": "bold yellow"}


def terminal(judged: Judged, *, narrow: bool = False) -> RenderableType:
    """The report for a terminal; narrow: only the columns that matter most."""
    verdicts, name = judged.verdicts, judged.run.suite.name
    parts: list[RenderableType] = [Text(sentences.asked(judged.run))]
    parts += [Text(start.sentence(), style="bold") for start in judged.starts]
    parts += [Text(line) for line in [*sentences.by_source(verdicts), *sentences.calibration(verdicts)]]
    parts.append(Text(sentences.headline(verdicts), style="bold"))
    for title, role in (("verdicts, worst first", "cell"), ("controls", "control")):
        chosen = sentences.worst_first(v for v in verdicts if v.role == role)
        if chosen:
            columns = sentences.columns(judged.run)[: 6 if narrow else None]
            rows = [(sentences.row(v)[: len(columns)], STYLES.get(v.verdict, "")) for v in chosen]
            parts.append(table(f"{name}: {title}", columns, rows))
    shown = [(sentences.readings_row(v), "") for v in verdicts if v.role == "cell"]
    if narrow:
        parts.append(Text("convergence, cost and similarity: on the page, or in a wider terminal"))
    else:
        parts.append(table(sentences.CURVE_TITLE, sentences.READINGS, shown))
    return Group(*parts, *(Text(line) for line in sentences.remarks(judged)))


def table(title: str, columns: Sequence[str], rows: Sequence[tuple[Sequence[str], str]]) -> Table:
    """A table of text cells, of its first rows where there are many; each row comes with its style."""
    left = f"the first {MOST} of {len(rows)} rows; all of them are on the page and in --json" if rows[MOST:] else None
    made = Table(
        *(escape(name) for name in columns),
        title=escape(title),
        title_justify="left",
        caption=left,
        caption_justify="left",
        header_style="bold",
        pad_edge=False,
    )
    for cells, style in rows[:MOST]:
        made.add_row(*(escape(cell) for cell in cells), style=style)
    return made
