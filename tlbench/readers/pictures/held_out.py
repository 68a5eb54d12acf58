"""Which folder is the test split: the test folder, else the validation folder, else none; and what is said of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from tlbench.errors import TlbenchError
from tlbench.readers.pictures.classes import content
from tlbench.readers.pictures.walk import Node
from tlbench.readers.pictures.words import Role, role


@dataclass(frozen=True)
class HeldOut:
    """The folder of the test split, if any, how it came to be it, and what was found beside it."""

    node: Node | None
    origin: str = ""
    notes: tuple[str, ...] = ()


def held_out(root: Node, classes: Iterable[str]) -> HeldOut:
    """The test split beside a training folder of these classes.

    Raises:
        TlbenchError: two folders that are both words for it.
    """
    known = set(classes)
    test, validation = _named(root, "test"), _named(root, "validation")
    if test is not None and _labelled(test, known):
        unused = validation is not None and validation.count
        notes = _unused(root, test, validation) if validation is not None and unused else ()
        return HeldOut(test, f"the folder {test.path.name}", notes)
    why, notes = _why_not(root, test)
    if validation is not None and _labelled(validation, known):
        return HeldOut(validation, f"the folder {validation.path.name} ({why})", notes)
    if validation is not None:
        notes = (*notes, *_why_not(root, validation)[1])
    cut = "one stratified fifth was cut off as the test split"
    return HeldOut(None, notes=(*notes, f"{root.path}: {cut}") if notes else (f"{root.path}: no test folder; {cut}",))


def _named(root: Node, wanted: Role) -> Node | None:
    """The one folder whose name is a word for that split; one that holds images before empty ones."""
    found = [folder for name, folder in sorted(root.folders.items()) if role(name) == wanted]
    live = [folder for folder in found if folder.count]
    if len(live) > 1:
        names = " and ".join(folder.path.name for folder in live)
        raise TlbenchError(f"{root.path} holds {names}, both words for {wanted} data; keep one of them")
    return next(iter(live or found), None)


def _labelled(node: Node, known: set[str]) -> bool:
    """Whether a folder holds class folders; a single one of another name holds images of unknown class."""
    live = node.live()
    return len(live) > 1 or bool(known & set(live))


def _why_not(root: Node, node: Node | None) -> tuple[str, tuple[str, ...]]:
    """Why a folder is not the test split: for the origin of what is used in its place, and as notes."""
    if node is None:
        return "there is no test folder", ()
    name = node.path.name
    if not node.count:
        return f"the folder {name} holds no images", (f"{root.path}: the folder {name} holds no images",)
    line = f"{root.path}: the folder {name} was not used: {content(node)}, but no class folders (unlabelled)"
    return f"the folder {name} holds no class folders", (line,)


def _unused(root: Node, test: Node, validation: Node) -> tuple[str, ...]:
    used = f"the folder {test.path.name} is the test split"
    return (f"{root.path}: the folder {validation.path.name} was not used ({content(validation)}): {used}",)
