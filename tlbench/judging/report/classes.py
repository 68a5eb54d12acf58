"""Which classes lose, as a cell of the page shows it and as JSON holds it."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from tlbench.judging.changes import p_text
from tlbench.judging.report import sentences
from tlbench.judging.verdict import CellRecords, ClassHarm, decided, harm_by_class
from tlbench.runfile import Run

ROWS = 12  # of the table


def harms_of(cell: CellRecords, run: Run) -> list[ClassHarm]:
    """Each class's gain, the worst first; none of a run that does not hold its test items' classes."""
    tested = run.tested.get(cell.plan.target.label)
    return harm_by_class(cell, tested) if tested else []


def as_plain(harms: Sequence[ClassHarm]) -> dict[str, Any]:
    """How many classes there are, and those of them that lose or win, so that many cells stay small."""
    told = [
        {
            "name": harm.name,
            "n_items": harm.n_items,
            "gain": round(harm.gain, 5),
            "interval": [round(end, 5) for end in harm.interval or ()],
            "p_adjusted": float(f"{harm.p_adjusted:.3g}"),
        }
        for harm in decided(harms)
    ]
    return {"of": len(harms), "decided": told}


def class_table(harms: Sequence[ClassHarm], *, brief: bool) -> Markup:
    """A sentence, and a row for each of the worst classes; brief: the sentence alone."""
    if not harms:
        return Markup("")
    said = Markup("<p>{}").format(sentence(harms))
    return said if brief else said + _rows(harms)


def sentence(harms: Sequence[ClassHarm]) -> str:
    """How many lose and win, and the largest loss as what it is: the extreme of so many."""
    words, n = [harm.word for harm in harms], len(harms)
    worst = harms[0]
    counted = f"By class: of {n}, {words.count('loses')} lose and {words.count('wins')} win (Holm over all {n})."
    if worst.gain >= 0:
        return f"{counted} None of them has a smaller share of right answers than with scratch."
    lost = sentences.with_interval(worst.gain, worst.interval)
    return f"{counted} Largest loss of {n} classes: {worst.name}, {lost}; expect somewhat less on repetition."


def _rows(harms: Sequence[ClassHarm]) -> Markup:
    head = _row("<th>", ("class", "test items", "gain [95 % interval of this class]", "p (Holm)", ""))
    shown = [_row("<td>", _cells(harm)) for harm in harms[:ROWS]]
    more = len(harms) - ROWS
    rest = Markup("<p>and {} classes with larger gains").format(more) if more > 0 else Markup("")
    return Markup("<table class=seeds>{}{}</table>{}").format(head, Markup("").join(shown), rest)


def _cells(harm: ClassHarm) -> tuple[str, ...]:
    gain = sentences.with_interval(harm.gain, harm.interval)
    return harm.name, str(harm.n_items), gain, p_text(harm.p_adjusted), harm.word


def _row(cell: str, texts: Sequence[str]) -> Markup:
    return Markup("<tr>") + Markup("").join(Markup(cell) + escape(text) for text in texts)  # noqa: S704
