"""Image files to items: which files there are in a folder or a table, how they are rendered, their decoded copy."""

from tlbench.readers.pictures.columns import Columns
from tlbench.readers.pictures.layout import list_folder
from tlbench.readers.pictures.listing import Listing
from tlbench.readers.pictures.picture_dataset import PictureDataset
from tlbench.readers.pictures.table import list_table

__all__ = ["Columns", "Listing", "PictureDataset", "list_folder", "list_table"]
