"""A package with leaves of its own: they are listed, run, and held to the contracts by the package's own tests."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "plugin"
WORDS = """
network = {{ name = "mlp", width = 16 }}
epochs = 10
protocols = ["equal_steps"]
learning_rates = [0.01]
seeds = 5
metric = "{metric}"
targets = [{{ dataset = "words", n_train = 100, n_val = 60 }}]
[[cross]]
sources = [{{ name = "trained", dataset = "words:1", steps = 60 }}]
methods = ["linear_probe", "finetune", "features"]
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which the example package is installed, as its pyproject.toml says."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    facts = tmp_path / "site" / "tlbench_example-0.1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"]
    lines = [f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in points.items()) for group, points in groups.items()]
    (facts / "entry_points.txt").write_text("\n".join(lines))
    paths = [str(tmp_path / "site"), str(PLUGIN), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"}


def _run(environment: dict[str, str], folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", *command]
    return subprocess.run(program, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def test_the_packages_own_tests_hold_its_leaves_to_the_contracts(installed: dict[str, str], tmp_path: Path) -> None:
    done = _run(installed, tmp_path, "pytest", "-q", "-c", os.devnull, str(PLUGIN / "test_leaves.py"))
    assert "5 passed" in done.stdout, done.stdout + done.stderr


def test_a_broken_leaf_is_found(installed: dict[str, str], tmp_path: Path) -> None:
    """A method that leaves the source out."""
    broken = tmp_path / "broken" / "tlbench_example"
    broken.mkdir(parents=True)
    for path in (PLUGIN / "tlbench_example").glob("*.py"):
        (broken / path.name).write_text(path.read_text().replace("materials.transferred()", "materials.fresh"))
    copied = broken.parent / "test_leaves.py"
    copied.write_text((PLUGIN / "test_leaves.py").read_text())
    installed["PYTHONPATH"] = f"{tmp_path / 'broken'}{os.pathsep}{installed['PYTHONPATH']}"
    done = _run(installed, tmp_path, "pytest", "-q", "-c", os.devnull, str(copied))
    assert "1 failed, 4 passed" in done.stdout
    assert "the source plays no part" in done.stdout


def test_strings_go_through_a_form_of_their_own_and_a_loss_through_verdicts(
    installed: dict[str, str], tmp_path: Path
) -> None:
    """Items that are no images, controls among the sources; the share of errors is one less the accuracy."""
    told = {}
    for metric in ("accuracy", "error_rate"):
        (tmp_path / "words.toml").write_text(WORDS.format(metric=metric))
        done = _run(installed, tmp_path, "tlbench", "run", "words.toml", "--out", metric, "--jobs", "1", "--json")
        assert done.returncode == 0, done.stderr
        told[metric] = {(v["source"], v["method"]): v for v in json.loads(done.stdout)["cells"]}
    assert told["accuracy"].keys() == told["error_rate"].keys()
    for cell, verdict in told["accuracy"].items():
        other = told["error_rate"][cell]
        assert other["verdict"] == verdict["verdict"]
        assert other["gain"] == pytest.approx(verdict["gain"])
        if verdict["score"] is not None:
            assert other["score"] == pytest.approx(1 - verdict["score"])
            assert other["interval"] == pytest.approx(verdict["interval"])


def test_its_leaves_are_listed_and_run(installed: dict[str, str], tmp_path: Path) -> None:
    assert "stem_frozen" in _run(installed, tmp_path, "tlbench", "list", "methods").stdout
    options = ["--n-train", "20", "--method", "stem_frozen", "--seeds", "1", "--epochs", "1", "--lr", "0.01"]
    run = ["run", "--source", "null", "--target", "stripes", *options, "--similarity", "leep", "--jobs", "1", "--json"]
    done = _run(installed, tmp_path, "tlbench", *run, "--out", "out")
    assert done.returncode == 0, done.stderr
    assert '"unfrozen": 3' in done.stdout
