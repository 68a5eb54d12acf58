"""Stand-ins for configuration values that old checkpoints carry: they take anything, keep nothing and run nothing."""

import pickletools
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch

# Names that stand for settings, counters and results beside the weights. None is ever imported: a stand-in is put in
# its place, so that a name on this list costs no trust, only the value that it stood for.
CONFIGURATION = re.compile(
    r"argparse\.Namespace|types\.SimpleNamespace|collections\.(deque|UserDict|ChainMap)|pathlib(\._local)?\.\w*Path"
    r"|datetime\.\w+|decimal\.Decimal|fractions\.Fraction|uuid\.UUID|typing\.\w+|enum\.\w+"
    r"|builtins\.(dict|list|tuple|int|float|str|bool|set|frozenset|bytes|object|slice|range|complex)"
    r"|numpy(\.\w+)*\.(scalar|_reconstruct|ndarray|dtype|_frombuffer|\w+DType|u?int\d+|float\d+|bool_?|str_|longlong)"
    r"|numpy\.random\.\w+(\.\w+)*|torch\.torch_version\.TorchVersion|torch\.optim\.\w+(\.\w+)*"
    r"|(pytorch_lightning|lightning|lightning_fabric|lightning_utilities|omegaconf|yacs|mmengine|mmcv|addict"
    r"|ml_collections|easydict|munch|hydra|transformers\.(training_args|trainer_utils|trainer_callback))\.[\w.]+"
)
DICTIONARIES = re.compile(
    r"collections\.defaultdict|easydict\.EasyDict|munch\.\w*Munch|addict\.(addict\.)?Dict|yacs\.config\.CfgNode"
    r"|(pytorch_lightning|lightning)\.[\w.]*AttributeDict|mmengine\.config\.config\.ConfigDict"
)


class Inert:
    """What is there in place of a configuration value."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Takes whatever the value was made from."""
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        """Keeps nothing."""


class _Dictionary:
    """Makes a plain dictionary in place of one of a foreign kind, since its items may hold the weights."""

    def __new__(cls, *_: Any) -> Any:
        return {}


def names_in(path: Path) -> set[str]:
    """The classes and functions that a torch file names; read from its instructions, of which none is carried out."""
    if zipfile.is_zipfile(path):
        return set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    with path.open("rb") as file:
        return {name for _ in range(4) for name in _named(file)}  # magic number, protocol, system, then the object


def _named(file: BinaryIO) -> set[str]:
    found = {str(of).replace(" ", ".") for code, of, _ in pickletools.genops(file) if code.name == "GLOBAL"}
    return {name.replace("__builtin__.", "builtins.", 1) for name in found}


def stand_ins(names: set[str]) -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """For those names that are mere configuration, in the form of `torch.serialization.safe_globals`."""
    kinds: dict[str, Callable[..., Any]] = {name: Inert for name in names if CONFIGURATION.fullmatch(name)}
    kinds |= {name: _Dictionary for name in names if DICTIONARIES.fullmatch(name)}
    return [(kind, name) for name, kind in kinds.items()]
