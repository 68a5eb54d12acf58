"""From what was asked on the command line to a study that is ready to run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlbench import device as devices
from tlbench.engine import Mode
from tlbench.errors import TlbenchError
from tlbench.records import RUN_FILE, read_json
from tlbench.study import Study
from tlbench.suite import Suite, make_suite, read_suite
from tlbench.workspace import Workspace, storage

MODES: dict[str, Mode] = {"fast": "fast", "plain": "plain"}
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
        cross = {"sources": named["source"], "methods": named.get("method", AD_HOC_METHODS)}
        plain = {
            "name": "ad-hoc",
            "targets": [{"dataset": dataset, "n_train": self.n_train} for dataset in named["target"] or []],
            "cross": [cross],
            "similarities": named.get("similarity", AD_HOC_SIMILARITIES),
        }
        return make_suite(plain | self.overrides, "command line")


@dataclass(frozen=True)
class Means:
    """What a run is given: a device, workers (one a core or one a GPU without a number), the engine's shortcuts.

    engine: "fast", "plain", or the run's folder or accepted file whose choices are taken over.
    """

    device: str = "auto"
    jobs: int | None = None
    engine: str = "fast"

    def choices(self) -> tuple[Mode, dict[str, Any] | None]:
        """The engine's mode, and another run's choices.

        Raises:
            TlbenchError: no such mode, and no file of a run.
        """
        if self.engine in MODES:
            return MODES[self.engine], None
        place = Path(self.engine) / RUN_FILE if Path(self.engine).is_dir() else Path(self.engine)
        if not place.is_file():
            raise TlbenchError(f"--engine {self.engine} is neither fast, plain, a run's folder nor an accepted file")
        like = read_json(place).get("engine")
        if not isinstance(like, dict):
            raise TlbenchError(f"{place} holds no choices of an engine; give a run's folder or an accepted file")
        return "fast", like


def launch(
    asked: Asked, means: Means, *, out: Path | None = None, data_root: Path | None = None, download: bool | None = None
) -> Study:
    """The study that was asked for; datasets are opened, nothing is trained.

    Raises:
        TlbenchError: whatever is wrong with what was asked.
    """
    chosen = devices.choose(means.device)
    suite = asked.read()
    place = storage(data_root, download=suite.download if download is None else download)
    workspace = Workspace(place, chosen)
    return Study(suite, out or Path("results") / suite.name, workspace, means.jobs, *means.choices())
