"""From what was asked on the command line to a study that is ready to run."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlbench.engine import Mode
from tlbench.errors import TlbenchError
from tlbench.records import RUN_FILE, read_json
from tlbench.study import Means, Study
from tlbench.suite import Suite, make_suite, read_suite

MODES: dict[str, Mode] = {"fast": "fast", "plain": "plain"}
LABEL = re.compile(r"[A-Za-z0-9][\w.-]*")
AD_HOC_METHODS = ["linear_probe", "last_k:1", "finetune"]
AD_HOC_SIMILARITIES = ["leep", "logme", "frechet"]


@dataclass(frozen=True)
class Asked:
    """A suite's name or path, or sources, targets and methods; and keys of the suite that are replaced."""

    suite: str
    shelves: dict[str, list[str] | None]
    n_train: list[int]
    overrides: dict[str, Any] = field(default_factory=dict)

    def read(self) -> Suite:
        """The suite.

        Raises:
            TlbenchError: both a suite and parts of one were named, or a part is missing.
        """
        named = {key: value for key, value in self.shelves.items() if value}
        if not named and not self.n_train:
            return read_suite(self.suite, self.overrides)
        if self.suite:
            raise TlbenchError("name a suite, or --source, --target and --n-train, not both")
        for part in ("source", "target"):
            if part not in named:
                raise TlbenchError(f"--{part} is missing; an ad hoc run names --source, --target and --n-train")
        if not self.n_train:
            raise TlbenchError("--n-train is missing: how many images to train on")
        sources = [_labelled(source) for source in named["source"] or []]
        cross = {"sources": sources, "methods": named.get("method", AD_HOC_METHODS)}
        plain = {
            "name": "ad-hoc",
            "targets": [{"dataset": _labelled(target), "n_train": self.n_train} for target in named["target"] or []],
            "cross": [cross],
            "similarities": named.get("similarity", AD_HOC_SIMILARITIES),
        }
        return make_suite(plain | self.overrides, "command line")


def _labelled(given: str) -> str | dict[str, str]:
    """A spec of the command line; with its label where it has one: `LABEL=SPEC`."""
    label, equals, spec = given.partition("=")
    return {"name": spec, "label": label} if equals and LABEL.fullmatch(label) else given


def means_of(device: str, jobs: int | None, engine: str) -> Means:
    """What the run is given; engine: fast, plain, or the run's folder or accepted file whose choices are taken over.

    Raises:
        TlbenchError: no such mode, and no file of a run.
    """
    if engine in MODES:
        return Means(device, jobs, MODES[engine])
    place = Path(engine) / RUN_FILE if Path(engine).is_dir() else Path(engine)
    if not place.is_file():
        raise TlbenchError(f"--engine {engine} is neither fast, plain, a run's folder nor an accepted file")
    like = read_json(place).get("engine")
    if not isinstance(like, dict):
        raise TlbenchError(f"{place} holds no choices of an engine; give a run's folder or an accepted file")
    return Means(device, jobs, "fast", like)


def study_of(
    asked: Asked, *, out: Path | None = None, data_root: Path | None = None, download: bool | None = None
) -> Study:
    """The study that was asked for; nothing is opened yet.

    Raises:
        TlbenchError: whatever is wrong with the suite that was asked for.
    """
    suite = asked.read()
    return Study(suite, out or Path("results") / suite.name, data_root=data_root, download=download)
