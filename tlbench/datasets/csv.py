"""A user's own table of images: a path and a label a row, in a .csv or .tsv file."""

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from tlbench.dataset import ColumnGroup
from tlbench.readers import Columns, Listing, PictureDataset, list_table


@dataclass(frozen=True)
class Csv(PictureDataset):
    """Images listed in a table with a header; its columns are known by their usual names, or named.

    root: where relative paths start, else the table's own folder. group: what belongs together and is never split: a
    column's name, or a table {pattern = "a regular expression of the path"}.
    """

    _: KW_ONLY
    root: Path | None = None
    image_column: str = ""
    label_column: str = ""
    split_column: str = ""
    group: ColumnGroup = None

    def listing(self) -> Listing:
        """The files by the rows of the table."""
        columns = Columns(self.image_column, self.label_column, self.split_column)
        return list_table(self.path, self.root, columns, self.classes, self.group)
