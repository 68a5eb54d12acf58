"""Splits and classes out of the names of folders: PATH/<class>/*, or PATH/train/<class>/* with a part held out."""

from collections.abc import Iterator
from pathlib import Path

from tlbench.errors import TlbenchError, some
from tlbench.partition import Group
from tlbench.readers.pictures.classes import class_folders, content
from tlbench.readers.pictures.held_out import HeldOut, held_out
from tlbench.readers.pictures.kin import refuse_masks
from tlbench.readers.pictures.listing import Item, Listing, alike, compare
from tlbench.readers.pictures.walk import Node, walk
from tlbench.readers.pictures.words import role

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")
READERS = {".npz": "npz", ".csv": "csv", ".tsv": "csv"}


def list_folder(path: Path, wanted: tuple[str, ...], group: Group | None) -> Listing:
    """The files of a folder, split and labelled by the names of the folders within it.

    wanted: the classes asked for; only these need be sound. group: what its files are grouped by.

    Raises:
        TlbenchError: no such folder, or one whose layout is not understood: with what was found and the mend.
    """
    if group is not None and group.column:
        raise TlbenchError(
            f"group: a folder has no column '{group.column}'; give a level or a pattern, or use csv:PATH"
        )
    _refuse_file(path)
    root = walk(path)
    train = _train_folder(root, wanted)
    found = _one_piece(root, wanted, group) if train is None else _in_splits(root, train, wanted, group)
    refuse_masks([*found.train, *(found.test or ())])
    return found


def _refuse_file(path: Path) -> None:
    if path.is_dir():
        return
    if not path.exists():
        raise TlbenchError(f"no folder at {path}; give folder:PATH of an existing folder of images")
    suffix = path.suffix.lower()
    mend = "give folder:PATH of a folder of images"
    if suffix in ARCHIVES:
        mend = "unpack it and give folder:PATH of what it holds"
    elif suffix in READERS:
        mend = f"give {READERS[suffix]}:{path}"
    raise TlbenchError(f"{path} is a file, not a folder; {mend}")


def _train_folder(root: Node, wanted: tuple[str, ...]) -> Node | None:
    """The folder of the training split; None where the folders are classes.

    Raises:
        TlbenchError: two such folders, or folders of which it cannot be told whether they are classes or splits.
    """
    live = root.live()
    trains = [name for name in live if role(name) == "train"]
    splits = [name for name in live if role(name)]
    classes = [name for name in live if not role(name)]
    holding = [name for name in trains if live[name].live()]
    if holding and len(trains) > 1:
        raise TlbenchError(f"{root.path} holds {' and '.join(trains)}, both words for training data; keep one of them")
    if holding:
        _refuse_split_among_classes(root, holding[0], splits, classes)
        return live[holding[0]]
    if splits and not classes:
        raise TlbenchError(_no_classes(root, splits))
    for name in splits:
        _refuse_unclear(root, name, classes, wanted)
    return None


def _refuse_split_among_classes(root: Node, train: str, splits: list[str], classes: list[str]) -> None:
    if classes and splits == [train]:
        raise TlbenchError(
            f"{root.path}: '{train}' is a word for training data and holds folders, but lies beside {some(classes)}; "
            f"if all are classes rename '{train}', else give folder:{root.path / train}"
        )


def _no_classes(root: Node, splits: list[str]) -> str:
    """What is wrong with a folder in which only splits are found, and none of them a training split with classes."""
    live = root.live()
    if not any(role(name) == "train" for name in splits):
        return (
            f"{root.path} holds {' and '.join(splits)}, but no train folder; name the folder to train on 'train', or "
            f"give one alone: folder:{root.path / splits[0]}"
        )
    train = next(name for name in splits if role(name) == "train")
    return (
        f"{root.path / train} holds {content(live[train])} but no class folders; expected "
        f"{root.path / train}/<class>/<image>, or csv:PATH of a table with a path and a label a row"
    )


def _refuse_unclear(root: Node, name: str, classes: list[str], wanted: tuple[str, ...]) -> None:
    """A folder with a split's name beside class folders: one with folders inside, or flat test images, is refused."""
    inner = root.live()[name].live()
    if not (inner or (role(name) == "test" and len(name) > 2)) or wanted:
        return
    what = f"folders of its own ({some(inner)})" if inner else "images"
    raise TlbenchError(
        f"{root.path}: '{name}' is a word for a split and holds {what}, but lies beside {some(classes)}; move those "
        f"into {root.path / 'train'}, or say with the option classes what the classes are"
    )


def _one_piece(root: Node, wanted: tuple[str, ...], group: Group | None) -> Listing:
    found = class_folders(root, wanted, grouped=bool(group and group.level))
    odd = [name for name in found if role(name) and not (wanted and name not in wanted)]
    notes = [f"{root.path}: '{name}', a word for a split, was read as a class like those beside it" for name in odd]
    notes.append(f"{root.path}: no test folder; one stratified fifth was cut off as the test split")
    items = tuple(_items(root, root, tuple(found), group))
    said = (*_loose(root), *alike(root.path, found), *root.passed_note(), *notes)
    return Listing(root.path, tuple(found), items, None, (root.path, root.path), notes=said)


def _in_splits(root: Node, train: Node, wanted: tuple[str, ...], group: Group | None) -> Listing:
    ours = class_folders(train, wanted, grouped=bool(group and group.level))
    found = held_out(root, ours)
    beside = {name: node for name, node in root.live().items() if not role(name)}
    counted = some(f"{name} ({content(node)})" for name, node in beside.items())
    notes = [f"{root.path}: passed over beside {train.path.name}: {counted}"] if beside else []
    notes = [*_loose(root), *_loose(train), *alike(train.path, ours), *notes, *found.notes]
    passed = train.passed_note()
    if found.node is None:
        items = tuple(_items(root, train, tuple(ours), group))
        return Listing(root.path, tuple(ours), items, None, (train.path, train.path), notes=(*notes, *passed))
    return _with_test(root, train, found, (wanted, group), (*notes, *passed, *found.node.passed_note()))


def _with_test(
    root: Node, train: Node, found: HeldOut, asked: tuple[tuple[str, ...], Group | None], notes: tuple[str, ...]
) -> Listing:
    wanted, group = asked
    test = found.node or root
    theirs = class_folders(test, wanted, grouped=bool(group and group.level), split="test")
    compare(train.live(), theirs, wanted, (str(train.path), str(test.path)))
    classes = tuple(sorted({*class_folders(train, wanted, grouped=True), *theirs}))
    ours, held = (tuple(_items(root, part, classes, group)) for part in (train, test))
    where, said = (train.path, test.path), (*notes, *_loose(test))
    return Listing(root.path, classes, ours, held, where, found.origin, said)


def _items(root: Node, part: Node, classes: tuple[str, ...], group: Group | None) -> Iterator[Item]:
    """The images of a part, class by class, each class in the order of names."""
    above, live = part.path.name if part is not root else "", part.live()
    for label, name in enumerate(classes):
        folder = live.get(name)
        for parts, path in sorted(folder.files()) if folder else ():
            below = "/".join((name, *parts))
            yield Item(path, f"{above}/{below}" if above else below, label, group.of_path(below) if group else "")


def _loose(node: Node) -> tuple[str, ...]:
    """What is said of images that lie beside class folders."""
    held = f"{len(node.images)} image{'s' if len(node.images) > 1 else ''}"
    return (
        (f"{node.path}: {held} beside the folders passed over: {some(sorted(node.images), 2)}",) if node.images else ()
    )
