"""Which arrays are the images and labels of which part, by their names."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tlbench.errors import TlbenchError
from tlbench.readers.arrays.archive import Header, listed

PARTS = {"train": "train|training|tr", "test": "test|testing|te", "val": "val|valid|validation|dev"}
WORDS = {"images": "images?|imgs?|x|data|dataset|inputs?|pixels", "labels": "labels?|y|targets?"}
ANY = "|".join(PARTS.values())
MEND = "name them train_images, train_labels and, where there are, test_images, test_labels"
UNNAMED = {"arr_0", "arr_1"}  # what np.savez calls arrays that were given without a name


@dataclass(frozen=True)
class Pair:
    """Images, and a label for each; part: train, test or val, nothing where the file has one pair."""

    images: Header
    labels: Header
    part: str = ""


@dataclass(frozen=True)
class Parts:
    """What is trained on and, unless it must be cut off, what is tested on; origin: of that."""

    train: Pair
    test: Pair | None
    origin: str = "as published"


def plain(key: str) -> str:
    """A key without case and separators."""
    return re.sub("[^a-z0-9]", "", key.casefold())


def part_of(key: str, words: str) -> str | None:
    """The part that a key of one of these words names; nothing where it names none; None for another key."""
    found = re.fullmatch(f"({ANY})?(?:{words})({ANY})?", plain(key))
    if found is None or (found[1] and found[2]):
        return None
    said = found[1] or found[2] or ""
    return next((part for part, names in PARTS.items() if said in names.split("|")), "")


def find_parts(headers: tuple[Header, ...]) -> Parts:
    """The pairs of a file.

    Raises:
        TlbenchError: none, two families of names at once, half a pair, or no pair to train on.
    """
    pairs = _pairs(headers)
    train = pairs.get("train") or pairs.get("") or _unnamed(headers)
    if train is None and pairs:
        raise TlbenchError(f"no arrays to train on, only {' and '.join(pairs)}; found {listed(list(headers))}; {MEND}")
    if train is None:
        raise TlbenchError(f"no images and labels by known names; found {listed(list(headers))}; {MEND}")
    if "" in pairs and len(pairs) > 1:
        raise TlbenchError(f"two families of arrays at once: {listed(list(headers))}; keep one, and {MEND}")
    test = pairs.get("test") or pairs.get("val")
    if test is not None and test.part == "val":
        return Parts(train, test, "the file's val arrays as the test split")
    return Parts(train, test)


def _pairs(headers: tuple[Header, ...]) -> dict[str, Pair]:
    found: dict[str, dict[str, Header]] = defaultdict(dict)
    for role, words in WORDS.items():
        for header in headers:
            if (part := part_of(header.key, words)) is None:
                continue
            if (first := found[part].setdefault(role, header)) is not header:
                two = f"{f'{part} {role}'.strip()} at once, {first.key} and {header.key}"
                raise TlbenchError(f"two arrays of {two}; found {listed(list(headers))}; keep one")
    for part, roles in found.items():
        _refuse_half(part, roles, found, listed(list(headers)))
    return {part: Pair(**roles, part=part) for part, roles in found.items() if len(roles) == 2}


def _refuse_half(part: str, roles: dict[str, Header], parts: Iterable[str], found: str) -> None:
    """Raises for images without labels or labels without images, unless nothing is read from that part."""
    unneeded = not part or (part == "val" and "test" in parts)
    if len(roles) == 2 or unneeded:
        return
    role, held = next(iter(roles.items()))
    missing = f"{part}_labels" if role == "images" else f"{part}_images"
    raise TlbenchError(f"{held.key} has no {missing} beside it; found {found}; add them or leave {held.key} out")


def _unnamed(headers: tuple[Header, ...]) -> Pair | None:
    """The pair of two arrays without names: the images are the one of more axes."""
    if {header.key for header in headers} != UNNAMED:
        return None
    labels, images = sorted(headers, key=_axes)
    if _axes(labels) == _axes(images) or _axes(labels) > 2 or labels.shape[:1] != images.shape[:1]:
        return None
    return Pair(images, labels)


def _axes(header: Header) -> int:
    return 1 if header.shape[1:] == (1,) else len(header.shape)
