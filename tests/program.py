"""The program in this process: what a command gives back."""

import sys
from collections.abc import Callable
from typing import TypeAlias

import pytest

from tlbench.cli import main

Run: TypeAlias = Callable[..., tuple[int, str, str]]


def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tlbench", *arguments])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return run
