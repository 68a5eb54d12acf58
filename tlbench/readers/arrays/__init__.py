"""Arrays in one .npz file to a split: which they are, how they lie, what values and labels mean; all of it is said."""

from tlbench.readers.arrays.reading import read_arrays

__all__ = ["read_arrays"]
