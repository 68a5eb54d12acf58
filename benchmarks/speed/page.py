"""Findings as a page of markdown tables, for the terminal and for docs/performance.md alike."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.speed.findings import SEEDS_EVERYWHERE, Plain, held
from benchmarks.speed.sides import CALM, KINDS, PIL, TENSOR, TLBENCH

NAMES = {TLBENCH: "tlbench", PIL: "P1", TENSOR: "P2"}
GRIDS = {
    "tiny": "TINY: scikit-learn digits 8x8, ResNet-8 of width 8, 1,297 images trained on, batches of 32",
    "mid": "MID: generated patterns 28x28, ResNet-8 of width 16, 2,000 images trained on, batches of 64",
}
HEADER = f"""# How fast tlbench is, beside what one would otherwise write

    nox -s speed -- --json speed.json --markdown docs/performance.md

One command, within 25 minutes on two cores: both sides on the same machine in turn, A/B/C and C/B/A, tlbench on the
whole grid, each peer on a stated fraction of it, ratios of medians over the rounds. `--full` adds the peers' whole
grids and {SEEDS_EVERYWHERE} seeds everywhere, `--scaling` how tlbench grows; `--device cuda` moves both
sides; `--rounds`, `--tiny-units` and `--mid-units` change the fractions; `--quick` only proves that the command works;
`--read speed.json` shows a stored run.

- **P1**: a Dataset of PIL images with torchvision's transforms in a DataLoader (`num_workers=0`), one run per method
  and seed, the frozen part run forward at every step, scratch trained anew for every source. **P2**: the same over a
  TensorDataset. Both take one thread or all, whichever is quicker in a trial before their clock.
- Equal on both sides: data and draws, initial weights, batches and their order, epochs, AdamW with warm-up and cosine,
  one learning rate, validation accuracy at the same two dozen steps, test accuracy at the end.
- tlbench's seconds are those of the process: start of Python, imports, workers, planning, records, verdicts and report
  are in them. The peers' are those of training and evaluation alone, so that what is scaled up holds no start-up.
- Sources are trained beforehand, outside every clock; both sides load the same kept weights.
- Memory: the peak over the process and its workers, seen twice a second; pages of libraries are counted once, pages
  that a forked worker shares with its origin once for each.
- The comparison fails (exit code 1) where a method's mean accuracy differs between the sides by more than two standard
  errors of a difference of two means: the variance over seeds, at least that of the test set's size.
"""


def render(measured: Plain, found: Plain) -> str:
    """The whole page."""
    parts = [HEADER, _where(measured)]
    for name, grid in found["grids"].items():
        parts += [_grid(name, grid, measured["grids"][name]), _gate(found["gates"][name])]
    if "methods" in found:
        parts.append(_methods(found["methods"], measured["methods"]["units"]))
    if "verdicts" in found:
        parts.append(_verdicts(found["verdicts"]))
    parts.append(_peaks(found["peaks"]))
    if "scaling" in found:
        parts.append(_scaling(found["scaling"]))
    agreed = "Accuracy agrees everywhere." if held(found) else "**Accuracy does not agree: see NO above.**"
    return "\n".join([*parts, agreed, ""])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _where(measured: Plain) -> str:
    where, asked = measured["environment"], measured["asked"]
    machine, versions = where["machine"], where["versions"]
    commit = f"{(where['commit'] or 'no checkout')[:9]}{' with changes' if where['dirty'] else ''}"
    line = (
        f"Measured {measured['made']} on {machine['cores']} cores of {machine['processor']} ({where['device']}), "
        f"torch {versions['torch']}, Python {versions['python']}, commit {commit}; "
        f"{measured['jobs'] or 'default'} tlbench workers.\n"
    )
    if asked["quick"]:
        line += "\n**Made with --quick: the figures mean nothing.**\n"
    return line


def _grid(name: str, grid: Plain, measured: Plain) -> str:
    suite = measured["suite"]
    sources = {source["label"] for cross in suite["cross"] for source in cross["sources"]}
    head = (
        f"## {GRIDS[name]}\n\n{len(sources)} sources x {len(suite['targets'])} targets x 5 methods (one is scratch) x "
        f"{suite['seeds']} seeds x {suite['epochs']} epochs. In each of {grid['rounds']} rounds tlbench does all "
        f"{measured['units']} (source, target, seed), a peer {measured['fraction']} of them, other ones each round "
        f"({_threads(measured)}), "
        f"scaled linearly. Sharing scratch is worth {grid['sharing']:.2f}x by itself. {_calm(grid)}\n"
    )
    rows = [_side(side, one) for side, one in grid["sides"].items()]
    for kind, one in grid.get("full", {}).items():
        rows.append([f"{NAMES[kind]}, whole grid run once", _seconds(one["seconds"]), _times(one["ratio"]), *["-"] * 5])
    columns = ["side", "seconds", "tlbench is faster by", "rounds", "GFLOP/s", "of conv mix", "of conv peak", "peak MB"]
    return f"{head}\n{table(columns, rows)}"


def _threads(measured: Plain) -> str:
    """With how many threads each peer ran."""
    chosen = {NAMES[kind]: {one[kind]["threads"] for one in measured["rounds"]} for kind in KINDS}
    return ", ".join(f"{name} with {' or '.join(map(str, sorted(used)))} threads" for name, used in chosen.items())


def _calm(found: Plain) -> str:
    """What is to be said of rounds in which the machine was not left alone."""
    if found["disturbed"]:
        return f"**In every round others used more than {CALM} cores: these figures are not to be relied on.**"
    if found["left_out"]:
        return f"{found['left_out']} more rounds, in which others used more than {CALM} cores, are left out."
    return f"Others used less than {CALM} cores throughout."


def _side(side: str, one: Plain) -> list[str]:
    kind, comma, rest = side.partition(",")
    memory = f"{one['host_mb'] or '-'}" + (f" + {one['device_mb']} on the device" if one["device_mb"] else "")
    faster = "-" if kind == TLBENCH else f"**{_times(one['ratio'])}**"
    spread = "-" if kind == TLBENCH else f"{one['low']:.1f} to {one['high']:.1f}"
    shares = [f"{one['flops_a_second'] / 1e9:.1f}", f"{one['of_mix']:.0%}", f"{one['of_conv']:.0%}"]
    return [f"{NAMES[kind]}{comma}{rest}", _seconds(one["seconds"]), faster, spread, *shares, memory]


def _gate(gates: Mapping[str, Sequence[Plain]]) -> str:
    head = [
        "accuracy of",
        "n",
        "tlbench",
        *(f"{NAMES[kind]}" for kind in KINDS),
        "2 standard errors",
        "furthest",
        "equal",
    ]
    rows = []
    for pair in zip(*(gates[kind] for kind in KINDS), strict=True):
        first = pair[0]
        means = [f"{100 * one['peer']:.2f}" for one in pair]
        furthest = max(one["furthest"] for one in pair)
        equal = "yes" if all(one["held"] for one in pair) else "**NO**"
        own = [first["arm"], str(first["n"]), f"{100 * first['tlbench']:.2f}"]
        rows.append([*own, *means, f"{100 * first['allowed']:.2f}", f"{100 * furthest:.2f}", equal])
    return table(head, rows)


def _methods(found: Plain, units: int) -> str:
    text = (
        "## Each method alone, on TINY\n\n"
        f"Runs of tlbench with one method, one source, all targets and seeds ({units} trainings; the "
        "baseline beside it trains nothing) against the peers' mean seconds of that method times as many. Then less "
        f"the {_seconds(found['start_up'])} s of the least possible run (one step of one arm at two targets): its "
        "start-up. Scratch is the probe's run with scratch less the one without. "
        f"Medians of {found['rounds']} rounds. {_calm(found)}\n"
    )
    head = ["method", "tlbench s", "P1", "P2", "tlbench s less start-up", "P1", "P2"]
    body = []
    for row in found["arms"]:
        whole = [_times(row[kind]["ratio"]) for kind in KINDS]
        off = [_times(row[kind]["ratio_off"]) for kind in KINDS]
        body.append([row["arm"], _seconds(row["seconds"]), *whole, _seconds(row["seconds_off"]), *off])
    return f"{text}\n{table(head, body)}"


def _verdicts(found: Plain) -> str:
    words = ", ".join(f"{count} {word}" for word, count in found["words"].items())
    text = (
        f"## Time to the same verdicts\n\nTwenty cells of TINY. P1 with {SEEDS_EVERYWHERE} seeds everywhere "
        f"({found['trainings']} trainings, from two units run before and after, scaled): {_seconds(found['pil'])} s; "
        f"tlbench with `--seeds auto` ({found['ran']} trainings, measured): {_seconds(found['tlbench'])} s, "
        f"**{_times(found['ratio'])}** faster ({_times(found['ratio_shared'])} where P1 shares scratch). "
        f"Verdicts: {words}."
    )
    if found["disturbed"]:
        text += f" **Others used more than {CALM} cores meanwhile: not to be relied on.**"
    if "agree" in found:
        total = sum(found["words"].values())
        text += f" {found['agree']} of {total} equal those of {SEEDS_EVERYWHERE} seeds everywhere"
        text += f" (tlbench: {_seconds(found['fixed_seconds'])} s)."
    return text + "\n"


def _peaks(peaks: Mapping[str, float]) -> str:
    giga = {name: f"{peak / 1e9:.0f} GFLOP/s" for name, peak in peaks.items()}
    return (
        f"## The ceiling\n\ntorch.mm {giga['mm']}. 3x3 convolutions forward and backward: fastest shape (conv peak) "
        f"{giga['conv']}, MID's three stages in its proportions (conv mix) {giga['mix']}; one process, all cores, "
        "medians over the parts of the run. A side's GFLOP/s is the least work in which the grid can be had by its "
        "seconds: frozen prefix once over pool and test set for a source and target, scratch once for a target and "
        "seed, evaluations in it; convolutions and matrix products only.\n"
    )


def _scaling(rows: Sequence[Plain]) -> str:
    where = (
        "One target of TINY, 5 seeds and 1 source where they do not grow; n_train on 325 classes of patterns, 1 epoch."
    )
    text = f"## How tlbench grows\n\n{where}\ny ~ x^exponent.\n"
    head = ["axis", "sizes", "seconds", "peak MB", "exponent of seconds", "less start-up", "of memory"]
    body = []
    for row in rows:
        fitted = row["exponents"]
        exponents = ["-" if value is None else f"{value:.2f}" for value in fitted.values()]
        series = [", ".join(f"{value:g}" for value in row["sizes"]), ", ".join(_seconds(s) for s in row["seconds"])]
        body.append([row["axis"], *series, ", ".join(str(m or "-") for m in row["host_mb"]), *exponents])
    return f"{text}\n{table(head, body)}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}x"
