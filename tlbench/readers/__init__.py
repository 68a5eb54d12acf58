"""Files and archives to items: pictures, arrays, torchvision's sets, checkpoints."""

from tlbench.readers.arrays import read_arrays
from tlbench.readers.checkpoints import prepared, published_weights, read_checkpoint, restored
from tlbench.readers.flatness import flat_notes, flat_rows
from tlbench.readers.pictures import Columns, Listing, PictureDataset, list_folder, list_table
from tlbench.readers.torchvision_sets import DIGITS, TorchvisionDataset, channels_first

__all__ = [
    "DIGITS",
    "Columns",
    "Listing",
    "PictureDataset",
    "TorchvisionDataset",
    "channels_first",
    "flat_notes",
    "flat_rows",
    "list_folder",
    "list_table",
    "prepared",
    "published_weights",
    "read_arrays",
    "read_checkpoint",
    "restored",
]
