"""The report as a markdown page: the content and the order of the page."""

from collections.abc import Sequence

from tlbench.judging.figures import Drawing
from tlbench.judging.report import sentences, tables
from tlbench.judging.verdict import Judged


def markdown(judged: Judged, figures: Sequence[Drawing] = (), first: Drawing | None = None) -> str:
    """The report as a markdown page; figures are linked from `figures/` beside it, `first` at the top."""
    run = judged.run
    lines = [f"# {plain(run.suite.name)}", "", plain(run.suite.description), "", plain(sentences.asked(run)), ""]
    opening, *others = map(plain, sentences.answer(judged))
    lines += [line for sentence in (f"**{opening}**", *others) for line in (sentence, "")]
    lines += _drawn(first) if first else []
    lines += _section(tables.controls(judged), "No controls were run.") + _section(tables.verdicts(judged), "None.")
    lines += ["## What limits this, and what else the run says", "", *_listed(tables.remarks(judged))]
    for one in tables.further(judged):
        lines += _section(one)
    said = tables.beside_figures(judged)
    for figure in figures:
        if figure is not first:
            lines += [f"## {plain(figure.title)}", "", *_drawn(figure, said.get(figure.name))]
    lines += ["## Notes", "", *_listed(sentences.all_notes(judged))]
    return "\n".join([*lines, "## Environment", "", *map(plain, sentences.made_with(run)), ""])


def _section(one: tables.Table, empty: str = "") -> list[str]:
    note = [plain(one.note), ""] if one.note and one.rows else []
    return [f"## {plain(one.title)}", "", *note, *(table(one.columns, one.rows) if one.rows else [empty]), ""]


def _listed(lines: Sequence[str]) -> list[str]:
    return [*(f"- {plain(line)}" for line in lines or ["none"]), ""]


def _drawn(figure: Drawing, said: tables.Table | None = None) -> list[str]:
    caption = f"{figure.title}. {figure.caption}"
    linked = [
        f"![{figure.name}](figures/{figure.name}.svg)",
        "",
        f"{plain(caption)} ([CSV](figures/{figure.name}.csv))",
    ]
    return [*linked, "", *([*table(said.columns, said.rows), ""] if said else [])]


def plain(text: str) -> str:
    """Text that markdown and HTML leave as it is."""
    for mark in "\\`*_[]|":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines; cells are escaped."""
    lines = ["| " + " | ".join(map(plain, columns)) + " |", "|" + " --- |" * len(columns)]
    return lines + ["| " + " | ".join(plain(cell) for cell in cells) + " |" for cells in rows]
