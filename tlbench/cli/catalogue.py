"""What `tlbench list` prints: each shelf's leaves with their options and first line."""

import inspect
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING

from tlbench.shelf import Leaf
from tlbench.suite import SHELVES, SUITES, builtin


def lines(shelf: str) -> Iterator[str]:
    """A title, then a line a leaf: its name, its options and what it is."""
    yield f"{shelf}:"
    if shelf == "suites":
        for name in builtin():
            plain = tomllib.loads((SUITES / f"{name}.toml").read_text(encoding="utf-8"))
            yield f"  {name:<16} {plain.get('description', '')}"
        return
    for name, leaf in SHELVES[shelf].items():
        first = " ".join((inspect.getdoc(inspect.getmodule(leaf)) or "").partition("\n\n")[0].split())
        yield f"  {_usage(name, leaf):<32} {first}"


def _usage(name: str, leaf: type[Leaf]) -> str:
    options = [option for option in leaf.options() if not option.kw_only]
    if not options:
        return name
    argument = options[0].name.upper()
    return f"{name}:{argument}" if options[0].default is MISSING else f"{name}[:{argument}]"
