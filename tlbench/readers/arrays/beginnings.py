"""What a file that is no .npz really is, by its first bytes."""

from pathlib import Path

from tlbench.errors import TlbenchError

ARCHIVE = b"PK\x03\x04"
AGAIN = "np.savez(PATH, train_images=..., train_labels=...)"
PAGE = ("a web page, not the file behind it", "download the file itself")
TEXT = ("a message of a server, not the file", "download the file again")
KNOWN: tuple[tuple[bytes, tuple[str, str]], ...] = (
    (b"\x93NUMPY", ("a single array (.npy)", f"save images and labels in one file: {AGAIN}")),
    (b"PK\x05\x06", ("an archive without arrays", f"save them again: {AGAIN}")),
    (b"MATLAB", ("a MATLAB file", f"read it with scipy.io.loadmat (7.3: h5py) and save it with {AGAIN}")),
    (b"\x89HDF", ("an HDF5 file", f"read it with h5py and save it with {AGAIN}")),
    (b"version https://git-lfs", ("a git-lfs pointer, not the file", "fetch the file with `git lfs pull`")),
    (b"<!doctype html", PAGE),
    (b"<html", PAGE),
    (b"<?xml", TEXT),
    (b"{", TEXT),
    (b"\x1f\x8b", ("compressed by gzip", "unpack it first")),
    (
        b"\x80",
        ("a pickle, which is never unpickled: that could run code", f"load it yourself and save it with {AGAIN}"),
    ),
    (b"\x89PNG", ("a picture", "give folder:PATH for a folder of pictures")),
    (b"\xff\xd8\xff", ("a picture", "give folder:PATH for a folder of pictures")),
    (b"\x00\x00\x08", ("an IDX file of MNIST's kind", f"read it with torchvision and save it with {AGAIN}")),
)


def refuse_other_files(path: Path) -> None:
    """Passes what begins like an archive.

    Raises:
        TlbenchError: nothing is there, or the first bytes are those of something else.
    """
    if not path.is_file():
        raise TlbenchError(f"no file at {path}; give npz:PATH of an existing .npz file")
    with path.open("rb") as raw:
        begin = raw.read(128)
    if begin.startswith(ARCHIVE):
        return
    plain = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, (what, mend) in KNOWN:
        if begin.startswith(magic) or plain.lower().startswith(magic):
            raise TlbenchError(f"{path} is {what}; {mend}")
    what = f"no .npz file (it begins with {begin[:8]!r})" if begin.strip(b"\0") else "empty"
    raise TlbenchError(f"{path} is {what}; copy or save it again")
