"""The command line: each command is a list of calls that ends in an exit code."""

import sys

import typer

from tlbench.cli import judging, making
from tlbench.cli.app import DONE, INTERRUPTED, USAGE, app
from tlbench.errors import TlbenchError

__all__ = ["app", "judging", "main", "making"]


def main() -> None:
    """The `tlbench` command."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("tlbench: interrupted; records on disk are kept", err=True)
        sys.exit(INTERRUPTED)
    except TlbenchError as error:
        typer.echo(f"tlbench: {error}", err=True)
        sys.exit(USAGE)
    except BrokenPipeError:
        sys.exit(DONE)
