"""Changes in words."""

from collections.abc import Iterable, Sequence

import numpy as np

from tlbench.judging.accepted import Accepted
from tlbench.judging.changes.rule import Change


def said(one: Change) -> str:
    """A change in words: from, to, by how much, with its interval."""
    if one.change is None:
        value = one.before if one.before is not None else one.after
        return one.note or ("" if value is None else f"at {_value(one.axis, value)}")
    ends = f" [{_by(one.axis, one.interval[0])}, {_by(one.axis, one.interval[1])}]" if one.interval else ""
    text = f"{_value(one.axis, one.before)} -> {_value(one.axis, one.after)}, {_by(one.axis, one.change)}{ends}"
    if one.interval:
        text += f", {one.n} seeds {'paired' if one.paired else 'apart (Welch)'}, p {p_text(one.p_drop)}"
    return f"{text}; {one.note}" if one.note else text


def p_text(p: float) -> str:
    """An adjusted p-value, never shown as zero."""
    return f"{p:.4f}" if p >= 0.0001 else "<0.0001"


def _value(axis: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{np.exp(value):.2f}x" if axis == "cost" else f"{100 * value:{'+' if axis == 'gain' else ''}.1f}"


def _by(axis: str, value: float) -> str:
    return f"{np.exp(value):.2f}x" if axis == "cost" else f"{100 * value:+.1f}"


LOUD = ("dropped", "missing", "other data", "source changed", "rose", "new", "too few", "within noise", "equal")


def loudest_first(found: Iterable[Change]) -> list[Change]:
    """What changed before what did not."""
    return sorted(found, key=lambda one: LOUD.index(one.word) if one.word in LOUD else len(LOUD))


def counted(found: Sequence[Change]) -> str:
    """How many of each word, loudest first."""
    words = [one.word for one in loudest_first(found)]
    return f"{len(words)} comparisons: " + ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def row(one: Change) -> tuple[str, str, str, str]:
    """A change under axis, path, word, change."""
    return one.axis, one.path, one.word, said(one)


def differences(before: Accepted, after: Accepted) -> list[str]:
    """In what the two runs' circumstances differ, a line each; one line where they do not."""
    one, other = (_facts(side) for side in (before, after))
    found = [f"{key}: {one.get(key)} -> {other.get(key)}" for key in {**one, **other} if one.get(key) != other.get(key)]
    return found or ["the same commit, code, versions, machine and settings"]


def _facts(side: Accepted) -> dict[str, object]:
    where = side.environment
    plain = {"suite": side.suite, "root seed": side.root_seed, "commit": where["commit"], "code": where["code"]}
    plain |= {"device": where["device"], "threads": where["threads"], "machine": where["machine"]["processor"]}
    versions: dict[str, object] = where["versions"]
    return plain | versions | side.settings
