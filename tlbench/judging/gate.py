"""The gate: a run held against the accepted one; a regression fails, noise does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tlbench.errors import TlbenchError, unknown
from tlbench.judging.accepted import Accepted, accepted_of
from tlbench.judging.changes import AXES, UNTESTED, Change, Rule, changes, comparable_clocks, counted, said
from tlbench.judging.verdict import Judged

HELD, REGRESSION, FAILED, INCONCLUSIVE, NOTHING_ACCEPTED, PROTOCOL_CHANGED = 0, 1, 3, 4, 5, 6  # 2 is usage
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
    control, source changed, better baseline, rose, new.
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
        seeable = {}
        for axis in AXES:
            seen = [change.sees for change in self.changes if change.axis == axis and change.sees is not None]
            if seen:
                seeable[axis] = (float(np.median(seen)), max(seen))
        return seeable

    def lines(self, against: str) -> list[str]:
        """The outcome in lines: what was held against what, how it came out, what could have been seen."""
        outcome = "held" if self.code == HELD else "NOT HELD"
        margins = f"margins {100 * self.rule.margin:g} points, convergence {100 * self.rule.convergence_margin:g}"
        lines = [
            f"gate {self.suite}: {outcome} (exit {self.code}), against {against}",
            counted(self.changes),
            f"a drop fails at alpha {self.rule.alpha:g} over all of them (Holm), beyond {margins}",
        ]
        for axis, (middle, worst) in self.sees().items():
            unit = "x" if axis == "cost" else " points"
            sizes = [f"{np.exp(-drop) if axis == 'cost' else 100 * drop:.1f}{unit}" for drop in (middle, worst)]
            lines.append(
                f"{axis}: the smallest drop it can see (power 0.8) is {sizes[0]} in the median, {sizes[1]} in the worst"
            )
        if not self.clocks:
            lines.append("seconds are not compared: another machine, device or number of threads")
        elif not any(change.axis == "cost" for change in self.changes):
            lines.append("seconds are not compared: both runs need a timing pass (--timing)")
        return lines


def check_code(judged: Judged, code: str) -> None:
    """Refuses records that other code made than the code that is to be gated.

    Raises:
        TlbenchError: some are.
    """
    arms = [arm for cell in judged.cells for arm in (cell.own, cell.base)]
    made = {str(record.environment.get("code")) for arm in arms for record in arm.records.values()}
    if made - {code}:
        others = ", ".join(sorted(made - {code}))
        raise TlbenchError(
            f"{judged.folder} holds records made by other code ({others}, here {code}); "
            "the gate reads only this code's: run the suite afresh, or into another folder"
        )


def check_gate(accepted: Accepted, judged: Judged, rule: Rule, demands: Demands) -> Gate:
    """Holds a judged run against the accepted one.

    Raises:
        TlbenchError: they are of different suites or metrics, there is nothing to compare, or what may be missing was
            not accepted.
    """
    run = accepted_of(judged)
    if accepted.suite != run.suite:
        raise TlbenchError(f"the accepted figures are of suite '{accepted.suite}', {judged.folder} is of '{run.suite}'")
    for path in demands.allowed:
        if path not in accepted.cells.keys() | accepted.arms.keys():
            raise unknown("cell of the accepted file", path, accepted.cells)
    every = changes(*_without_controls(accepted, run), rule)
    if not every:
        raise TlbenchError(f"nothing to compare: neither {judged.folder} nor the accepted figures have results")
    findings = [*_of_changes(every, accepted, run, rule, demands), *_of_controls(accepted, run, demands)]
    findings += [*_of_trials(accepted, run), *_of_verdicts(judged, demands)]
    order = {"error": 0, "warning": 1, "notice": 2}
    findings.sort(key=lambda finding: order[finding.level])
    return Gate(run.suite, findings, every, rule, comparable_clocks(accepted, run))


def _without_controls(accepted: Accepted, run: Accepted) -> tuple[Accepted, Accepted]:
    """Both sides without what is a control on each side that has it, and without arms that no cell is left to use."""
    sides = (accepted, run)
    controls = {path for side in sides for path, cell in side.cells.items() if cell.role == "control"}
    controls -= {path for side in sides for path, cell in side.cells.items() if cell.role != "control"}
    made = []
    for side in sides:
        cells = {path: cell for path, cell in side.cells.items() if path not in controls}
        used = {arm for path, cell in cells.items() for arm in (path, cell.baseline)}
        arms = {path: arm for path, arm in side.arms.items() if path in used}
        made.append(side.model_copy(update={"cells": cells, "arms": arms}))
    return made[0], made[1]


def _of_controls(accepted: Accepted, run: Accepted, demands: Demands) -> list[Finding]:
    """Controls that are gone."""
    gone = [path for path, cell in accepted.cells.items() if cell.role == "control" and path not in run.cells]
    return [Finding("missing", "", path, "a control", HELD if path in demands.allowed else REGRESSION) for path in gone]


def _of_changes(
    every: Sequence[Change], accepted: Accepted, run: Accepted, rule: Rule, demands: Demands
) -> list[Finding]:
    findings = []
    arms = {change.path: change for change in every if change.axis == "accuracy"}
    cells = {change.path for change in every if change.axis == "gain"}
    unused = {cell.baseline for cell in accepted.cells.values()}
    unused -= {cell.baseline for path, cell in accepted.cells.items() if path not in demands.allowed}
    for change in every:
        axis, path = change.axis, change.path
        if path not in cells and change.word == "missing" and path in unused:
            continue  # a baseline of cells that all may be missing
        if axis == "accuracy" and path in cells and change.word in UNTESTED:
            continue  # told once, of the cell's gain
        better = _better_baseline(change, arms, (accepted, run), rule) if change.word == "dropped" else ""
        if better:
            findings.append(Finding("better baseline", axis, path, f"{said(change)}; {better}", HELD))
        else:
            findings += _of_change(change, demands)
    return findings


def _better_baseline(change: Change, arms: Mapping[str, Change], sides: tuple[Accepted, Accepted], rule: Rule) -> str:
    """Whether a cell's gain or relative cost is worse for no other reason than that its baseline is better."""
    cell = sides[0].cells.get(change.path)
    if cell is None or change.axis not in ("gain", "cost"):
        return ""
    if change.axis == "cost":
        own = [np.mean(list(side.arms[change.path].seconds.values())) for side in sides]
        return f"the arm itself takes {own[1]:.3g} s after {own[0]:.3g} s" if own[1] <= 1.05 * own[0] else ""
    base, arm = arms.get(cell.baseline), arms.get(change.path)
    if base is None or arm is None or base.word != "rose" or (arm.change or 0.0) < -rule.margin:
        return ""
    rise, moved = 100 * (base.change or 0.0), 100 * (arm.change or 0.0)
    return f"its baseline rose by {rise:.1f} points, the arm itself moved by {moved:+.1f}"


def _of_change(change: Change, demands: Demands) -> list[Finding]:
    if change.word in PROBLEMS:
        missing = change.word != "dropped"
        if missing and change.axis not in ("gain", "accuracy"):
            return []
        code = HELD if missing and change.path in demands.allowed else REGRESSION
        return [Finding(PROBLEMS[change.word], change.axis, change.path, said(change), code)]
    if demands.noninferior and not change.noninferior and change.axis != "cost":
        text = f"a drop of the margin is not excluded: {said(change)}"
        return [Finding("not shown non-inferior", change.axis, change.path, text, REGRESSION)]
    told = {"source changed": ("gain",), "rose": ("gain", "accuracy"), "new": ("gain", "accuracy")}
    if change.axis in told.get(change.word, ()):
        return [Finding(change.word, change.axis, change.path, said(change), HELD)]
    return []


def _of_trials(accepted: Accepted, run: Accepted) -> list[Finding]:
    """Arms of which more trials failed, or ended at chance, than when the figures were accepted."""
    findings = []
    for path, arm in run.arms.items():
        before = accepted.arms.get(path)
        was = (len(before.failed), len(before.at_chance)) if before else (0, len(arm.at_chance))
        if len(arm.failed) > was[0]:
            text = f"{len(arm.failed)} diverged or collapsed (seeds {_listed(arm.failed)}), {was[0]} when accepted"
            findings.append(Finding("failed trials", "", path, text, FAILED))
        elif len(arm.at_chance) > was[1] + 1:
            text = f"{len(arm.at_chance)} are at chance (seeds {_listed(arm.at_chance)}), {was[1]} when accepted"
            findings.append(Finding("failed trials", "", path, text, FAILED))
    return findings


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _of_verdicts(judged: Judged, demands: Demands) -> list[Finding]:
    findings = []
    for v in judged.verdicts:
        path, text = f"{v.target}/{v.source}/{v.method}", f"gain {100 * (v.gain or 0):+.1f} points"
        if v.role == "control":
            if v.as_expected is False:
                wrong = f"{v.verdict}, {text}, but the control must be {v.expect}"
                findings.append(Finding("control", "", path, wrong, HELD))
        elif demands.fail_on_negative and v.verdict == "negative":
            findings.append(Finding("negative", "", path, text, REGRESSION))
        elif demands.conclusive and v.verdict in ("inconclusive", "unstable", "invalid"):
            findings.append(Finding("undecided", "", path, f"{v.verdict}, {text}", INCONCLUSIVE))
    return findings
