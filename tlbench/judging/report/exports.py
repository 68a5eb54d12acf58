"""What other programs read: JUnit, a CI step's summary, annotations, and files for history charts."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from tlbench.errors import TlbenchError, one_line
from tlbench.judging import stats
from tlbench.judging.accepted import Accepted
from tlbench.judging.changes import UNTESTED, Change, loudest_first, row, said
from tlbench.judging.gate import Gate
from tlbench.judging.report.markdown import plain, table
from tlbench.records import write_text

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
SUMMARY_LIMIT = 1024 * 1024  # bytes of a step's summary; GitHub drops one that is larger
ANNOTATIONS = 10  # of a step that GitHub shows


def publish(gate: Gate, opening: Sequence[str], *, junit: Path | None, summary: bool) -> None:
    """Writes the outcome wherever it was asked for.

    Raises:
        TlbenchError: a file cannot be written.
    """
    if junit is not None:
        write_text(junit, as_junit(gate))
    if summary:
        append_summary(as_summary(gate, opening))


def printed(gate: Gate, opening: Sequence[str], *, as_json: bool) -> list[str]:
    """The outcome in lines, or as JSON; with annotations where GitHub runs it."""
    if as_json:
        whole = {
            "suite": gate.suite,
            "code": gate.code,
            "sees": gate.sees(),
            "findings": list(map(asdict, gate.findings)),
        }
        whole["changes"] = [change.as_dict() for change in gate.changes]
        return [json.dumps(whole, indent=1, allow_nan=False)]
    shown = annotations(gate) if os.environ.get("GITHUB_ACTIONS") == "true" else []
    return [*(finding.line() for finding in gate.findings), *opening, *shown]


def as_junit(gate: Gate) -> str:
    """A test case a change, by axis; what the gate fails for that is no change is a case of its own."""
    failures = {(f.axis or f.kind, f.path): f for f in gate.findings if f.code}
    cases: list[tuple[str, str, Change | None]] = [(change.axis, change.path, change) for change in gate.changes]
    cases += [(f.kind, f.path, None) for f in failures.values() if not f.axis]
    suites = ET.Element("testsuites", name=f"tlbench gate {gate.suite}")
    suite = ET.SubElement(suites, "testsuite", name=gate.suite, tests=str(len(cases)))
    count = {"failure": 0, "skipped": 0}
    for axis, path, change in cases:
        case = ET.SubElement(suite, "testcase", classname=f"{gate.suite}.{axis}", name=path)
        failure = failures.get((axis, path))
        untested = change is not None and change.word in UNTESTED and change.word != "unchanged"
        kind = "failure" if failure else "skipped" if untested else ""
        if kind:
            count[kind] += 1
            text = failure.line() if failure else f"{change.word}: {said(change)}" if change else ""
            ET.SubElement(case, kind, message=_printable(text))
    suite.set("failures", str(count["failure"]))
    suite.set("skipped", str(count["skipped"]))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(c for c in text if c.isprintable() or c in "\t\n")


def as_summary(gate: Gate, opening: Sequence[str]) -> str:
    """The gate's outcome in markdown: findings first, then every change as a table."""
    lines = [f"## tlbench gate: {plain(gate.suite)}", "", *(f"{plain(line)}  " for line in opening), ""]
    lines += [f"- **{plain(f.kind)}**: {plain(f.line().partition(': ')[2])}" for f in gate.findings]
    rows = [row(change) for change in loudest_first(gate.changes)]
    return "\n".join([*lines, "", *table(("axis", "cell or arm", "", "change"), rows), ""])


def append_summary(text: str, environment: Mapping[str, str] = os.environ) -> None:
    """Appends to the CI step's summary; what does not fit is cut at a line, and that is said.

    Raises:
        TlbenchError: there is no such step, or the file cannot be written.
    """
    if not environment.get(SUMMARY_VARIABLE):
        raise TlbenchError(f"a step's summary goes to the file that {SUMMARY_VARIABLE} names, and it is not set")
    path = Path(environment[SUMMARY_VARIABLE])
    try:
        room = SUMMARY_LIMIT - 200 - (path.stat().st_size if path.exists() else 0)
        with path.open("a", encoding="utf-8") as out:
            out.write(_fitting(text, room))
    except OSError as error:
        raise TlbenchError(f"cannot append to {path}: {one_line(error)}; name a file in {SUMMARY_VARIABLE}") from None


def _fitting(text: str, room: int) -> str:
    if len(text.encode()) <= room:
        return text
    cut = text.encode()[: max(room, 0)].decode(errors="ignore").rpartition("\n")[0]
    left = text.count("\n") - cut.count("\n")
    return f"{cut}\n\n{left} further lines do not fit: see the page\n"


def annotations(gate: Gate) -> list[str]:
    """Workflow commands that GitHub shows beside a run, loudest first."""
    return [
        f"::{f.level} title={_escaped(f'tlbench {f.kind}', ':,')}::{_escaped(f.line())}"
        for f in gate.findings[:ANNOTATIONS]
    ]


def _escaped(text: str, more: str = "") -> str:
    for mark in "%\r\n" + more:
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text


def bmf(accepted: Accepted) -> dict[str, dict[str, dict[str, float]]]:
    """Bencher's metric format: each arm's mean score in percent with its 95 % interval. Never the signed gain."""
    made = {}
    for path, arm in sorted(accepted.arms.items()):
        if arm.score:
            mean, ends = _percents(arm.score)
            bounds = dict(zip(("lower_value", "upper_value"), ends, strict=True)) if ends else {}
            made[path] = {accepted.metric: {"value": mean} | bounds}
    return made


def github_benchmark(accepted: Accepted) -> list[dict[str, Any]]:
    """Each arm's mean score in percent for github-action-benchmark. Never the signed gain.

    Of its tools `customBiggerIsBetter`, or `customSmallerIsBetter` where the metric is a loss.
    """
    made = []
    for path, arm in sorted(accepted.arms.items()):
        if arm.score:
            mean, ends = _percents(arm.score)
            extra = f"{len(arm.seeds)} seeds" + (", 95 % interval" if ends else "")
            spread = {"range": f"{(ends[1] - ends[0]) / 2:.2f}"} if ends else {}
            made.append({"name": path, "unit": f"% {accepted.metric}", "value": mean, "extra": extra} | spread)
    return made


def _percents(scores: Sequence[float]) -> tuple[float, tuple[float, float] | None]:
    """The mean, and the ends of its interval where there are two seeds or more; shares stay within 0 and 100."""
    mean, low, high = (float(end[0]) for end in stats.band(np.array(scores)[:, None]))
    if all(0 <= score <= 1 for score in scores):
        low, high = max(low, 0.0), min(high, 1.0)
    value, lower, upper = (round(100 * end, 4) for end in (mean, low, high))
    return value, (lower, upper) if len(scores) > 1 else None
