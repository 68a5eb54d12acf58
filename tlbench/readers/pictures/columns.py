"""A table of text: how it is read, and which of its columns is which."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tlbench.errors import TlbenchError, one_line, some, unknown
from tlbench.readers.pictures.words import role

IMAGE = ("image", "file", "filename", "file_name", "filepath", "path", "image_path", "img")
LABEL = ("label", "class", "target", "category", "y")
SPLIT = ("split", "set", "subset", "fold")
SEPARATORS = ("\t", ";", ",")
OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Columns:
    """The names of the columns that count, as the user gives them; empty ones are found by their usual names."""

    image: str = ""
    label: str = ""
    split: str = ""
    group: str = ""


def read_table(path: Path) -> pd.DataFrame:
    """The table's cells as text, blanks around them taken off; its index are the rows' numbers in the file.

    Raises:
        TlbenchError: no such file, not UTF-8, no table, or rows with more cells than columns.
    """
    text, first_row = _text(path), 2
    if text.lower().startswith("sep="):  # as spreadsheets write it
        text, first_row = text.partition("\n")[2], 3
    header = text.partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    try:
        table = pd.read_csv(
            io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, skip_blank_lines=False, index_col=None
        ).fillna("")
    except (ValueError, pd.errors.ParserError) as error:
        raise TlbenchError(f"{path} is no table with a header ({one_line(error)})") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise TlbenchError(
            f"{path}: rows have more cells than the header has columns; quote cells that hold '{separator}'"
        )
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    table = table.apply(lambda column: column.str.strip())
    table.index = pd.Index(range(first_row, len(table) + first_row))
    filled: pd.DataFrame = table[(table != "").any(axis=1)]
    return filled


def _text(path: Path) -> str:
    if path.is_dir():
        raise TlbenchError(f"{path} is a folder, not a table; give folder:{path}")
    if not path.is_file():
        raise TlbenchError(f"no file at {path}; give csv:PATH of an existing table")
    held = path.read_bytes()
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = OTHER_ENCODINGS.get(held[:2], f"byte {error.start}")
        raise TlbenchError(f"{path} is not in UTF-8 ({found}); save it as UTF-8") from None


def find_columns(table: pd.DataFrame, given: Columns, where: Path) -> Columns:
    """The columns that count, each by the name it has in the table; no split column is an empty one.

    Raises:
        TlbenchError: a column is not there, or it cannot be told which of several it is.
    """
    for name in (given.image, given.label, given.split, given.group):
        if name and name not in table.columns:
            raise unknown(f"column of {where}", name, table.columns)
    return Columns(
        given.image or _usual(table, IMAGE, "image_column", where),
        given.label or _usual(table, LABEL, "label_column", where),
        given.split or _usual_split(table, where),
        given.group,
    )


def _named(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    return [name for name in table.columns if name.lower() in names]


def _usual(table: pd.DataFrame, names: Sequence[str], option: str, where: Path) -> str:
    found = _named(table, names)
    if len(found) != 1:
        what = f"{' or '.join(found)} may be it" if found else "none has a usual name"
        columns = ", ".join(table.columns)
        raise TlbenchError(f"{where}: {option} is not clear: {what}; name one of those in its first line ({columns})")
    return found[0]


def _usual_split(table: pd.DataFrame, where: Path) -> str:
    """The column by which rows are split, if its values say so."""
    found = [name for name in _named(table, SPLIT) if any(role(value) for value in table[name])]
    if len(found) > 1:
        raise TlbenchError(f"{where}: {' and '.join(found)} both hold splits; name one as split_column")
    return found[0] if found else ""


def unused_split_notes(table: pd.DataFrame, columns: Columns, where: Path) -> tuple[str, ...]:
    """What is said of a column that is called like a split and is none."""
    odd = [name for name in _named(table, SPLIT) if name not in (columns.split, columns.label, columns.image)]
    return tuple(
        f"{where}: column '{name}' was not taken as the split: its values are {some(sorted(set(table[name])), 3)}"
        for name in odd
    )
