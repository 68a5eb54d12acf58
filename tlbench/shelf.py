"""A shelf: the leaves of one folder as a read-only mapping, so that adding a leaf is adding a file."""

import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from tlbench.errors import TlbenchError, unknown


def slug(text: str) -> str:
    """Text as a label: lower case letters, digits, dots, dashes and underscores, fit for a folder's name."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-.") or "x"


def proper_slug(text: str, what: str) -> str:
    """The same for a name that a user chose: one of which nothing is left is refused.

    Raises:
        ValueError: it has no letter or digit.
    """
    if not re.search("[a-z0-9]", text.lower()):
        raise ValueError(f"{what} '{text}' needs a letter or a digit: a folder is named by it")
    return slug(text)


def _plain(value: Any, *, places: bool = True) -> Any:
    if isinstance(value, Leaf):
        return value.recipe(places=places)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value) if isinstance(value, Path) else value


def _typed(spec: Any) -> Any:
    """What was typed as plain data; a leaf within it as its own spec, or its recipe."""
    if isinstance(spec, Leaf):
        return spec.recipe() if spec.spec is None else spec.spec
    if isinstance(spec, Mapping):
        return {str(key): _typed(value) for key, value in spec.items()}
    if isinstance(spec, list | tuple):
        return [_typed(value) for value in spec]
    return str(spec) if isinstance(spec, Path) else spec


def _short(value: Any) -> str:
    if isinstance(value, Leaf):
        return value.label
    if isinstance(value, tuple):
        return slug("-".join(str(item) for item in value))
    return slug(value.name if isinstance(value, Path) else str(value))


@dataclass(frozen=True)
class Leaf:
    """What stands on a shelf: a frozen dataclass whose fields are its options; constructing is free.

    The first field takes the argument of a `name:argument` spec. `label` names the leaf in paths and tables; it is
    derived from the options that differ from their defaults unless given. `spec` is what the user typed, if anything.
    """

    _: KW_ONLY
    label: str = field(default="", compare=False)
    spec: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for option in self.options():
            if isinstance(path := getattr(self, option.name), Path):  # ~ and environment variables as a shell has them
                object.__setattr__(self, option.name, Path(os.path.expandvars(path)).expanduser())
        object.__setattr__(self, "label", slug(self.label) if self.label else self._derived_label())

    @property
    def name(self) -> str:
        """The leaf's name on its shelf: the name of its file; of a class that a script defines, the class's."""
        module = type(self).__module__.rpartition(".")[2]
        return slug(type(self).__name__) if module == "__main__" else module

    def recipe(self, *, places: bool = True) -> dict[str, Any]:
        """Name and options as plain data; the label is not part of it.

        places: paths too; they are left out where the content that lies there is told beside.
        """
        given = {option.name: getattr(self, option.name) for option in self.options()}
        kept = {name: value for name, value in given.items() if places or not isinstance(value, Path)}
        return {"name": self.name} | {name: _plain(value, places=places) for name, value in kept.items()}

    @classmethod
    def options(cls) -> list[Any]:
        """The dataclass fields that are options, positional ones first: the first of these takes a spec's argument."""
        return sorted((f for f in fields(cls) if f.name not in ("label", "spec")), key=lambda f: f.kw_only)

    def _derived_label(self) -> str:
        """The name, the argument, and every other option that differs from its default."""
        parts = [self.name]
        for position, option in enumerate(self.options()):
            value = getattr(self, option.name)
            if position == 0 and not option.kw_only:
                parts.append(_short(value))
            elif value != option.default:
                parts.append(f"{option.name}-{_short(value)}")
        return slug("-".join(parts))


T = TypeVar("T", bound=Leaf)


class Shelf(Mapping[str, type[T]], Generic[T]):
    """The leaves of one folder, and installed entry points of the group of the same name.

    Listing imports nothing; asking for a leaf imports its file, which must define one concrete class of the contract.
    """

    def __init__(self, package: str, contract: type[T], kind: str = "") -> None:
        self.package, self.contract = package, contract
        self.kind = kind or contract.__name__.lower()

    def _files(self) -> set[str]:
        spec = importlib.util.find_spec(self.package)
        places = spec.submodule_search_locations if spec else None
        found = (path.stem for place in places or () for path in Path(place).glob("*.py"))
        return {name for name in found if not name.startswith("_")}

    def _entry_points(self) -> dict[str, importlib.metadata.EntryPoint]:
        return {point.name: point for point in importlib.metadata.entry_points(group=self.package)}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files() | set(self._entry_points())))

    def __len__(self) -> int:
        return len(self._files() | set(self._entry_points()))

    def __getitem__(self, name: str) -> type[T]:
        if name in self._files():
            module = importlib.import_module(f"{self.package}.{name}")
        elif name in (points := self._entry_points()):
            module = importlib.import_module(points[name].module)
        else:
            raise KeyError(name)
        found = [
            item
            for item in vars(module).values()
            if inspect.isclass(item) and issubclass(item, self.contract) and item.__module__ == module.__name__
        ]
        if len(found) != 1:
            raise TlbenchError(f"{module.__name__} defines {len(found)} classes of {self.kind}; a leaf defines one")
        return found[0]

    def make(self, spec: object) -> T:
        """A leaf from `name`, `name:argument` or a table with `name` and options.

        Raises:
            TlbenchError: an unknown name or option (the nearest is suggested), or a value of the wrong kind.
        """
        if isinstance(spec, self.contract):
            return spec
        if isinstance(spec, str):
            name, _, argument = spec.partition(":")
            options: dict[str, Any] = {}
        elif isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
            name, _, argument = str(spec["name"]).partition(":")
            options = {str(key): value for key, value in spec.items() if key != "name"}
        else:
            raise TlbenchError(f"{self.kind} {spec!r}: write 'name', 'name:argument' or a table with a name")
        if name not in self:
            raise unknown(self.kind, name, self)
        return self._construct(spec, self[name], name, argument, options)

    def _construct(self, spec: object, leaf: type[T], name: str, argument: str, options: dict[str, Any]) -> T:
        declared = leaf.options()
        allowed = [option.name for option in declared]
        if argument:
            if not declared or declared[0].kw_only:
                raise TlbenchError(f"{self.kind} '{name}' takes no argument, but '{argument}' was given")
            options = {allowed[0]: argument} | options
        for key in options:
            if key not in [*allowed, "label"]:
                raise unknown(f"option of {self.kind} '{name}'", key, [*allowed, "label"])
        try:
            made = TypeAdapter(leaf).validate_python(options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            if first["type"] == "missing":
                raise TlbenchError(f"{self.kind} '{name}' needs its {where}: write {name}:{where.upper()}") from None
            message = first["msg"].removeprefix("Value error, ")
            given = "" if "input" not in first else f", not {first['input']!r}"
            raise TlbenchError(f"{self.kind} '{name}': {where + ': ' if where else ''}{message}{given}") from None
        object.__setattr__(made, "spec", _typed(spec))
        return made

    def __repr__(self) -> str:
        return f"Shelf({self.package!r}, {self.contract.__name__})"

    def __reduce__(self) -> tuple[type[Self], tuple[str, type[T], str]]:
        return type(self), (self.package, self.contract, self.kind)
