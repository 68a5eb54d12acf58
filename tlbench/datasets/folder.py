"""A user's own folder of images: PATH/<class>/*, or PATH/train/<class>/* with a test or validation folder."""

from dataclasses import KW_ONLY, dataclass

from tlbench.dataset import PatternGroup
from tlbench.readers import Listing, PictureDataset, list_folder


@dataclass(frozen=True)
class Folder(PictureDataset):
    """A folder of class folders, grey or colour, of any image size; splits are known by their usual names.

    group: what belongs together and is never split: a regular expression of the path, or a table {level = 1}.
    """

    _: KW_ONLY
    group: PatternGroup = None

    def listing(self) -> Listing:
        """The files by the names of their folders."""
        return list_folder(self.path, self.classes, self.group)
