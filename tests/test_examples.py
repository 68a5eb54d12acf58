"""What the documents show in Python runs as it is written, and shows every public name."""

import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import tlbench

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(document: str) -> list[str]:
    return BLOCK.findall((ROOT / document).read_text())


def _run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a script of its own, without an `if __name__`: workers must not run it again."""
    (folder / "script.py").write_text(code)
    command = [sys.executable, "-W", "error", "script.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_python_md_runs_from_top_to_bottom(tmp_path: Path) -> None:
    done = _run("\n".join(_blocks("docs/python.md")), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "did you mean 'patterns'?" in done.stdout


def test_every_public_name_is_shown() -> None:
    shown = "\n".join(_blocks("docs/python.md"))
    assert not [name for name in tlbench.__all__ if not re.search(rf"\b{name}\b", shown)]


def _ten_lines(text: str) -> str:
    """From the import to the last line that speaks of the study, without what it is indented by."""
    indented = next(line for line in text.split("\n") if line.endswith("from tlbench import Study, Suite"))
    start, end = text.index(indented), text.index("study.trials()")
    return textwrap.dedent(text[start : text.index("\n", end)])


def test_the_ten_lines_run_as_written_and_are_the_same_everywhere(tmp_path: Path) -> None:
    code = _ten_lines((ROOT / "README.md").read_text())
    assert code == _ten_lines(inspect.getdoc(tlbench) or "")
    done = _run(f"{code}\nprint(study.judge(), len(study.trials()))", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Judged('results/mine'" in done.stdout
    assert (tmp_path / "results" / "mine" / "run.json").exists()
