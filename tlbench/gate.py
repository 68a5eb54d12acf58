"""The gate: a run held against the accepted one; a regression fails, noise does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tlbench.accepted import Accepted, figures_of
from tlbench.changes import AXES, UNTESTED, Change, Rule, changes, comparable_clocks
from tlbench.changes.words import counted, said
from tlbench.errors import TlbenchError, unknown
from tlbench.verdict import Judged

HELD, REGRESSION, FAILED, INCONCLUSIVE, NOTHING_ACCEPTED = 0, 1, 3, 4, 5  # exit codes; 2 is usage
PROBLEMS = {"dropped": "regression", "missing": "missing", "other data": "other data", "too few": "too few seeds"}


@dataclass(frozen=True)
class Demands:
    """What fails beside a proven drop; allowed: paths of cells that may be missing."""

    noninferior: bool = False
    conclusive: bool = False
    fail_on_negative: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """Something that the gate says of a cell or an arm; code: the exit code it asks for, 0 where it only tells.

    kind: regression, missing, other data, too few seeds, not shown non-inferior, negative, undecided, failed trials,
    source changed, better baseline, rose, new.
    """

    kind: str
    axis: str
    path: str
    text: str
    code: int

    @property
    def level(self) -> Literal["error", "warning", "notice"]:
        """How loudly it is told."""
        quiet = self.kind in ("new", "rose")
        return "error" if self.code else "notice" if quiet else "warning"

    def line(self) -> str:
        """One line."""
        return f"{self.kind}: {self.path}{f' ({self.axis})' if self.axis else ''}: {self.text}"


@dataclass(frozen=True)
class Gate:
    """The outcome: findings, loudest first, every change, and the exit code."""

    suite: str
    findings: list[Finding]
    changes: list[Change]
    rule: Rule
    clocks: bool

    @property
    def code(self) -> int:
        """The exit code: a regression before failed trials before what is undecided."""
        codes = {finding.code for finding in self.findings}
        return next((code for code in (REGRESSION, FAILED, INCONCLUSIVE) if code in codes), HELD)

    def sees(self) -> dict[str, tuple[float, float]]:
        """For each axis the smallest drop that would be found with power 0.8: in the median cell and in the worst."""
        found = {}
        for axis in AXES:
            seen = [one.sees for one in self.changes if one.axis == axis and one.sees is not None]
            if seen:
                found[axis] = (float(np.median(seen)), max(seen))
        return found


def check_code(judged: Judged, code: str) -> None:
    """Refuses records that other code made than the code that is to be gated.

    Raises:
        TlbenchError: some are.
    """
    sides = [side for held in judged.held for side in (held.own, held.base)]
    made = {str(record.environment.get("code")) for side in sides for record in side.records.values()}
    if made - {code}:
        others = ", ".join(sorted(made - {code}))
        raise TlbenchError(
            f"{judged.folder} holds records made by other code ({others}, here {code}); "
            "the gate reads only this code's: run the suite with --fresh, or into a new --out"
        )


def check(accepted: Accepted, judged: Judged, rule: Rule, demands: Demands) -> Gate:
    """Holds a judged run against the accepted figures.

    Raises:
        TlbenchError: what may be missing was not accepted in the first place.
    """
    for path in demands.allowed:
        if path not in accepted.cells.keys() | accepted.arms.keys():
            raise unknown("cell of the accepted file", path, accepted.cells)
    run = figures_of(judged)
    every = changes(accepted, run, rule)
    found = [*_of_changes(every, accepted, demands), *_of_trials(accepted, judged), *_of_verdicts(judged, demands)]
    order = {"error": 0, "warning": 1, "notice": 2}
    found.sort(key=lambda finding: order[finding.level])
    return Gate(run.suite, found, every, rule, comparable_clocks(accepted, run))


def _of_changes(every: Sequence[Change], accepted: Accepted, demands: Demands) -> list[Finding]:
    found = []
    arms = {one.path: one for one in every if one.axis == "accuracy"}
    cells = {one.path for one in every if one.axis == "gain"}
    for one in every:
        cell = accepted.cells.get(one.path)
        if cell is not None and cell.role == "control" and one.word != "missing":
            continue
        if one.axis == "accuracy" and one.path in cells and one.word in UNTESTED:
            continue  # told once, of the cell's gain
        if one.axis == "gain" and one.word == "dropped" and cell is not None:
            better = _better_baseline(arms.get(cell.baseline), arms.get(one.path))
            if better:
                found.append(Finding("better baseline", "gain", one.path, f"{said(one)}; {better}", HELD))
                continue
        found += _of_change(one, demands)
    return found


def _better_baseline(base: Change | None, own: Change | None) -> str:
    """Whether a gain fell for no other reason than that the baseline rose."""
    if base is None or own is None or base.word != "rose" or own.word == "dropped":
        return ""
    return f"its baseline rose by {100 * (base.change or 0):.1f} points and the arm itself did not drop"


def _of_change(one: Change, demands: Demands) -> list[Finding]:
    if one.word in PROBLEMS:
        missing = one.word != "dropped"
        if missing and one.axis not in ("gain", "accuracy"):
            return []
        code = HELD if missing and one.path in demands.allowed else REGRESSION
        return [Finding(PROBLEMS[one.word], one.axis, one.path, said(one), code)]
    if demands.noninferior and not one.noninferior and one.axis != "cost":
        text = f"a drop of the margin is not excluded: {said(one)}"
        return [Finding("not shown non-inferior", one.axis, one.path, text, REGRESSION)]
    if one.word == "source changed":
        return [Finding("source changed", one.axis, one.path, said(one), HELD)] if one.axis == "gain" else []
    if one.word in ("rose", "new") and one.axis in ("gain", "accuracy"):
        return [Finding(one.word, one.axis, one.path, said(one), HELD)]
    return []


def _of_trials(accepted: Accepted, judged: Judged) -> list[Finding]:
    """Arms of which more trials failed than when the figures were accepted."""
    sides = {h.cell[kind]: side for h in judged.held for kind, side in (("path", h.own), ("baseline", h.base))}
    found = []
    for path, side in sides.items():
        failed = {seed: r for seed, r in side.records.items() if r.status == "failed"}
        if len(failed) > (len(accepted.arms[path].failed) if path in accepted.arms else 0):
            seed, record = next(iter(failed.items()))
            text = f"{len(failed)} of {len(side.records)}; seed {seed}: {record.outcome.get('failure')}"
            found.append(Finding("failed trials", "", path, text, FAILED))
    return found


def _of_verdicts(judged: Judged, demands: Demands) -> list[Finding]:
    found = []
    for v in judged.verdicts:
        path, text = f"{v.target}/{v.source}/{v.method}", f"gain {100 * (v.gain or 0):+.1f} points"
        if v.role == "control":
            if v.as_expected is False:
                wrong = f"{v.verdict}, {text}, but the control must be {v.expect}"
                found.append(Finding("control", "", path, wrong, HELD))
        elif demands.fail_on_negative and v.verdict == "negative":
            found.append(Finding("negative", "", path, text, REGRESSION))
        elif demands.conclusive and v.verdict in ("inconclusive", "unstable", "invalid"):
            found.append(Finding("undecided", "", path, f"{v.verdict}, {text}", INCONCLUSIVE))
    return found


def lines(gate: Gate, against: str) -> list[str]:
    """The outcome in lines: what was held against what, how it came out, what could have been seen."""
    outcome = "held" if gate.code == HELD else "NOT HELD"
    margins = f"margins {100 * gate.rule.margin:g} points, convergence {100 * gate.rule.convergence_margin:g}"
    found = [
        f"gate {gate.suite}: {outcome} (exit {gate.code}), against {against}",
        counted(gate.changes),
        f"a drop fails at alpha {gate.rule.alpha:g} over all of them (Holm), beyond {margins}",
    ]
    for axis, (middle, worst) in gate.sees().items():
        unit = "x" if axis == "cost" else " points"
        sizes = [f"{np.exp(one) if axis == 'cost' else 100 * one:.1f}{unit}" for one in (middle, worst)]
        found.append(
            f"{axis}: the smallest drop it can see (power 0.8) is {sizes[0]} in the median, {sizes[1]} in the worst"
        )
    if not gate.clocks:
        found.append("seconds are not compared: another machine, device or number of threads")
    elif not any(one.axis == "cost" for one in gate.changes):
        found.append("seconds are not compared: both runs need a timing pass (--timing)")
    return found
