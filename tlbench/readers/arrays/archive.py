"""An archive of arrays: their headers at once, their values when asked for; nothing is ever unpickled."""

import lzma
import os
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from tlbench.errors import TlbenchError
from tlbench.readers.arrays.beginnings import refuse_other_files

DAMAGED = (  # what reading an archive that was cut or overwritten raises
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError),
    *(OSError, ValueError, TypeError, EOFError, LookupError, RuntimeError, ArithmeticError, MemoryError),
)
MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
DEFLATE = 1032  # bytes that deflate can make of one at the most
LISTED = 8  # arrays that a message names
WORDS = {"U": "text", "S": "text", "O": "objects", "V": "a table", "M": "dates", "m": "spans of time"}

UNKNOWN = np.dtype(np.void)  # of an array whose header cannot be read


@dataclass(frozen=True)
class Header:
    """What the archive says of an array before it is read; fault: why it cannot be."""

    key: str
    member: str
    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] = UNKNOWN
    fault: str = ""

    @property
    def kind(self) -> str:
        """The type of its values in words."""
        return WORDS.get(self.dtype.kind, self.dtype.name)

    def __str__(self) -> str:
        return f"{self.key} ({self.fault})" if self.fault else f"{self.key} {self.kind} {self.shape}"


def listed(headers: list[Header]) -> str:
    """Arrays with their types and shapes."""
    more = f" and {len(headers) - LISTED} more" if len(headers) > LISTED else ""
    return ", ".join(map(str, headers[:LISTED])) + more


@dataclass(frozen=True)
class Archive:
    """The arrays of one file by their names."""

    path: Path
    headers: tuple[Header, ...]

    def load(self, header: Header) -> npt.NDArray[Any]:
        """An array's values.

        Raises:
            TlbenchError: it holds objects, promises more than is there, or is damaged.
        """
        refuse_unreadable(header)
        try:
            with zipfile.ZipFile(self.path) as file, file.open(header.member) as raw:
                array: npt.NDArray[Any] = npy.read_array(raw, allow_pickle=False)
                rest = raw.read(1)  # at the end of the member its checksum is compared
        except DAMAGED as error:
            raise TlbenchError(f"{header.key} is damaged ({type(error).__name__}); copy or save it again") from None
        if rest:
            raise TlbenchError(f"{header.key} is damaged: more is there than its header says; save it again")
        return array


def refuse_unreadable(header: Header) -> None:
    """Raises for an array that its header shows to be broken, or to need unpickling."""
    if header.fault:
        raise TlbenchError(f"{header.key} cannot be read: {header.fault}")
    if header.dtype.hasobject:
        why = f"{header.key} {header.shape} holds Python objects, and reading them could run code"
        mend = f"save np.array({header.key}.tolist()) instead"
        raise TlbenchError(f"{why}; {mend}, which needs items of one type and, of images, one size")


def open_archive(path: Path) -> Archive:
    """The headers of all arrays in the file.

    Raises:
        TlbenchError: it is no archive of arrays, cut, or locked by a password.
    """
    refuse_other_files(path)
    try:
        with zipfile.ZipFile(path) as file:
            return Archive(path, _headers(path, file))
    except DAMAGED:
        what = "the list of contents at its end is missing or spoiled, as after a download that broke off"
        raise TlbenchError(f"{path} is cut short or damaged: {what}; copy or download it again") from None


def _headers(path: Path, file: zipfile.ZipFile) -> tuple[Header, ...]:
    members = [one for one in file.infolist() if not _is_junk(one)]
    if any(one.flag_bits & 1 for one in members):
        raise TlbenchError(f"{path} is encrypted; save it without a password")
    arrays = [one for one in members if one.filename.endswith(".npy")]
    if not arrays:
        held = ", ".join(one.filename for one in members[:3]) or "nothing"
        raise TlbenchError(f"{path} is an archive without arrays (it holds {held}); save them with np.savez")
    root = os.path.commonpath([_place(one).parent for one in arrays])  # of a folder that was packed
    found = tuple(_header(file, one, root) for one in arrays)
    if len({header.key for header in found}) < len(found):
        raise TlbenchError(f"{path} holds two arrays of one name ({listed(list(found))}); save them again")
    return found


def _place(member: zipfile.ZipInfo) -> PurePosixPath:
    """Where a member lies, under Windows' packers too."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _is_junk(member: zipfile.ZipInfo) -> bool:
    """What macOS puts beside the files when a folder is packed there."""
    parts = _place(member).parts
    return member.is_dir() or parts[0] == "__MACOSX" or parts[-1].startswith("._")


def _header(file: zipfile.ZipFile, member: zipfile.ZipInfo, root: str) -> Header:
    key = str(_place(member).relative_to(root)).removesuffix(".npy")
    if member.compress_type not in PACKED:
        mend = "save it with np.savez_compressed"
        return Header(key, member.filename, fault=f"packed by method {member.compress_type}, unknown here; {mend}")
    try:
        with file.open(member) as raw:
            shape, dtype = _shape_and_type(raw)
            offset = raw.tell()
    except DAMAGED as error:
        return Header(key, member.filename, fault=f"damaged ({type(error).__name__}); copy or save it again")
    return Header(key, member.filename, shape, dtype, _broken_promise(member, shape, dtype, offset))


def _shape_and_type(raw: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    read = npy.read_array_header_1_0 if npy.read_magic(raw) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(raw)
    return shape, dtype


def _broken_promise(member: zipfile.ZipInfo, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int) -> str:
    """Why the array cannot be as large as its header says; nothing where it can."""
    promised = dtype.itemsize
    for side in shape:
        promised *= side
    held = member.file_size - offset
    if member.compress_type == zipfile.ZIP_DEFLATED:
        held = min(held, DEFLATE * member.compress_size)
    if min(shape, default=0) < 0 or (promised > held and not dtype.hasobject):
        return f"its header promises {shape} of {dtype.name}, more than the file holds; copy or save it again"
    if promised > MEMORY:
        return f"its {promised / 1e9:.0f} GB are more than the memory here"
    return ""
