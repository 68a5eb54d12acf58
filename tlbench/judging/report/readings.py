"""A cell on the three axes, as a row: final accuracy, convergence, cost."""

from typing import Any

from tlbench.judging.report.flags import FLAGS
from tlbench.judging.units import unit_of
from tlbench.judging.verdict import Verdict, method_of, source_of, target_of


def _difference(curve: dict[str, Any] | None, name: str, metric: str) -> str:
    return "n/a" if not curve else unit_of(metric).signed(curve[name]["mean"])


def _never(curve: dict[str, Any]) -> str:
    """Which side does not arrive within the budget."""
    own, base = (curve[name].count(None) for name in ("steps_to_target", "baseline_steps_to_target"))
    return "scratch > budget" if base > own else "> budget"


def speedup_text(cost: dict[str, Any]) -> str:
    """How many times faster than scratch a timed arm is, with its interval."""
    ends = cost["speedup_interval"]
    return f"{cost['speedup']:.2f}x" + (f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else "")


def cost_text(cost: dict[str, Any]) -> str:
    """A cell's speed-up over scratch, with verdict and interval where it was timed."""
    if cost["estimated"]:
        return f"estimated {cost['speedup']:.2f}x" if "speedup" in cost else "-"
    return f"{FLAGS.get(cost['verdict'], cost['verdict'])} {speedup_text(cost)}"


def readings_row(v: Verdict) -> tuple[str, ...]:
    """A cell on the three axes, under `READINGS`."""
    curve, seconds = v.convergence, v.cost.get("seconds")
    speed = "n/a"
    if curve and "log2_speedup" in curve:
        ratio, n = curve["log2_speedup"], len(curve["steps_to_target"])
        censored = f" ({curve['censored_pairs']}/{n} censored)" if curve["censored_pairs"] else ""
        speed = (_never(curve) if ratio is None else f"{2**ratio:.2f}x") + censored
    return (
        target_of(v),
        source_of(v),
        method_of(v),
        f"{FLAGS.get(v.verdict, v.verdict)} {unit_of(v.metric).signed(v.gain)}",
        "not applicable" if not curve else FLAGS.get(curve["verdict"], curve["verdict"]),
        "n/a" if not curve else unit_of(v.metric).ranged(curve["area"]["mean"], curve["area"]["interval"]),
        *(_difference(curve, name, v.metric) for name in ("jumpstart", "asymptote")),
        speed,
        cost_text(v.cost),
        "-" if seconds is None else f"{seconds:.2f}",
        "-" if seconds is None else f"{v.cost['baseline_seconds']:.2f}",
        ", ".join(f"{name} {value:.3g}" for name, value in v.similarity.items()) or "-",
    )


CURVE_TITLE = "the three axes: final accuracy, convergence (area under the curve), cost (judged where timed: --timing)"
READINGS = (
    "target",
    "source",
    "method",
    "final accuracy",
    "convergence",
    "area [interval]",
    "jumpstart",
    "asymptote",
    "steps",
    "cost",
    "seconds",
    "scratch s",
    "similarity",
)
