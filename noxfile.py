"""The project's sessions; everything they need is read from pyproject.toml."""

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True
GROUPS = nox.project.load_toml("pyproject.toml")


def _install(session: nox.Session, *groups: str) -> None:
    wanted = [name for group in groups for name in nox.project.dependency_groups(GROUPS, group)]
    session.install("-e", ".", *wanted)


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
def suite(session: nox.Session) -> None:
    """Runs a suite (`nox -s suite -- SUITE --seeds 10 ...`; the default one without arguments)."""
    _install(session)
    session.run("tlbench", "run", *session.posargs, success_codes=[0])


@nox.session
def report(session: nox.Session) -> None:
    """Renders the report of a run (`nox -s report -- results/quick`)."""
    _install(session)
    session.run("tlbench", "report", *(session.posargs or ["results/quick"]))


@nox.session
def calibrate(session: nox.Session) -> None:
    """Simulates what the verdict is worth (`nox -s calibrate -- --json FILE`)."""
    _install(session)
    session.run("python", "-m", "benchmarks.calibrate", *session.posargs)
