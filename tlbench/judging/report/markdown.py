"""The report as a markdown page."""

from collections.abc import Sequence

from tlbench.judging.figures import Drawing
from tlbench.judging.report import sentences
from tlbench.judging.verdict import Judged


def markdown(judged: Judged, figures: Sequence[Drawing] = ()) -> str:
    """The report as a markdown page; figures are linked from `figures/` beside it."""
    run, verdicts = judged.run, judged.verdicts
    lines = [f"# {plain(run.suite.name)}", "", plain(run.suite.description), "", plain(sentences.asked(run)), ""]
    lines += [f"- **{plain(start.sentence())}**" for start in judged.starts]
    lines += [f"- {plain(line)}" for line in sentences.by_source(verdicts)]
    lines += ["", f"**{plain(sentences.headline(verdicts))}**", "", "## Calibration", ""]
    lines += [f"- {plain(line)}" for line in sentences.calibration(verdicts)] or ["No controls were run."]
    for part, role in (("Verdicts, worst first", "cell"), ("Controls", "control")):
        chosen = sentences.worst_first(v for v in verdicts if v.role == role)
        if chosen:
            lines += ["", f"## {part}", "", *table(sentences.columns(run), [sentences.row(v) for v in chosen])]
    shown = [sentences.readings_row(v) for v in verdicts if v.role == "cell"]
    lines += ["", "## The three axes", "", plain(sentences.CURVE_TITLE), "", *table(sentences.READINGS, shown)]
    lines += ["", "## How to read this", "", *(f"- {plain(line)}" for line in sentences.remarks(judged))]
    lines += ["", "## Figures", ""]
    for figure in figures:
        caption = f"{figure.title}. {figure.caption}"
        lines += [
            f"![{figure.name}](figures/{figure.name}.svg)",
            "",
            f"{plain(caption)} ([CSV](figures/{figure.name}.csv))",
            "",
        ]
    lines += ["## Notes", "", *(f"- {plain(note)}" for note in sentences.all_notes(judged) or ["none"])]
    return "\n".join([*lines, "", "## Environment", "", *map(plain, sentences.made_with(run)), ""])


def plain(text: str) -> str:
    """Text that markdown and HTML leave as it is."""
    for mark in "\\`*_[]|":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines; cells are escaped."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return lines + ["| " + " | ".join(plain(cell) for cell in cells) + " |" for cells in rows]
