"""Arrays in one .npz file: train_images, train_labels, test_images, test_labels, or x_train, y_train, ..."""

from dataclasses import dataclass
from pathlib import Path

from tlbench.dataset import Dataset, Split, SplitName, file_digest
from tlbench.partition import Group
from tlbench.readers import read_arrays
from tlbench.workspace import Storage


@dataclass(frozen=True)
class Npz(Dataset):
    """Grey or colour images of any type and one label each, named as in MedMNIST, Keras or alike; never unpickled.

    Without test (or val) arrays, one stratified fifth is cut off as the test split, once, by `split_seed`. `group`
    names the array (`train_patient` and `test_patient` by "patient") of what belongs together.
    """

    path: Path
    split_seed: int = 0
    group: Group | None = None

    def identity(self, storage: Storage) -> str:  # noqa: ARG002
        """A digest of the file's bytes."""
        return file_digest(self.path)

    def read(self, split_name: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """Images as (N, C, H, W) uint8; the notes say what was found and what was done to it.

        Raises:
            TlbenchError: no such file, another kind of file, or arrays that mean no or more than one thing.
        """
        return read_arrays(self.path, split_name, self.split_seed, self.group)
