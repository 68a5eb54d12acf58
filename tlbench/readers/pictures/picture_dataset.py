"""A dataset of image files: one way from a listing to splits, whatever says which files there are."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlbench.dataset import Dataset, Split, SplitName, cut
from tlbench.errors import TlbenchError, some
from tlbench.partition import CUT
from tlbench.readers.pictures.digests import file_digests, listing_digest
from tlbench.readers.pictures.kin import copies_note
from tlbench.readers.pictures.listing import Item, Listing
from tlbench.readers.pictures.reading import Part, read_part, read_rendering
from tlbench.workspace import Storage


@dataclass(frozen=True)
class PictureDataset(Dataset):
    """Images of any size and kind; without a test split, one stratified fifth is cut off once, by `split_seed`."""

    path: Path
    image_size: int | None = None
    split_seed: int = 0

    @abstractmethod
    def listing(self) -> Listing:
        """Which files there are, in which split and class."""

    def identity(self, storage: Storage) -> str:
        """A digest of the names and bytes of the files that are read."""
        return listing_digest(self.listing(), storage.cache)

    def read(self, split_name: SplitName, storage: Storage) -> Split:
        """Images as (N, C, S, S) uint8, both parts as the training part decides.

        Raises:
            TlbenchError: the listing is not understood, more than one percent of the files are unreadable, or most
                images are flat.
        """
        listing, cache = self.listing(), storage.cache
        digests = file_digests(listing.train, listing.root, cache)
        found = read_rendering(listing.train, digests, cache, listing.where[0])
        rendering = found.sized(self.image_size)
        if listing.test is not None and split_name == "test":
            digests = file_digests(listing.test, listing.root, cache)
            part = read_part(listing.test, digests, rendering, cache, listing.where[1])
            return self._split(listing, listing.test, part)
        part = read_part(listing.train, digests, rendering, cache, listing.where[0])
        split = self._split(listing, listing.train, replace(part, notes=(*found.notes, *part.notes)))
        return split if listing.test is not None else self._cut(split, split_name)

    def _split(self, listing: Listing, files: tuple[Item, ...], part: Part) -> Split:
        kept = [files[row] for row in part.kept]
        return Split(
            part.items,
            np.array([item.label for item in kept], dtype=np.int64),
            listing.classes,
            (*part.notes, *listing.notes, *listing.crossing()),
            origin=listing.origin,
            named=listing.named,
            groups=np.array([item.group for item in kept], dtype=np.str_) if listing.grouped else None,
            paths=np.array([item.name for item in kept], dtype=np.str_),
        )

    def _cut(self, split: Split, split_name: SplitName) -> Split:
        """One side of the cut; every class that is asked for must be on both."""
        counts = np.bincount(split.labels, minlength=len(split.classes))
        few = [name for name, count in zip(split.classes, counts, strict=True) if count == 1]
        if few := [name for name in few if not self.classes or name in self.classes]:
            held = f"class '{few[0]}' has 1 image" if len(few) == 1 else f"classes {some(few)} have 1 image each"
            raise TlbenchError(f"{self.path}: {held}; a test split needs at least 2 of each class")
        kept = split.only(cut(split.labels, split_name, self.split_seed, split.groups))
        copies = () if split.paths is None or split.groups is not None else copies_note(split.paths.tolist(), self.path)
        origin = f"{CUT} {self.split_seed}"
        return replace(kept, origin=origin, notes=(*kept.notes, *copies))
