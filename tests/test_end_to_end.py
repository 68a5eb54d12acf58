"""The smoke suite, whole, as an installed program runs it; and real data where it lies beside the checkout."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REAL = Path(__file__).parents[2] / "shared" / "data"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tlbench", *arguments], capture_output=True, text=True, check=False)


def test_smoke_runs_every_part(tmp_path: Path) -> None:
    result = _run("run", "smoke", "--jobs", "2", "--out", str(tmp_path / "smoke"), "--json")
    assert result.returncode == 0, result.stderr
    cells = json.loads(result.stdout)["cells"]
    assert {cell["method"] for cell in cells} >= {"direct", "features-logistic", "linear_probe", "last_k-1", "finetune"}
    assert {cell["role"] for cell in cells} == {"cell", "control", "beside"}
    assert all(cell["verdict"] in ("inconclusive", "unstable", "invalid") for cell in cells), "two seeds decide nothing"
    page = _run("report", str(tmp_path / "smoke"))
    assert page.returncode == 0
    drawn = {path.stem for path in (tmp_path / "smoke" / "figures").glob("*.svg")}
    assert drawn >= {"gain-heatmap", "forest", "learning-curves"}
    assert drawn >= {"gain-by-similarity", "gain-by-n_train", "accuracy-by-k"}
    assert (tmp_path / "smoke" / "report.html").is_file()


@pytest.mark.skipif(not REAL.is_dir(), reason="no real data sets beside the checkout")
def test_a_users_own_colour_folder(tmp_path: Path) -> None:
    target = ["--target", f"folder:{REAL / 'cifar10-12k'}", "--n-train", "50"]
    few = [
        "--method",
        "linear_probe",
        "--seeds",
        "1",
        "--epochs",
        "1",
        "--lr",
        "0.01",
        "--no-controls",
        "--image-size",
        "8",
    ]
    result = _run(
        "run",
        "--source",
        "null",
        *target,
        *few,
        "--network",
        "cnn",
        "--jobs",
        "1",
        "--out",
        str(tmp_path / "o"),
        "--json",
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["cells"][0]["target"] == "folder-cifar10-12k-n50"
