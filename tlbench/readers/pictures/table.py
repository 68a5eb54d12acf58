"""A table of image files: a path, a label and, where there are, a split and a group a row."""

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd

from tlbench.dataset import file_digest
from tlbench.errors import TlbenchError, some
from tlbench.partition import Group
from tlbench.readers.pictures.columns import Columns, find_columns, read_table, unused_split_notes
from tlbench.readers.pictures.listing import WHOLE, Item, Listing, alike, compare, same_form
from tlbench.readers.pictures.words import Role, role


def list_table(path: Path, root: Path | None, given: Columns, wanted: tuple[str, ...], group: Group | None) -> Listing:
    """The files of a table, split and labelled by its columns. Relative paths start at `root`, or where the table lies.

    Raises:
        TlbenchError: a table whose columns, labels, paths or splits cannot be read in one way only: with the row.
    """
    if group is not None and group.level:
        raise TlbenchError("group: the rows of a table have no level; give a column or a pattern")
    table = read_table(path)
    columns = find_columns(table, replace(given, group=group.column if group else ""), path)
    _refuse_empty(table, columns, path)
    base = path.parent if root is None else root
    rows = _Rows(path, base, table, columns, group)
    kept, repeated = rows.once()
    parts, origin, split_notes = _parts(table.loc[kept], columns, path)
    names = [sorted({rows.label(row) for row in part}, key=_order) for part in parts if part is not None]
    if len(names) == 2:
        compare(names[0], names[1], wanted, (f"the rows of {path} to train on", f"its {origin}"))
    classes = tuple(sorted({name for held in names for name in held}, key=_order))
    labels = {name: label for label, name in enumerate(classes)}
    train, test = (None if part is None else tuple(rows.item(row, labels) for row in part) for part in parts)
    rows.refuse_absent([*(train or ()), *(test or ())])
    again = f"{path}: {repeated} rows list a file again with the same label; each file was read once"
    notes = (
        *([again] if repeated else []),
        *alike(path, classes),
        *unused_split_notes(table, columns, path),
        *split_notes,
    )
    return Listing(base, classes, train or (), test, (path, path), origin, notes, file_digest(path))


def _order(name: str) -> tuple[int, str]:
    """Whole numbers in their order, before names."""
    return (int(name) if WHOLE.fullmatch(name) else -1, name)


def _refuse_empty(table: pd.DataFrame, columns: Columns, where: Path) -> None:
    if table.empty:
        raise TlbenchError(f"{where} has a header and no rows; a path and a label a row are needed")
    for name in filter(None, (columns.image, columns.label, columns.split, columns.group)):
        empty = table.index[table[name] == ""]
        if len(empty):
            more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
            raise TlbenchError(
                f"{where}: row {empty[0]}{more} has nothing in column '{name}'; fill it or remove the row"
            )


class _Rows:
    """The rows of a table by their numbers in the file."""

    def __init__(self, where: Path, base: Path, table: pd.DataFrame, columns: Columns, group: Group | None) -> None:
        self.where, self.base, self.group, self.columns = where, base, group, columns
        self._paths = dict(zip(table.index, map(self._place, table[columns.image]), strict=True))
        self._labels: dict[int, str] = dict(zip(table.index, map(same_form, table[columns.label]), strict=True))
        self._splits = dict(zip(table.index, table[columns.split], strict=True)) if columns.split else {}
        self._groups = dict(zip(table.index, table[columns.group], strict=True)) if columns.group else {}

    def _place(self, written: str) -> Path:
        """Where a file lies; one written with Windows' separators is found too."""
        place = self.base / Path(written).expanduser()
        if "\\" in written and not place.exists():
            place = self.base / written.replace("\\", "/")
        return place

    def label(self, row: int) -> str:
        return self._labels[row]

    def once(self) -> tuple[list[int], int]:
        """The first row of each file, and how many list one again.

        Raises:
            TlbenchError: a file has two labels, or is in two splits.
        """
        first: dict[str, int] = {}
        for row, path in self._paths.items():
            earlier = first.setdefault(os.path.normpath(path), row)
            for what, of in (("label", self._labels), ("split", self._splits), ("group", self._groups)):
                if of and of[earlier] != of[row]:
                    raise TlbenchError(
                        f"{self.where}: rows {earlier} and {row} give {path} the {what}s '{of[earlier]}' and "
                        f"'{of[row]}'; a file has one {what}"
                    )
        return list(first.values()), len(self._paths) - len(first)

    def item(self, row: int, labels: dict[str, int]) -> Item:
        """The file of a row."""
        path = self._paths[row]
        name = same_form(path.relative_to(self.base).as_posix() if path.is_relative_to(self.base) else path.as_posix())
        group = self._groups.get(row, "") or (self.group.of_path(name) if self.group else "")
        return Item(path, name, labels[self._labels[row]], group)

    def refuse_absent(self, items: list[Item]) -> None:
        """Raises where none of the files is there, with what is near."""
        if any(item.path.exists() for item in items):
            return
        first = items[0].path
        beside = sorted(first.parent.iterdir()) if first.parent.is_dir() else []
        near = [path for path in beside if first.name.casefold() in (path.name.casefold(), path.stem.casefold())]
        mend = f"there is {near[0].name}: write paths as the files are named" if near else "name their folder as root"
        raise TlbenchError(f"{self.where}: none of its {len(items)} files is there, first: {first}; {mend}")


Parts = tuple[list[int], list[int] | None]


def _parts(table: pd.DataFrame, columns: Columns, where: Path) -> tuple[Parts, str, tuple[str, ...]]:
    """The rows to train on and those to test on, how these came about, and what is said of it."""
    cut = f"{where}: no rows to test on; one stratified fifth was cut off as the test split"
    if not columns.split:
        return (list(table.index), None), "", (cut,)
    values = {str(value): role(value) for value in table[columns.split]}
    if odd := sorted(value for value, found in values.items() if found is None):
        raise TlbenchError(
            f"{where}: column '{columns.split}' holds {some(odd, 3)}; write train, test or val, or name another column"
        )
    rows = {kind: _of_role(table, columns.split, values, kind) for kind in ("train", "test", "validation")}
    train, test, validation = rows["train"], rows["test"], rows["validation"]
    if not train:
        raise TlbenchError(f"{where}: no row is to train on; column '{columns.split}' holds {some(sorted(values))}")
    if not (test or validation):
        return (train, None), "", (cut,)
    unused = f"{where}: {len(validation)} rows for validation were not used: there are rows to test on"
    notes = (unused,) if test and validation else ()
    words = " and ".join(value for value, found in values.items() if found == ("test" if test else "validation"))
    origin = f"rows of {columns.split} {words}" + ("" if test else " (there are none to test on)")
    return (train, test or validation), origin, notes


def _of_role(table: pd.DataFrame, column: str, values: dict[str, Role | None], kind: Role) -> list[int]:
    return list(table.index[[values[str(value)] == kind for value in table[column]]])
