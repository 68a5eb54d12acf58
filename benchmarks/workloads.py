"""What the side-by-side run works on: two grids as suites, the units that a peer runs of them, and their variants."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

BASELINE = "scratch"
METHODS = {"finetune": "finetune", "last_k-2": "last_k:2", "last_k-1": "last_k:1", "linear_probe": "linear_probe"}
FROZEN = ("last_k-2", "last_k-1", "linear_probe")  # of these a part of the network stands still
ARMS = (BASELINE, *METHODS)
Plain: TypeAlias = Mapping[str, Any]


class Unit(NamedTuple):
    """What a peer runs at a time: every arm, scratch among them, of one source, target and seed (labels)."""

    source: str
    target: str
    seed: int


@dataclass(frozen=True)
class Workload:
    """A grid: sources crossed with targets, every method and a baseline, for some seeds.

    sources, targets: entries of a suite by label; common: the suite's other keys; n_train: images trained on.
    """

    name: str
    sources: Mapping[str, Plain]
    targets: Mapping[str, Plain]
    n_train: int
    n_val: int
    seeds: int
    common: Plain
    pairs: tuple[tuple[str, str], ...] = ()  # (source, target) that are crossed; all of them where none are named
    methods: tuple[str, ...] = tuple(METHODS)
    baseline: str = BASELINE

    def crossed(self) -> tuple[tuple[str, str], ...]:
        """The (source, target) pairs of the grid, by label."""
        return self.pairs or tuple(itertools.product(self.sources, self.targets))

    def units(self) -> list[Unit]:
        """Every unit of the grid."""
        return [Unit(source, target, seed) for source, target in self.crossed() for seed in range(self.seeds)]

    def fraction(self, index: int, count: int) -> list[Unit]:
        """`count` units for the round `index`: other seeds, sources and targets each round, spread over the grid."""
        places = range(index * count, (index + 1) * count)
        sources, targets = list(self.sources), list(self.targets)
        return [
            Unit(sources[(i // len(targets)) % len(sources)], targets[i % len(targets)], self._seed(i)) for i in places
        ]

    def _seed(self, place: int) -> int:
        """Walks through the seeds, one further after each round of the targets where the two would keep step."""
        in_step = self.seeds % len(self.targets) == 0 or len(self.targets) % self.seeds == 0
        return (place + (place // len(self.targets) if in_step else 0)) % self.seeds

    def target_label(self, target: str) -> str:
        """The target's label in records."""
        return f"{target}-n{self.n_train}"

    def counts(self) -> dict[str, int]:
        """How many trainings the grid asks for by arm, the baseline anew for each source as a peer has it."""
        return dict.fromkeys(ARMS, len(self.crossed()) * self.seeds)

    def shared_baselines(self) -> int:
        """How many baselines there are where one serves all sources of its target and seed."""
        return len({target for _, target in self.crossed()}) * self.seeds

    def suite(self) -> dict[str, Any]:
        """The suite that tlbench runs."""
        targets = [
            {**self.targets[target], "n_train": [self.n_train], "n_val": self.n_val, "label": target}
            for target in dict.fromkeys(target for _, target in self.crossed())
        ]
        by_sources: dict[tuple[str, ...], list[str]] = {}
        for target in dict.fromkeys(target for _, target in self.crossed()):
            by_sources.setdefault(tuple(s for s, t in self.crossed() if t == target), []).append(target)
        methods = [METHODS[method] for method in self.methods]
        cross = [
            {"sources": [{**self.sources[s], "label": s} for s in given], "methods": methods, "targets": meant}
            for given, meant in by_sources.items()
        ]
        own = {"seeds": self.seeds, "baseline": self.baseline, "targets": targets, "cross": cross}
        equal = {"protocols": ["equal_steps"], "controls": False, "similarities": []}  # peers do not run on
        return {"name": self.name, **equal, **self.common, **own}

    def toml(self) -> str:
        """The suite as a TOML file."""
        return "".join(f"{key} = {_toml(value)}\n" for key, value in self.suite().items())


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


TINY = Workload(
    name="tiny",
    sources={
        "glyphs-digits": {"name": "trained", "dataset": "glyphs:digits", "steps": 400},
        "glyphs-upper": {"name": "trained", "dataset": "glyphs:upper", "steps": 400},
        "patterns": {"name": "trained", "dataset": "patterns", "steps": 400},
    },
    targets={f"digits-{i}": {"dataset": {"name": "digits", "split_seed": i}} for i in range(4)},
    n_train=1297,
    n_val=141,  # the rest of the pool: 1,797 images less the fifth that is tested on
    seeds=5,
    common={
        "network": {"name": "resnet", "depth": 8, "width": 8},
        "image_size": 8,
        "epochs": 10,
        "batch_size": 32,
        "learning_rates": [0.003],
    },
)
LARGE_PATTERNS = {"name": "patterns", "size": 28, "n_classes": 12, "noise": 4.0}
MID = Workload(
    name="mid",
    sources={"reference": {"name": "trained", "dataset": {**LARGE_PATTERNS, "similarity": 1.0}, "steps": 200}},
    targets={
        "near": {"dataset": {**LARGE_PATTERNS, "similarity": 0.8, "variant": 1}},
        "far": {"dataset": {**LARGE_PATTERNS, "similarity": 0.0, "variant": 2}},
    },
    n_train=2000,
    n_val=400,
    seeds=2,
    common={
        "network": {"name": "resnet", "depth": 8, "width": 16},
        "image_size": 28,
        "epochs": 5,
        "batch_size": 64,
        "learning_rates": [0.003],
    },
)


MANY = {"many": {"dataset": {"name": "patterns", "size": 8, "n_classes": 325}}}  # a pool of 65,000 images
SIZES = (500, 2_000, 8_000, 30_000, 60_000)


def quick(workload: Workload) -> Workload:
    """The same grid cut down until a run of the command takes a minute or two: its figures mean nothing."""
    return replace(workload, common={**workload.common, "epochs": 1}, seeds=2, n_train=320)


def alone(workload: Workload, method: str) -> Workload:
    """One method from one source at every target and seed, beside a baseline that trains nothing.

    Of scratch: the probe's grid with its baseline, from which the probe's own is taken off.
    """
    first = next(iter(workload.sources))
    one = replace(workload, name=f"alone-{method}", sources={first: workload.sources[first]}, pairs=())
    if method == BASELINE:
        return replace(one, methods=("linear_probe",))
    return replace(one, methods=(method,), baseline="majority")


def start_up(workload: Workload) -> Workload:
    """The least that can be run: one step of one arm at one seed of two targets, so that two workers start."""
    least = replace(alone(workload, "finetune"), name="start-up", seeds=1, n_train=32)
    targets = dict(itertools.islice(least.targets.items(), 2))
    return replace(least, targets=targets, common={**least.common, "epochs": 1, "batch_size": 32})


def warm_up(workload: Workload) -> Workload:
    """A short run that trains and keeps every source of the grid."""
    short = {**workload.common, "epochs": 1}
    return replace(workload, name="warm-up", methods=("linear_probe",), baseline="majority", seeds=1, common=short)


def twenty_cells(workload: Workload) -> Workload:
    """Twenty cells of the grid: five (source, target) pairs by four methods."""
    return replace(workload, name="verdicts", pairs=tuple(sorted(workload.crossed(), key=lambda pair: pair[1])[:5]))


def scaling(workload: Workload) -> dict[str, dict[float, Workload]]:
    """Grids that grow along one axis, by axis and size; at one target, and where they do not grow 5 seeds, 1 source."""
    target = dict([next(iter(workload.targets.items()))])
    names = list(workload.sources)

    def cut(seeds: int, sources: int) -> Workload:
        chosen = {name: workload.sources[name] for name in names[:sources]}
        return replace(workload, name="scaling", seeds=seeds, sources=chosen, targets=target)

    seeds = workload.seeds
    images = replace(cut(seeds, 1), targets=MANY, n_val=400, common={**workload.common, "epochs": 1})
    return {
        "seeds": {float(k): cut(k, 1) for k in (seeds, 2 * seeds, 4 * seeds)},
        "sources": {float(k): cut(seeds, k) for k in range(1, len(names) + 1)},
        "n_train": {float(k): replace(images, n_train=k) for k in SIZES},
    }
