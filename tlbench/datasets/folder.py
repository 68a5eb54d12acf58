"""A user's own folder of images: PATH/<class>/*, or PATH/train/<class>/* with PATH/test (or val)."""

from dataclasses import dataclass, replace
from pathlib import Path

from tlbench.dataset import Dataset, Split, SplitName, cut
from tlbench.errors import TlbenchError
from tlbench.readers import class_folders, listing_digest, read_pictures
from tlbench.workspace import Storage


@dataclass(frozen=True)
class Folder(Dataset):
    """An ImageFolder, grey or colour, of any image size.

    Without a test (or val) folder, one stratified fifth is cut off as the test split, once, by `split_seed`.
    """

    path: Path
    image_size: int | None = None
    split_seed: int = 0

    def identity(self, storage: Storage) -> str:  # noqa: ARG002
        """A digest of the files' paths, sizes and times."""
        return listing_digest(self.path)

    def read(self, split_name: SplitName, storage: Storage) -> Split:
        """Images as (N, C, S, S) uint8.

        Raises:
            TlbenchError: no such folder, an empty class, more than one percent of unreadable files.
        """
        train, test = self._parts()
        names = tuple(class_folders(train))
        if test is not None and names != tuple(class_folders(test)):
            odd = sorted(set(names) ^ set(class_folders(test)))
            raise TlbenchError(f"{train} and {test.name} do not hold the same classes: {', '.join(odd[:5])}")
        here = test if split_name == "test" and test is not None else train
        size = self.image_size
        if here is not train and size is None:
            size = read_pictures(train, None, storage.cache).items.shape[-1]
        found = read_pictures(here, size, storage.cache)
        split = Split(found.items, found.labels, names, found.notes)
        if test is not None:
            return split
        note = f"{self.path}: no test folder; one stratified fifth was cut off as the test split"
        kept = split.only(cut(found.labels, split_name, self.split_seed))
        return replace(kept, notes=(*split.notes, note))

    def _parts(self) -> tuple[Path, Path | None]:
        if not self.path.is_dir():
            raise TlbenchError(f"no folder at {self.path}; give folder:PATH of an existing folder of images")
        if not (self.path / "train").is_dir():
            return self.path, None
        held_out = (self.path / name for name in ("test", "val", "valid"))
        return self.path / "train", next((folder for folder in held_out if folder.is_dir()), None)
