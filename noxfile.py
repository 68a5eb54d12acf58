"""The project's sessions; everything they need is read from pyproject.toml."""

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True
GROUPS = nox.project.load_toml("pyproject.toml")
GATED = "ci"  # the suite that the gate runs where none is named


def _install(session: nox.Session, *groups: str) -> None:
    wanted = [name for group in groups for name in nox.project.dependency_groups(GROUPS, group)]
    session.install("-e", ".", *wanted)


def _install_judging(session: nox.Session) -> None:
    """What reads and judges records: the package without its dependencies, and those of them that judging needs."""
    judging = nox.project.dependency_groups(GROUPS, "judging")
    wanted = [one for one in GROUPS["project"]["dependencies"] if one.partition(">")[0] in judging]
    session.install(*wanted)
    session.install("--no-deps", "-e", ".")


@nox.session
def tests(session: nox.Session) -> None:
    """Runs the tests; arguments go to pytest."""
    _install(session, "tests")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Checks style and formatting."""
    session.install(*nox.project.dependency_groups(GROUPS, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Checks types, strictly."""
    _install(session, "types")
    session.run("mypy")


@nox.session
def bench(session: nox.Session) -> None:
    """Measures what the harness costs and stores it; `-- --compare` holds it to the last stored run and stores nothing.

    A comparison fails where the fastest round is more than half slower (or as `--benchmark-compare-fail` says), or a
    benchmark is gone; were it stored, many small slowdowns would each pass. Other arguments go to pytest.
    """
    _install(session, "bench")
    arguments = [argument for argument in session.posargs if argument != "--compare"]
    if not any(argument.startswith("benchmarks") for argument in arguments):
        arguments.insert(0, "benchmarks")
    if "--compare" not in session.posargs:
        arguments.append("--benchmark-autosave")
    else:
        if not any(argument.startswith("--benchmark-compare-fail") for argument in arguments):
            arguments.append("--benchmark-compare-fail=min:50%")
        arguments.append("--benchmark-compare")
    session.run("pytest", *arguments)


@nox.session
def suite(session: nox.Session) -> None:
    """Runs a suite (`nox -s suite -- SUITE --seeds 10 ...`; the default one without arguments)."""
    _install(session)
    session.run("tlbench", "run", *session.posargs, success_codes=[0])


@nox.session
def report(session: nox.Session) -> None:
    """Renders the report of a run, without torch (`nox -s report -- results/quick`)."""
    _install_judging(session)
    session.run("tlbench", "report", *(session.posargs or ["results/quick"]))


@nox.session
def compare(session: nox.Session) -> None:
    """Compares two runs, without torch (`nox -s compare -- results/before results/after`)."""
    _install_judging(session)
    session.run("tlbench", "compare", *session.posargs)


@nox.session
def gate(session: nox.Session) -> None:
    """Runs a suite afresh and holds it to the accepted run (`nox -s gate -- SUITE --require-noninferior ...`)."""
    _gate(session, [])


@nox.session
def workflow(session: nox.Session) -> None:
    """What docs/workflow.yml runs, here or there: suite, gate, JUnit, summary, page; arguments as for `gate`."""
    _gate(session, ["--junit", "results/gate/junit.xml", "--summary"])


def _gate(session: nox.Session, options: list[str]) -> None:
    named = session.posargs[:1] if session.posargs and not session.posargs[0].startswith("-") else []
    given = session.posargs[len(named) :]
    folder = Path("results", "gate")
    folder.mkdir(parents=True, exist_ok=True)
    summary = os.environ.get("GITHUB_STEP_SUMMARY", str(folder.resolve() / "summary.md"))
    _install(session)
    run = ["tlbench", "run", *(named or [GATED]), "--fresh", "--out", str(folder / "run")]
    accepted = Path("results", "accepted", f"{Path(*(named or [GATED])).stem}.json")
    run += ["--engine", str(accepted)] if accepted.is_file() else []  # equal choices, so that equal code replays
    session.run(*run, success_codes=[0, 3])  # of failed trials the gate speaks
    session.run("tlbench", "gate", str(folder / "run"), *options, *given, env={"GITHUB_STEP_SUMMARY": summary})


@nox.session
def judging(session: nox.Session) -> None:
    """Runs the tests of records, verdicts, reports and the gate in an environment without torch."""
    _install_judging(session)
    session.install(*nox.project.dependency_groups(GROUPS, "tests"))
    session.run("python", "-c", "import importlib.util as u; assert u.find_spec('torch') is None, 'torch is here'")
    session.run(
        "pytest",
        "--noconftest",
        "tests/judging",
        "tests/seam",
        *session.posargs,
        env={"NO_COLOR": "1", "COLUMNS": "200"},
    )


@nox.session
def calibrate(session: nox.Session) -> None:
    """Simulates what the verdict is worth (`nox -s calibrate -- --json FILE`)."""
    _install(session)
    session.run("python", "-m", "benchmarks.calibrate", *session.posargs)


@nox.session
def speed(session: nox.Session) -> None:
    """Measures tlbench beside plain PyTorch, within 25 minutes (`nox -s speed -- --json FILE`; docs/performance.md)."""
    _install(session)
    session.run("python", "-m", "benchmarks.speed", *session.posargs)
