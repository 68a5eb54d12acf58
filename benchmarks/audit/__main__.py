"""Judges runs anew and names every difference from the product: python -m benchmarks.audit RUN_FOLDER..."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.audit.judging import Judged
from benchmarks.audit.reading import Folder
from benchmarks.audit.run import Judge, share_hurt


def report(folder: Path) -> dict[str, Any]:
    """What the product says of a run."""
    command = [sys.executable, "-m", "tlbench", "report", str(folder), "--json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    plain: dict[str, Any] = json.loads(said.stdout)
    return plain


def same(mine: Any, theirs: Any) -> bool:
    """Equal, numbers to a millionth of themselves."""
    if isinstance(mine, (tuple, list)) and isinstance(theirs, (tuple, list)):
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    if isinstance(mine, float) and isinstance(theirs, (float, int)):
        return math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-9)
    return bool(mine == theirs)


def final(one: Judged) -> dict[str, Any]:
    """What --json must say of final accuracy."""
    said = {
        "verdict": one.word,
        "confirmed": one.confirmed,
        "p_harm": one.p_harm,
        "p_benefit": one.p_benefit,
        "pooled": one.pooled,
        "interval_level": 1 - one.level,
    }
    if one.found is None:
        return said
    hurt = share_hurt(list(one.found.gains))
    share = {"share_hurt": hurt[0], "share_hurt_interval": hurt[1]} if hurt else {}
    counts = {"n_own": one.found.n_own, "n_base": one.found.n_base, "n_pairs": len(one.found.gains)}
    return said | share | counts | {"gain": one.found.mean, "interval": one.interval, "tau": one.found.tau}


def convergence(one: Judged) -> dict[str, Any]:
    """What --json must say of convergence."""
    return {"verdict": one.word, "p_adjusted": min(one.p_harm, one.p_benefit)}


def differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Each field on which both disagree."""
    for key, value in mine.items():
        if not same(value, theirs.get(key)):
            yield f"{key}: audit {value}, product {theirs.get(key)}"


def audited(folder: Path) -> Iterator[str]:
    """Every difference of a run, with its cell and axis."""
    judge, told = Judge(Folder(folder)), report(folder)["cells"]
    said = {f"{cell['target']}/{cell['source']}/{cell['method']}": cell for cell in told}
    budgets = {budget.name: judge.final(budget) for budget in judge.protocols}
    curves, seconds = judge.convergence(), judge.cost()
    for cell in judge.cells:
        path = cell["path"]
        theirs = said.get(path)
        if theirs is None:
            yield f"{path}: not reported"
            continue
        yield from _cell(path, final(budgets[judge.protocols[0].name][path]), theirs)
        for name, told_of in theirs["by_protocol"].items():
            one = budgets[name][path]
            yield from _cell(f"{path} {name}", {"verdict": one.word, "interval": one.interval}, told_of)
        held = theirs["convergence"]
        if held is not None and path in curves:
            yield from _cell(f"{path} convergence", convergence(curves[path]), held)
        elif held is not None or (path in curves and curves[path].found is not None):
            yield f"{path}: convergence is judged by one side only"
        if not theirs["cost"]["estimated"]:
            yield from _cell(f"{path} cost", convergence(seconds[path]), theirs["cost"])


def _cell(where: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{where}: {line}" for line in differences(mine, theirs))


def main(folders: Sequence[str]) -> int:
    """Prints the differences; 1 if there are any, 2 without a folder."""
    found = {folder: list(audited(Path(folder))) for folder in folders}
    for folder, lines in found.items():
        sys.stdout.write(f"{folder}: {len(lines)} differences\n" + "".join(f"  {line}\n" for line in lines))
    return 2 if not folders else int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
