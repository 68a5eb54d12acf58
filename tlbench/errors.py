"""What goes wrong in a user's hands: one line that names the thing, the place and the mend."""

import difflib
from collections.abc import Iterable


class TlbenchError(Exception):
    """A fault of input or configuration, told in one line; the command line exits with 2."""


def unknown(kind: str, name: str, known: Iterable[str]) -> TlbenchError:
    """The error for a name that is not on a list, with the nearest one that is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    mend = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
    return TlbenchError(f"unknown {kind} '{name}': {mend}")


def some(names: Iterable[str], most: int = 5) -> str:
    """The first few names, and that there are more."""
    held = list(names)
    return ", ".join(held[:most]) + (", ..." if len(held) > most else "")


def one_line(error: BaseException) -> str:
    """An exception as one line, for messages and records."""
    text = " ".join(str(error).split())
    return text if isinstance(error, TlbenchError) else f"{type(error).__name__}: {text}"
