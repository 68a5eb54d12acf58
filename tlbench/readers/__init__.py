"""Files and archives to items: pictures, torchvision's sets, checkpoints."""

from tlbench.readers.checkpoints import prepared, published_weights, read_checkpoint, restored
from tlbench.readers.pictures import class_folders, listing_digest, read_pictures
from tlbench.readers.torchvision_sets import DIGITS, TorchvisionDataset, channels_first

__all__ = [
    "DIGITS",
    "TorchvisionDataset",
    "channels_first",
    "class_folders",
    "listing_digest",
    "prepared",
    "published_weights",
    "read_checkpoint",
    "read_pictures",
    "restored",
]
