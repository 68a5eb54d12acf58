"""One walk over a folder, links followed: its images, and what was passed over. Reading and identity both take it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tlbench.errors import TlbenchError, one_line, some
from tlbench.readers.pictures.listing import same_form

READ = (
    *("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "dib", "webp", "tif", "tiff", "ppm", "pgm", "pbm", "pnm"),
    *("tga", "jp2", "j2k", "ico", "avif", "pcx", "sgi"),
)
UNREAD = ("heic", "heif", "svg", "dng", "cr2", "nef", "arw", "dcm", "nii", "exr", "psd")  # pictures, but not for us
SUFFIXES = {*READ, *UNREAD}
JUNK = ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "__pycache__")
BEGINNINGS = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"BM",
    b"II*\0",
    b"MM\0*",
    *(b"P%d\n" % kind for kind in range(1, 7)),
)


@dataclass
class Node:
    """A folder: its images and folders by their names (NFC), and the names of what was passed over."""

    path: Path
    images: dict[str, Path] = field(default_factory=dict)
    folders: dict[str, "Node"] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    hidden: int = 0

    def files(self) -> Iterator[tuple[tuple[str, ...], Path]]:
        """Every image below, by the parts of its name from here; not in order."""
        yield from (((name,), path) for name, path in self.images.items())
        for name, folder in self.folders.items():
            yield from (((name, *parts), path) for parts, path in folder.files())

    @cached_property
    def count(self) -> int:
        """How many images lie below."""
        return len(self.images) + sum(folder.count for folder in self.folders.values())

    def live(self) -> dict[str, "Node"]:
        """The folders that hold images at any depth, by name, in order."""
        return {name: folder for name, folder in sorted(self.folders.items()) if folder.count}

    def passed(self) -> list[str]:
        """The names of all that was passed over below, hidden files aside."""
        return [*self.others, *(name for folder in self.folders.values() for name in folder.passed())]

    def all_hidden(self) -> int:
        """How many hidden files and folders lie below."""
        return self.hidden + sum(folder.all_hidden() for folder in self.folders.values())

    def passed_note(self) -> tuple[str, ...]:
        """What was passed over below, in words."""
        names = self.passed()
        what = "file was" if len(names) == 1 else "files were"
        kinds = some(dict.fromkeys(names), 3)
        return (f"{self.path}: {len(names)} {what} passed over as no images ({kinds})",) if names else ()


def walk(folder: Path) -> Node:
    """The folder and all below it.

    Raises:
        TlbenchError: a folder that may not be read, or two names in one folder that are the same in Unicode.
    """
    return _walk(folder, (os.path.realpath(folder),))


def _walk(path: Path, above: tuple[str, ...]) -> Node:
    node = Node(path)
    for entry in _entries(path):
        name = same_form(_readable(entry))
        if name.startswith("."):
            node.hidden += 1
        elif Path(entry).is_dir() if entry.is_symlink() else entry.is_dir():  # a link to itself is no error
            _add_folder(node, name, entry, above)
        elif _is_image(entry):
            _refuse_twin(node, name, name in node.images)
            node.images[name] = path / entry.name
        else:
            node.others.append(name)
    return node


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise TlbenchError(f"{path} cannot be read ({one_line(error)}); mend its permissions") from None


def _readable(entry: os.DirEntry[str]) -> str:
    if entry.name.isascii() or entry.name.encode(errors="replace").decode() == entry.name:
        return entry.name
    raise TlbenchError(f"{entry.path!a}: the name is not in UTF-8; rename it (convmv -f latin1 -t utf8 does so)")


def _add_folder(node: Node, name: str, entry: os.DirEntry[str], above: tuple[str, ...]) -> None:
    """One folder below, unless it is junk or a link to a folder that it lies in."""
    if name.lower() in JUNK:
        node.others += [name] * max(1, sum(len(files) for _, _, files in os.walk(entry.path)))
        return
    real = os.path.realpath(entry.path) if entry.is_symlink() else str(Path(above[-1], entry.name))
    if real in above:
        node.others.append(name)
        return
    _refuse_twin(node, name, name in node.folders)
    node.folders[name] = _walk(Path(entry.path), (*above, real))


def _refuse_twin(node: Node, name: str, is_twin: bool) -> None:
    if is_twin:
        raise TlbenchError(f"{node.path} holds '{name}' twice, in two Unicode forms; rename or merge one of them")


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Whether a file is a picture: by its suffix or, where it has none, by its first bytes."""
    _, dot, suffix = entry.name.rpartition(".")
    if dot and not suffix.isdigit():
        return suffix.lower() in SUFFIXES
    try:
        with Path(entry).open("rb") as file:
            start = file.read(12)
    except OSError:
        return False
    return start.startswith(BEGINNINGS) or (start.startswith(b"RIFF") and start.endswith(b"WEBP"))
