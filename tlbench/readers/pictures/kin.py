"""Files that belong to others by their names: masks beside their images, augmented copies beside each other."""

import re
from collections import Counter
from collections.abc import Sequence

from tlbench.errors import TlbenchError
from tlbench.readers.pictures.listing import Item

MASK = re.compile(r"(?P<of>.+?)[ _-](mask|masks|segmentation|seg|gt)([ _-]?\d+)?", re.IGNORECASE)
COPY = re.compile(r"(?P<of>.+)\.rf\.[0-9a-f]{16,}", re.IGNORECASE)  # as a well-known service names what it augmented
MANY = 0.05  # share of images that have a mask beside them, from which these are no chance


def refuse_masks(items: Sequence[Item]) -> None:
    """Refuses a set in which masks lie among the images.

    Raises:
        TlbenchError: so many images have one beside them.
    """
    stems = [_stem(item.name) for item in items]
    known = set(stems)
    named = zip(items, map(MASK.fullmatch, stems), strict=True)
    masks = [item for item, found in named if found and found["of"] in known]
    if len(masks) > MANY * len(items):
        raise TlbenchError(
            f"{len(masks)} of {len(items)} images are masks of others by their names, first: {masks[0].path}; "
            "move the masks to a folder outside"
        )


def copies_note(names: Sequence[str], where: object) -> tuple[str, ...]:
    """What is said where a cut would put augmented copies of one image on both sides."""
    counts = Counter(found["of"] for name in names if (found := COPY.fullmatch(_stem(name))))
    copies, images = counts.total(), len(counts)
    if copies == images:
        return ()
    mend = r"keep them together with group = '([^/]+)\.rf\.'"
    return (f"{where}: {copies} images are augmented copies of {images} by their names; {mend}",)


def _stem(name: str) -> str:
    """A path without its suffix."""
    return name.rpartition(".")[0] or name
