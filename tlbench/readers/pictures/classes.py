"""The class folders of one part, or why its folders are none."""

from tlbench.errors import TlbenchError, some
from tlbench.partition import SplitName
from tlbench.readers.pictures.walk import Node
from tlbench.readers.pictures.words import role

IMAGES, MASKS = {"image", "images", "img", "imgs"}, {"mask", "masks", "segmentation", "segmentations", "gt"}
COMMON = 0.5  # share of inner folders' names that all classes have in common, from which they look like the classes


def class_folders(part: Node, wanted: tuple[str, ...], *, grouped: bool, split: SplitName = "train") -> dict[str, Node]:
    """Class name -> its folder, in the order of names.

    wanted: the classes asked for; an empty one of the others is no fault. grouped: the level below is known to be no
    class.

    Raises:
        TlbenchError: no class folders, an empty one, or folders that hold the classes, domains or splits inside.
    """
    found = part.live()
    if not found:
        raise TlbenchError(_no_folders(part))
    for name, folder in sorted(part.folders.items()):
        if name not in found and (not wanted or name in wanted):
            raise TlbenchError(
                f"class '{name}' in {part.path} is empty ({content(folder)}); add images, remove the folder, or name "
                "the others with the option classes"
            )
    if split == "train":
        _refuse_table(part)
        _refuse_wrapping(part)
        _refuse_splits_inside(part)
        _refuse_masks(part)
        if not grouped:
            _refuse_domains(part)
    return found


def content(node: Node) -> str:
    """What a folder holds, in words."""
    counts = {"image": node.count, "other file": len(node.passed()), "hidden file": node.all_hidden()}
    held = [f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items() if count]
    return ", ".join(held) or "nothing in it"


def _no_folders(part: Node) -> str:
    held = [*sorted(part.folders), *part.others]
    names = f" ({some(held, 3)})" if held else ""
    what = f"{content(part)}{names}"
    return f"{part.path} holds no class folders with images, but {what}; expected {part.path}/<class>/<image>"


def _inner(node: Node) -> Node:
    """The folder that another one only wraps."""
    live = node.live()
    while not node.images and len(live) == 1:
        node = next(iter(live.values()))
        live = node.live()
    return node


def _refuse_table(part: Node) -> None:
    """One folder of images beside a table, which then says the classes."""
    tables = [name for name in part.others if name.lower().endswith((".csv", ".tsv"))]
    if len(part.live()) == 1 and tables:
        raise TlbenchError(f"{part.path} holds one folder of images and a table; give csv:{part.path / tables[0]}")


def _refuse_wrapping(part: Node) -> None:
    inner = _inner(part)
    if inner is not part and len(inner.live()) > 1:
        raise TlbenchError(f"{part.path} holds one folder that wraps everything; give folder:{inner.path}")


def _refuse_splits_inside(part: Node) -> None:
    """Classes that hold a train and a test folder each."""
    names = [{role(name) for name in folder.live()} for folder in part.live().values() if not folder.images]
    if len(names) == len(part.live()) and all(None not in found and len(found) > 1 for found in names):
        first = next(iter(part.live().values()))
        raise TlbenchError(
            f"the classes in {part.path} hold splits ({first.path.name}/{some(first.live())}); move them so that the "
            f"splits hold the classes ({part.path}/train/{first.path.name}), or list the files in csv:PATH"
        )


def _refuse_masks(part: Node) -> None:
    """Folders of images beside folders of their masks, in place of classes or inside each."""
    for node in (part, *part.live().values()):
        names = {name.lower() for name in node.live()}
        if names & MASKS and names & IMAGES and not names - MASKS - IMAGES:
            raise TlbenchError(
                f"{node.path} holds images and masks ({some(node.live())}), which are no classes; move the masks to a "
                "folder outside"
            )


def _refuse_domains(part: Node) -> None:
    """Folders that hold the same folders each: those inside look like the classes, these like domains."""
    parts = [_inner(folder) for folder in part.live().values()]
    inner = [set(folder.live()) for folder in parts if not folder.images]
    if len(parts) < 2 or len(inner) < len(parts):
        return
    shared, every = set.intersection(*inner), set.union(*inner)
    if len(shared) > 1 and len(shared) >= COMMON * len(every):
        paths = " or ".join(f"folder:{folder.path}" for folder in parts[:3])
        raise TlbenchError(
            f"the folders in {part.path} hold the same folders each ({some(sorted(shared), 3)}): give one of them "
            f"({paths}{', ...' if len(parts) > 3 else ''}); or, if {some(part.live(), 3)} are the classes, "
            "say so with group = {level = 1}"
        )
