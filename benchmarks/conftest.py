"""What the benchmarks share, and what a stored run must share with the one that is held to it."""

import os
import warnings
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from threadpoolctl import threadpool_limits

from benchmarks.big_run import write_big_run
from tlbench import device, environment
from tlbench.workspace import Storage, Workspace

AGREE = ("processor", "cores", "device", "threads")  # in which two runs must agree for their seconds to compare
STORED = pytest.StashKey[set[str]]()  # the stored run's names
PART = pytest.StashKey[bool]()  # that only some benchmarks were selected
SAID = pytest.StashKey[list[str]]()  # what the summary says beside failures: of the machine, new names, storing
WORSE = pytest.StashKey[list[str]]()  # the benchmarks that fail the comparison


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace on the fastest device here; a source is trained once and read from then on."""
    folder = tmp_path_factory.mktemp("storage")
    return Workspace(Storage(folder / "data", folder / "cache"), device.choose("auto"))


@pytest.fixture(scope="session")
def big_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of 10^4 records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # made-up records need not outlive a power cut
        return write_big_run(tmp_path_factory.mktemp("big-run"))


def pytest_configure(config: pytest.Config) -> None:
    """One thread: what is measured is the harness, not how threads share a machine."""
    torch.set_num_threads(1)
    threadpool_limits(1)
    config.stash[SAID], config.stash[WORSE] = [], []
    for said_below in ("Can't compare", "Benchmark machine_info is different"):
        warnings.filterwarnings("ignore", said_below)


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Adds what torch runs on; takes out what changes from run to run on one machine, and the host's name."""
    del machine_info["node"], machine_info["python_build"]
    machine_info["cpu"] = {k: v for k, v in machine_info["cpu"].items() if not k.startswith("hz_") and k != "flags"}
    machine = environment.machine()
    machine_info.update(
        processor=machine["processor"],
        cores=machine["cores"],
        device=device.describe(device.choose("auto")),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
    )


def pytest_benchmark_compare_machine_info(
    config: pytest.Config, machine_info: dict[str, Any], compared_benchmark: dict[str, Any]
) -> None:
    """Notes the stored run's names.

    Raises:
        UsageError: it was made on another processor or accelerator.
    """
    there = compared_benchmark["machine_info"]
    differs = {k: f"{k} {there.get(k)}, here {v}" for k, v in machine_info.items() if k != "cpu" and there.get(k) != v}
    if apart := [said for name, said in differs.items() if name in AGREE]:
        raise pytest.UsageError(f"the stored run is of another machine ({'; '.join(apart)}); store one here first")
    config.stash[SAID] += [f"differs: in the stored run {said}" for said in differs.values()]
    config.stash[STORED] = {bench["fullname"] for bench in compared_benchmark["benchmarks"]}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Ends a comparison with nothing before it takes its minute.

    Raises:
        UsageError: nothing is stored yet.
    """
    if session.config.getoption("benchmark_compare") and STORED not in session.config.stash:
        raise pytest.UsageError("no stored run of this system and Python to compare with; run `nox -s bench` first")


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Notes that not all benchmarks are run."""
    for item in items:
        item.config.stash[PART] = True


def _whole(config: pytest.Config) -> bool:
    """Whether every benchmark was asked for."""
    asked = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    narrowed = any(config.getoption(option) for option in ("ignore", "ignore_glob", "lf"))
    return Path(__file__).parent in asked and PART not in config.stash and not narrowed


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """Only a whole run that passed, and was compared with none, is stored; the exit status is 1 where one failed."""
    config, measured = session.config, _measured(session.config)
    names = {bench.fullname for bench in measured.benchmarks}
    if names and exitstatus == 0 and STORED in config.stash and _whole(config):
        _hold_names(config, names)
    comparable = exitstatus == 0 and STORED not in config.stash and _whole(config)
    if (measured.save or measured.autosave) and not comparable:
        config.stash[SAID].append("not stored: only a whole run that passed, and was compared with none, is")
        measured.save = measured.autosave = None
    ended = yield
    if config.stash[WORSE]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return ended


def _hold_names(config: pytest.Config, names: set[str]) -> None:
    stored = config.stash[STORED]
    config.stash[WORSE] += [
        f"GONE: {name} is in the stored run only (removed or renamed?)" for name in sorted(stored - names)
    ]
    config.stash[SAID] += [f"new: {name} is not in the stored run" for name in sorted(names - stored)]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    """Prints what was found below the table; slowdowns as lines, where pytest-benchmark would raise."""
    slower = _measured(config).performance_regressions
    config.stash[WORSE] += [f"SLOWER: {name}: {why}" for name, why in slower]
    slower.clear()
    shown = yield
    for line in config.stash[SAID] + config.stash[WORSE]:
        terminalreporter.write_line(line)
    return shown


def _measured(config: pytest.Config) -> Any:
    """What pytest-benchmark has of this run."""
    return config.pluginmanager.get_plugin("pytest-benchmark")
