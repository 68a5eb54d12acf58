"""Changes in words."""

from collections.abc import Iterable, Sequence

import numpy as np

from tlbench.judging.accepted import Accepted
from tlbench.judging.changes.rule import Change


def said(change: Change) -> str:
    """A change in words: from, to, by how much, with its interval."""
    axis, before, after, interval = change.axis, change.before, change.after, change.interval
    if change.change is None:
        value = before if before is not None else after
        return change.note or ("" if value is None else f"at {_value(axis, value)}")
    ends = f" [{_by(axis, interval[0])}, {_by(axis, interval[1])}]" if interval else ""
    text = f"{_value(axis, before)} -> {_value(axis, after)}, {_by(axis, change.change)}{ends}"
    if interval:
        text += f", {change.n} seeds {'paired' if change.paired else 'apart (Welch)'}, p {p_text(change.p_drop)}"
    return f"{text}; {change.note}" if change.note else text


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


def loudest_first(changes: Iterable[Change]) -> list[Change]:
    """What changed before what did not."""
    return sorted(changes, key=lambda change: LOUD.index(change.word) if change.word in LOUD else len(LOUD))


def counted(changes: Sequence[Change]) -> str:
    """How many of each word, loudest first."""
    words = [change.word for change in loudest_first(changes)]
    return f"{len(words)} comparisons: " + ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def row(change: Change) -> tuple[str, str, str, str]:
    """A change under axis, path, word, change."""
    return change.axis, change.path, change.word, said(change)


def differences(before: Accepted, after: Accepted) -> list[str]:
    """In what the two runs' circumstances differ, a line each; one line where they do not."""
    old, new = (_facts(side) for side in (before, after))
    lines = [f"{key}: {old.get(key)} -> {new.get(key)}" for key in {**old, **new} if old.get(key) != new.get(key)]
    return lines or ["the same commit, code, versions, machine and settings"]


def _facts(side: Accepted) -> dict[str, object]:
    where = side.environment
    plain = {"suite": side.suite, "root seed": side.root_seed, "commit": where["commit"], "code": where["code"]}
    plain |= {"device": where["device"], "threads": where["threads"], "machine": where["machine"]["processor"]}
    versions: dict[str, object] = where["versions"]
    return plain | versions | side.settings.model_dump()
