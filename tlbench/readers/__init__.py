"""Files and archives to items: pictures, arrays, torchvision's sets, checkpoints."""

from tlbench.readers.arrays import read_arrays
from tlbench.readers.checkpoint import head_classes, match, published_weights, read_checkpoint
from tlbench.readers.pictures import class_folders, listing_digest, read_pictures
from tlbench.readers.torchvision_sets import DIGITS, TorchvisionDataset, channels_first

__all__ = [
    "DIGITS",
    "TorchvisionDataset",
    "channels_first",
    "class_folders",
    "head_classes",
    "listing_digest",
    "match",
    "published_weights",
    "read_arrays",
    "read_checkpoint",
    "read_pictures",
]
