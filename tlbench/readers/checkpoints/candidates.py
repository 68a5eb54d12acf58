"""Where in a file a network's weights may lie: wrappings and prefixes are found by what fits, not by a list."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from torch import Tensor

from tlbench.readers.checkpoints.fit import Fit, Wanted, by_name, by_position, is_aside

MOST = 64  # prefixes that are tried
SPARE = 16  # tensors that a candidate may hold beside the blocks' own: a head, counters


def candidates(tensors: Mapping[str, Tensor], wanted: Wanted, *, ordered: bool) -> list[Fit]:
    """Fits by name, fullest first; by position where none is complete and the file keeps the model's order."""
    named = _distinct(_by_names(tensors, wanted))
    if ordered and not any(fit.complete for fit in named):
        named = [*_distinct(_by_positions(tensors, wanted)), *named]
    return sorted(named, key=lambda fit: (not fit.complete, -len(fit.blocks), len(fit.leftover)))


def _by_names(tensors: Mapping[str, Tensor], wanted: Wanted) -> Iterator[Fit]:
    """A fit for each prefix after which the network's names are found, most of them first."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name in tensors:
        for prefix in _prefixes(name):
            if (key := wanted.names.get(name[len(prefix) :])) is not None and not is_aside(name, tensors[name]):
                found[prefix].setdefault(key, name)
    most = max(map(len, found.values()), default=0)
    likely = sorted((prefix for prefix in found if 2 * len(found[prefix]) >= most), key=lambda p: -len(found[p]))
    full = [prefix for prefix in likely if len(found[prefix]) == most]
    for prefix in likely[:MOST]:
        own = set(found[prefix].values())
        others = tuple(other for other in full if own.isdisjoint(found[other].values()))
        yield by_name(tensors, prefix, wanted, others)


def _by_positions(tensors: Mapping[str, Tensor], wanted: Wanted) -> Iterator[Fit]:
    counts, least = sizes(tensors), len(wanted.shapes)
    for prefix in [prefix for prefix, count in counts.items() if least <= count <= least + SPARE][:MOST]:
        if (fit := by_position(tensors, prefix, wanted)) is not None:
            yield fit


def sizes(tensors: Mapping[str, Tensor]) -> Counter[str]:
    """How many tensors of networks lie under each prefix."""
    return Counter(p for name, value in tensors.items() if not is_aside(name, value) for p in _prefixes(name))


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split(".")
    for n in range(len(parts)):
        yield "".join(f"{part}." for part in parts[:n])


def _distinct(fits: Iterator[Fit]) -> list[Fit]:
    """One of those that take the same tensors for the blocks: a network's own names may lie within public ones."""
    kept: dict[tuple[str, ...], Fit] = {}
    for fit in fits:
        taken = tuple(fit.blocks.values())
        other = kept.get(taken)
        if other is None or (len(fit.leftover), fit.head is None) < (len(other.leftover), other.head is None):
            kept[taken] = fit
    return list(kept.values())
