"""The program itself, and what its commands share."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

DONE, USAGE, FAILED, INTERRUPTED = 0, 2, 3, 130
app = typer.Typer(
    help="Does transfer learning help or hurt on your data? Paired trials, valid statistics, verdicts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
All = Annotated[bool, typer.Option("--all", help="Print every table, remark and note.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def show_report(folder: Path, *, as_json: bool, every: bool = False) -> None:
    """Prints a run's verdicts, with every table and note or what fits a screen, and writes its page."""
    import json

    from tlbench.judging import report as reports
    from tlbench.judging.verdict import judge_run, note_reported

    judged = note_reported(judge_run(folder))
    if as_json:
        typer.echo(json.dumps(reports.as_json(judged), indent=1, allow_nan=False))
        return
    console = _console()
    width = console.width if console.is_terminal else reports.WIDE
    console.print(reports.terminal(judged, width, every=every), width=width)
    typer.echo(f"report: {reports.render(judged)}", err=True)


def print_table(title: str, columns: Any, rows: Any) -> None:
    """Prints a table."""
    from tlbench.judging.report import table

    _console().print(table(title, columns, [(row, "") for row in rows]))


def _console() -> Any:
    """Where results go: two hundred columns wide where nobody looks."""
    from rich.console import Console

    console = Console()
    return Console(width=console.width if console.is_terminal else 200)


def say(lines: Iterable[str]) -> None:
    """Prints lines."""
    for line in lines:
        typer.echo(line)
