"""Measurements (plain data, as the JSON file holds them) to findings: what the tables show."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, TypeAlias

from benchmarks.speed.arithmetic import exponent, gate, ratio, scaled, seconds_by_arm
from benchmarks.speed.sides import CALM, KINDS, PIL, TLBENCH
from benchmarks.workloads import ARMS, BASELINE

Plain: TypeAlias = dict[str, Any]
SEEDS_EVERYWHERE = 20  # what a user without adaptive seeds has to plan for
UNTOLD = 0.2  # seconds beyond start-up below which a difference of two runs tells nothing


def findings(measured: Plain) -> Plain:
    """Every part that was measured."""
    found: Plain = {"peaks": {key: median(one[key] for one in measured["peaks"]) for key in ("mm", "conv", "mix")}}
    grids = measured.get("grids", {})
    found["grids"] = {name: _grid(grid, found["peaks"]) for name, grid in grids.items() if grid["rounds"]}
    found["gates"] = {name: _gates(grid) for name, grid in grids.items() if grid["rounds"]}
    if measured.get("methods") and measured["methods"]["rounds"]:
        found["methods"] = _methods(measured["methods"], grids["tiny"])
    if measured.get("verdicts"):
        found["verdicts"] = _verdicts(measured["verdicts"])
    if measured.get("scaling"):
        found["scaling"] = [_growth(axis, points) for axis, points in measured["scaling"].items()]
    return found


def held(found: Mapping[str, Any]) -> bool:
    """Whether accuracy agrees everywhere."""
    return all(row["held"] for gates in found["gates"].values() for rows in gates.values() for row in rows)


def _grid(grid: Plain, peaks: Mapping[str, float]) -> Plain:
    """One grid's sides in seconds for all of it, the peers' fraction scaled to it arm by arm."""
    rounds, needed = calm(grid["rounds"]), grid["needed"]["total"]
    shared = grid["counts"] | {BASELINE: grid["shared_baselines"]}
    ours = [one[TLBENCH]["seconds"] for one in rounds]
    series = {TLBENCH: ours} | {kind: [scaled(one[kind]["rows"], grid["counts"]) for one in rounds] for kind in KINDS}
    series |= {f"{kind}, scratch shared": [scaled(one[kind]["rows"], shared) for one in rounds] for kind in KINDS}
    sides = {}
    for name, seconds in series.items():
        measured = [one[name.partition(",")[0]] for one in rounds]
        rate = needed / median(seconds)
        sides[name] = ratio(seconds, ours) | {
            "seconds": median(seconds),
            "flops_a_second": rate,
            **{f"of_{name}": rate / peak for name, peak in peaks.items()},
            "host_mb": _most(one["host_mb"] for one in measured),
            "device_mb": _most(one["device_mb"] for one in measured),
        }
    sharing = sides[PIL]["seconds"] / sides[f"{PIL}, scratch shared"]["seconds"]
    return {"sides": sides, "sharing": sharing, **_counted(grid["rounds"])} | _full(grid, ours)


def calm(rounds: Sequence[Plain]) -> Sequence[Plain]:
    """The rounds in which others left the machine alone; all of them where there is none."""
    return [one for one in rounds if not disturbed(one)] or rounds


def disturbed(one: Plain) -> bool:
    """Whether others used more than `CALM` cores during a run of the round."""
    return any(cost["others"] > CALM for cost in one.values() if isinstance(cost, dict))


def _counted(rounds: Sequence[Plain]) -> Plain:
    kept = calm(rounds)
    return {"rounds": len(kept), "left_out": len(rounds) - len(kept), "disturbed": any(map(disturbed, kept))}


def _full(grid: Plain, ours: list[float]) -> Plain:
    """The peers' whole grids, where they were run, against the same median of ours."""
    if "full" not in grid:
        return {}
    seconds = {kind: sum(row["seconds"] for row in cost["rows"]) for kind, cost in grid["full"].items()}
    return {"full": {kind: {"seconds": one, "ratio": one / median(ours)} for kind, one in seconds.items()}}


def _gates(grid: Plain) -> Plain:
    """The gate of each peer, over the units of all rounds; our accuracies are those of the first."""
    ours, n_test = grid["rounds"][0]["accuracies"], grid["needed"]["n_test"]
    return {kind: gate(ours, [row for one in grid["rounds"] for row in one[kind]["rows"]], n_test) for kind in KINDS}


def _methods(methods: Plain, grid: Plain) -> Plain:
    """Each arm alone: our run of one arm, with start-up and without, against the peers' trainings of that arm."""
    peers = {kind: seconds_by_arm([row for one in calm(grid["rounds"]) for row in one[kind]["rows"]]) for kind in KINDS}
    rounds = calm(methods["rounds"])
    start_up = median(one["start-up"]["seconds"] for one in rounds)
    rows = []
    for arm in ARMS:
        less = "linear_probe" if arm == BASELINE else "start-up"
        off = median(one[arm]["seconds"] - one[less]["seconds"] for one in rounds)
        whole = off + start_up
        row: Plain = {"arm": arm, "seconds": whole, "seconds_off": off if off > UNTOLD else None}
        for kind, mean in peers.items():
            theirs = mean[arm] * methods["units"]
            row[kind] = {
                "seconds": theirs,
                "ratio": theirs / whole,
                "ratio_off": theirs / off if off > UNTOLD else None,
            }
        rows.append(row)
    return {"start_up": start_up, **_counted(methods["rounds"]), "arms": rows}


def _verdicts(verdicts: Plain) -> Plain:
    """Seconds to a verdict on every cell: ours as measured, the peers' with the most seeds everywhere."""
    rows = [row for cost in verdicts["pil"] for row in cost["rows"]]
    counts = dict.fromkeys(ARMS, verdicts["pairs"] * SEEDS_EVERYWHERE)
    theirs, ours = scaled(rows, counts), verdicts["tlbench"]["seconds"]
    shared = scaled(rows, counts | {BASELINE: verdicts["targets"] * SEEDS_EVERYWHERE})
    found = {
        "tlbench": ours,
        "pil": theirs,
        "pil_shared": shared,
        "ratio": theirs / ours,
        "ratio_shared": shared / ours,
    }
    found |= {"trainings": sum(counts.values()), "ran": verdicts["ran"]}
    found |= {"disturbed": disturbed({str(i): one for i, one in enumerate([verdicts["tlbench"], *verdicts["pil"]])})}
    found |= {"words": _tally(verdicts["verdicts"].values())}
    if "fixed" in verdicts:
        fixed = verdicts["fixed"]["verdicts"]
        found["agree"] = sum(word == fixed[cell] for cell, word in verdicts["verdicts"].items())
        found["fixed_seconds"] = verdicts["fixed"]["tlbench"]["seconds"]
    return found


def _growth(axis: str, points: list[Plain]) -> Plain:
    """How seconds and memory grow along an axis; `off` is with the seconds of a start-up taken off."""
    sizes = [point["size"] for point in points]
    seconds = [point["tlbench"]["seconds"] for point in points]
    off = [max(UNTOLD, point["tlbench"]["seconds"] - point["start-up"]) for point in points]
    memory = [point["tlbench"]["host_mb"] for point in points]
    fitted: Plain = {"seconds": exponent(sizes, seconds), "seconds_off": exponent(sizes, off)}
    fitted |= {"host_mb": exponent(sizes, memory) if all(memory) else None}
    return {"axis": axis, "sizes": sizes, "seconds": seconds, "host_mb": memory, "exponents": fitted}


def _tally(words: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items()))


def _most(values: Any) -> float | None:
    return max((value for value in values if value), default=None)
