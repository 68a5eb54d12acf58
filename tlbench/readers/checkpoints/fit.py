"""One candidate against one network: which tensor goes where, what is missing, what is left over."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from tlbench.network import HEAD, Network

COUNTER = "num_batches_tracked"
STATISTICS = ("running_mean", "running_var")
KINDS = ("weight", "bias", *STATISTICS)  # last parts of names by which tensors of one shape are told apart
HEADS = re.compile(
    r"(\w+_)?(heads?|fc|linear|classifiers?|logits|projectors?|proj|projection|predictors?|prediction|prototypes"
    r"|aux|auxlogits|output|out|mlp)(_\w+)?\d*|(last|final|output)_?(layer|linear)|fc_\w+"
)
ASIDE = re.compile(  # what training keeps beside a network
    r"(\w+_)?(optim|optims|optimizers?|criterions?|criteria|loss|losses|loss_\w+|schedulers?|lr_scheduler\w*|scaler"
    r"|queue\w*|rng|rng_\w+|\w+_rng_state|metrics?|callbacks?|loops|amp|amp_\w+|meters?)"
    r"(_state|_states|_state_dict|_states_dict|_fn)?"
)


@dataclass(frozen=True)
class Wanted:
    """What a network wants of a file: its blocks' tensors in order, the names each may have, and its features D."""

    shapes: dict[str, tuple[int, ...]]
    floating: frozenset[str]
    names: dict[str, str]
    heads: frozenset[str]
    features: int

    @classmethod
    def of(cls, network: Network) -> "Wanted":
        """By the network's own names and its family's public ones."""
        own = {key: value for key, value in network.state_dict().items() if not key.endswith(COUNTER)}
        blocks = {key: value for key, value in own.items() if not key.startswith(f"{HEAD}.")}
        public = {name: key for name, key in network.public_names.items() if key in blocks}
        heads = {name for name, key in network.public_names.items() if key == f"{HEAD}.weight"}
        floating = frozenset(key for key, value in blocks.items() if value.is_floating_point())
        shapes = {key: tuple(value.shape) for key, value in blocks.items()}
        named = public | {key: key for key in blocks}
        return cls(shapes, floating, named, frozenset({*heads, f"{HEAD}.weight"}), network.head.in_features)


@dataclass(frozen=True)
class Fit:
    """What of the tensors under a prefix goes where in a network; names are the file's, whole.

    blocks: the network's name to the file's. head: the file's names of a linear head's weight and bias ("" where it
    has none). dropped: heads of another kind. misshapen: those with the right name and another shape or kind of number.
    """

    prefix: str
    blocks: dict[str, str]
    missing: tuple[str, ...]
    leftover: tuple[str, ...]
    head: tuple[str, str] | None = None
    dropped: tuple[str, ...] = ()
    by_position: bool = False
    misshapen: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every tensor of the blocks is there and nothing else."""
        return not self.missing and not self.leftover

    def taken(self) -> tuple[str, ...]:
        """The file's names of all that is used."""
        return (*self.blocks.values(), *(name for name in self.head or () if name))


def same_kind(value: Tensor, key: str, wanted: Wanted) -> bool:
    """Whether a tensor has the shape, and numbers of the kind, that the network wants there."""
    return tuple(value.shape) == wanted.shapes[key] and value.is_floating_point() == (key in wanted.floating)


def is_aside(rest: str, value: Tensor) -> bool:
    """Whether training keeps it beside a network: an optimizer's state, a queue, a count of epochs."""
    parts = rest.lower().split(".")
    single = len(parts) == 1
    words = parts if single else parts[:-1]
    return rest.endswith(COUNTER) or (single and value.ndim == 0) or any(map(ASIDE.fullmatch, words))


def by_name(tensors: Mapping[str, Tensor], prefix: str, wanted: Wanted, others: tuple[str, ...] = ()) -> Fit:
    """The fit by the names after a prefix; `others` are the prefixes of other networks, within it or above it."""
    blocks: dict[str, str] = {}
    misshapen: dict[str, str] = {}
    rest_of: list[str] = []
    for name in under(tensors, prefix, others):
        key = wanted.names.get(name[len(prefix) :])
        if key is None or key in blocks:
            rest_of.append(name)
        elif same_kind(tensors[name], key, wanted):
            blocks[key] = name
        else:
            misshapen[key] = name
    missing = tuple(key for key in wanted.shapes if key not in blocks)
    head, dropped, leftover = split_heads(tensors, prefix, rest_of, wanted, others)
    leftover = [name for name in leftover if not _copied(name[len(prefix) :], blocks.values(), prefix)]
    return Fit(prefix, blocks, missing, (*misshapen.values(), *leftover), head, tuple(dropped), misshapen=misshapen)


def _copied(rest: str, names: Iterable[str], prefix: str) -> bool:
    """Whether it is an averaged copy under a name without dots, as hooks keep them: `ema_conv1_weight`."""
    plain = re.sub(r"[\W_]", "", rest.lower())
    return "ema" in plain and any(plain.endswith(re.sub(r"[\W_]", "", one[len(prefix) :].lower())) for one in names)


def under(tensors: Mapping[str, Tensor], prefix: str, others: tuple[str, ...] = ()) -> list[str]:
    """Names under a prefix that belong to a network, but not under those of `others` that are longer."""
    inner = tuple(other for other in others if other != prefix and other.startswith(prefix))
    found = [name for name in tensors if name.startswith(prefix) and not (inner and name.startswith(inner))]
    return [name for name in found if not is_aside(name[len(prefix) :], tensors[name])]


def split_heads(
    tensors: Mapping[str, Tensor], prefix: str, names: list[str], wanted: Wanted, others: tuple[str, ...]
) -> tuple[tuple[str, str] | None, list[str], list[str]]:
    """A linear head that fits, heads that do not, and what is no head; a head may stand beside the prefix too."""
    belongs = [name for name in names if _is_head(name[len(prefix) :], wanted)]
    rest = [name for name in names if name not in set(belongs)]
    above, _, own = prefix.removesuffix(".").rpartition(".")
    level = f"{above}." if above else ""
    if prefix and not belongs and level not in others:  # a head there would be another network's
        beside = [n for n in tensors if n.startswith(level) and not n.startswith(prefix)]
        belongs = [name for name in beside if _stands_beside(name[len(level) :], own)]
    weights = [name for name in belongs if _fits_head(tensors, name, belongs, wanted)]
    public = [name for name in weights if name[len(prefix) :] in wanted.heads] or weights
    if len(public) != 1:
        return None, belongs, rest
    bias = f"{public[0].removesuffix('weight')}bias"
    head = public[0], bias if bias in belongs else ""
    return head, [name for name in belongs if name not in head], rest


def _is_head(rest: str, wanted: Wanted) -> bool:
    if rest in wanted.heads or f"{rest.removesuffix('bias')}weight" in wanted.heads:
        return True
    return HEADS.fullmatch(rest.partition(".")[0].lower()) is not None


def _stands_beside(rest: str, own: str) -> bool:
    """A head next to the blocks: named like one, or the next of a sequence (`1.weight` after `0.conv1.weight`)."""
    first, _, inner = rest.partition(".")
    following = own.isdigit() and first.isdigit() and int(first) > int(own) and inner in ("weight", "bias")
    return following or (bool(inner) and HEADS.fullmatch(first.lower()) is not None)


def _fits_head(tensors: Mapping[str, Tensor], name: str, belongs: Sequence[str], wanted: Wanted) -> bool:
    """(C, D) with a bias of (C,) or none, nothing else in its layer, and no part of a longer chain of layers."""
    value, layer = tensors[name], name.removesuffix("weight")
    alone = {one for one in belongs if one.startswith(layer)} <= {name, f"{layer}bias"}
    if not (name.endswith(".weight") and alone and value.is_floating_point()):
        return False
    bias = tensors.get(f"{layer}bias")
    rows = tuple(value.shape[:1])
    fits = value.ndim == 2 and value.shape[1] == wanted.features and (bias is None or tuple(bias.shape) == rows)
    return fits and not any(_chained(tensors, name, other, wanted) for other in belongs if other != name)


def _chained(tensors: Mapping[str, Tensor], name: str, other: str, wanted: Wanted) -> bool:
    """Whether another matrix could take what a head gives, or give what it takes: then neither is the head alone.

    A head by its public name is not fed by what is named apart from it (a projector, an auxiliary head).
    """
    own, theirs = tensors[name], tensors[other]
    apart = name.endswith(tuple(wanted.heads)) and not other.startswith(name.removesuffix("weight").rpartition(".")[0])
    return theirs.ndim == 2 and (theirs.shape[1] == len(own) or (len(theirs) == own.shape[1] and not apart))


def by_position(tensors: Mapping[str, Tensor], prefix: str, wanted: Wanted) -> Fit | None:
    """The fit in order where names differ: all shapes agree one by one, and the kinds of tensors wherever named."""
    names = under(tensors, prefix)
    heads = [name for name in names if _is_head(name[len(prefix) :], wanted)]
    for tail in (heads, names[len(wanted.shapes) :]):
        body = [name for name in names if name not in set(tail)]
        if len(body) == len(wanted.shapes) and all(
            _agrees(name, tensors[name], key, wanted) for name, key in zip(body, wanted.shapes, strict=True)
        ):
            head = next((name for name in tail if _fits_head(tensors, name, tail, wanted)), "")
            bias = f"{head.removesuffix('weight')}bias"
            used = (head, bias if bias in tail else "") if head else None
            dropped = tuple(name for name in tail if name not in (used or ()))
            if tail == heads or not dropped:
                blocks = dict(zip(wanted.shapes, body, strict=True))
                return Fit(prefix, blocks, (), (), used, dropped, by_position=True)
    return None


def _agrees(name: str, value: Tensor, key: str, wanted: Wanted) -> bool:
    mine, theirs = key.rpartition(".")[2], name.rpartition(".")[2]
    named = mine in KINDS and theirs in KINDS
    return same_kind(value, key, wanted) and (mine == theirs or not named)
