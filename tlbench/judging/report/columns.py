"""Which columns of a table a terminal has room for, and how names are folded into them."""

from collections.abc import Sequence

from tlbench.judging.spoken import least_width, wrapped

NAMES = frozenset(
    {"control", "target", "source", "method", "probe", "beside it", "cell", "must"}
)  # columns that may be folded
GAP = 2  # characters between columns
LEAST, FLAG = 6, 18  # characters of a folded name, of a verdict's first line


def fitted(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, spare: Sequence[str] = (), lines: int = 2
) -> tuple[list[str], list[list[str]]]:
    """A table within a width: columns of `spare` are left out until names go into so many lines.

    A name breaks after its separators, and within a word only where nothing else helps.
    """
    kept = list(range(len(columns)))
    for name in spare:
        if sum(_least(columns, rows, kept, lines)) + GAP * len(kept) <= width:
            break
        kept = [i for i in kept if columns[i] != name]
    least = _least(columns, rows, kept)
    most = [_natural(columns, rows, i) for i in kept]
    names = [place for place, i in enumerate(kept) if columns[i] in NAMES]
    widths = _shared(least, most, width - GAP * len(kept), names)
    return [columns[i] for i in kept], [
        [_folded(columns[i], row[i], space) for i, space in zip(kept, widths, strict=True)] for row in rows
    ]


def _folded(column: str, text: str, space: int) -> str:
    return "\n".join(wrapped(text, space)) if column in NAMES or column == "verdict" else text


def _natural(columns: Sequence[str], rows: Sequence[Sequence[str]], i: int) -> int:
    longest = max(map(len, (columns[i], *(row[i] for row in rows))))
    return min(longest, FLAG) if columns[i] == "verdict" else longest


def _least(
    columns: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[int], lines: int | None = None
) -> list[int]:
    """The fewest characters that each column needs: all of a number; of a name to break after separators alone.

    lines: in so many.
    """
    return [
        max(len(columns[i]), *(least_width(text, lines) for text in {row[i] for row in rows}), LEAST)
        if columns[i] in NAMES and rows
        else _natural(columns, rows, i)
        for i in kept
    ]


def _shared(least: list[int], most: list[int], room: int, names: Sequence[int]) -> list[int]:
    """Widths between the least and the most of each column, what is left given to the names that miss most.

    Where there is not even room for the least, names are made narrower still.
    """
    widths = list(least)
    for _ in range(max(sum(widths) - room, 0)):
        widest = max(names, key=lambda i: widths[i], default=None)
        if widest is not None and widths[widest] > LEAST:
            widths[widest] -= 1
    for _ in range(max(room - sum(widths), 0)):
        missing = max(names, key=lambda i: most[i] - widths[i], default=None)
        if missing is not None and widths[missing] < most[missing]:
            widths[missing] += 1
    return widths
