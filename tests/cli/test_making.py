"""The command line as a user meets it: results on stdout, one line an error, exit codes."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.program import Run, program
from tlbench.cli.launch import Asked
from tlbench.judging import target_scores
from tlbench.runfile import Run as PlannedRun
from tlbench.shelf import Shelf

CLOCKED = ("cost", "milliseconds", "baseline_milliseconds")  # of a verdict: what a clock says
TINY = """
network = { name = "resnet", width = 4 }
image_size = 8
epochs = 2
protocols = ["equal_steps"]
batch_size = 16
learning_rates = [0.01]
seeds = 2
controls = false
verdict = { pairing = "paired" }
[[targets]]
dataset = "patterns"
n_train = 32
[[cross]]
sources = ["null"]
methods = ["last_k:1", "finetune"]
"""


@pytest.fixture
def tlbench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in this process; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    return program(monkeypatch, capsys)


def _folder(root: Path, classes: dict[str, int]) -> Path:
    generator = np.random.default_rng(0)
    for index, (name, count) in enumerate(classes.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.clip(generator.normal(80 * index, 30, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root


def test_help_answers(tlbench: Run) -> None:
    code, out, _ = tlbench("--help")
    assert code == 0
    assert "run" in out
    assert "report" in out


def test_python_dash_m_is_the_same_program() -> None:
    result = subprocess.run([sys.executable, "-m", "tlbench", "--help"], capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "Usage" in result.stdout


@pytest.mark.parametrize("shelf", ["datasets", "networks", "sources", "methods", "similarities", "suites"])
def test_list_names_every_leaf(shelf: str, tlbench: Run) -> None:
    code, out, _ = tlbench("list", shelf)
    assert code == 0
    assert all(name in out for name in Shelf(f"tlbench.{shelf}", object)) if shelf != "suites" else "quick" in out  # type: ignore[type-var]


def test_an_unknown_shelf_suggests_the_nearest(tlbench: Run) -> None:
    code, _, err = tlbench("list", "dataset")
    assert code == 2
    assert err == "tlbench: unknown shelf 'dataset': did you mean 'datasets'?\n"


def test_a_run_prints_the_table_and_writes_the_report(tlbench: Run, tmp_path: Path) -> None:
    code, out, err = tlbench("run", "tiny.toml", "--jobs", "1", "--out", "out")
    assert code == 0
    assert "verdicts, worst first" in out
    assert "jobs: 6 of 6 done" in err
    assert (tmp_path / "out" / "report.md").exists()
    assert (tmp_path / "out" / "figures" / "gain-heatmap.svg").exists()


def test_json_is_plain_and_alone_on_stdout(tlbench: Run) -> None:
    code, out, _ = tlbench("run", "tiny.toml", "--jobs", "1", "--out", "out", "--json")
    assert code == 0
    plain = json.loads(out)
    assert plain["schema_version"] == 3
    assert {"source", "target", "n_train", "method", "gain", "interval", "n_pairs", "p_adjusted", "verdict"} <= set(
        plain["cells"][0]
    )
    code, again, _ = tlbench("report", "out", "--json")
    assert json.loads(again) == plain


def test_an_ad_hoc_run_names_its_parts(tlbench: Run, tmp_path: Path) -> None:
    _folder(tmp_path / "pictures", {"a": 40, "b": 40})
    parts = ["--source", "null", "--target", "folder:pictures", "--n-train", "20", "--method", "linear_probe"]
    code, out, err = tlbench(
        "run",
        *parts,
        "--network",
        "mlp",
        "--seeds",
        "2",
        "--epochs",
        "2",
        "--lr",
        "0.01",
        "--root-seed",
        "3",
        "--jobs",
        "1",
        "--out",
        "o",
    )
    assert code == 0, err
    assert "n=20" in out
    assert "folder-pictures-n20" not in out
    run = json.loads((tmp_path / "o" / "run.json").read_text())
    assert run["suite"]["root_seed"] == 3
    assert run["suite"]["budget"]["learning_rates"] == [0.01]
    assert "one stratified fifth was cut off as the test split" in err


def test_a_spec_on_the_command_line_may_have_a_label() -> None:
    shelves: dict[str, list[str] | None] = {
        "source": ["near=trained:glyphs:upper", "null"],
        "target": ["mine=digits", "npz:a=b.npz"],
        "method": ["finetune"],
    }
    suite = Asked("", shelves, [50, 60]).read()
    labels = [target.label for entry in suite.targets for target in entry.targets()]
    assert labels == ["mine-n50", "mine-n60", "npz-a-b.npz-n50", "npz-a-b.npz-n60"]
    assert [source.label for source in suite.cross[0].sources] == ["near", "null"]
    assert suite.cross[0].sources[0].recipe()["dataset"]["alphabet"] == "upper"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["quik"], "unknown suite 'quik': did you mean 'quick'"),
        (["none.toml"], "no suite file at none.toml"),
        (["quick", "--source", "null"], "name a suite, or --source"),
        (["--source", "null", "--n-train", "9"], "--target is missing"),
        (["--source", "null", "--target", "digits"], "--n-train is missing"),
        (["--source", "nul", "--target", "digits", "--n-train", "50"], "unknown source 'nul': did you mean 'null'"),
        (
            ["--source", "null", "--target", "digts", "--n-train", "50"],
            "unknown dataset 'digts': did you mean 'digits'",
        ),
        (["tiny.toml", "--network", "resnt"], "unknown network 'resnt': did you mean 'resnet'"),
        (["tiny.toml", "--device", "cuda"], "no CUDA device"),
        (["tiny.toml", "--device", "gpu"], "write auto, cpu, cuda"),
        (["tiny.toml", "--lr", "-1"], "learning_rates.0: Input should be greater than 0"),
        (
            ["--source", "null", "--target", "mnist", "--n-train", "50", "--offline"],
            "allow the download",
        ),
        (["--source", "null", "--target", "folder:nowhere", "--n-train", "50"], "no folder at nowhere"),
        (["--source", "null", "--target", "npz:x.npz", "--n-train", "50"], "no file at x.npz"),
        (["--source", "file:x.pt", "--target", "digits", "--n-train", "50"], "no file at x.pt"),
        (["--source", "null", "--target", "digits", "--n-train", "9"], "is less than its 10 classes"),
        (["--source", "null", "--target", "digits", "--n-train", "9000"], "exceed the pool"),
        (["--source", "torchvision:resnet1", "--target", "digits", "--n-train", "50"], "unknown torchvision model"),
        (["--source", "torchvision:resnet18", "--target", "digits", "--n-train", "50"], "no weights at"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, tlbench: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said == "no CUDA device" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    code, out, err = tlbench("run", *arguments, "--jobs", "1", "--out", "out")
    assert code == 2
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("tlbench: ")
    assert said in last
    assert "Traceback" not in err


def test_a_pickle_that_would_execute_is_refused(tlbench: Run, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'boom'}",)

    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.pt", pickle_module=pickle)
    code, _, err = tlbench(
        "run", "--source", "file:bomb.pt", "--target", "digits", "--n-train", "50", "--jobs", "1", "--out", "o"
    )
    assert code == 2
    assert "refused" in err
    assert not (tmp_path / "boom").exists()


def test_a_diverging_run_goes_on_and_exits_3(tlbench: Run) -> None:
    code, out, err = tlbench("run", "tiny.toml", "--lr", "1e30", "--epochs", "30", "--jobs", "1", "--out", "out")
    assert code == 3
    assert "failed: patterns-1.0-n32/" in err
    assert "unstable" in out


def test_a_results_place_that_is_a_file_is_told(tlbench: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    code, _, err = tlbench("run", "tiny.toml", "--jobs", "1", "--out", "taken/here")
    assert code == 2
    assert "cannot write taken/here/run.json" in err


@pytest.mark.parametrize("wrong", [["--n-train", "999999"], ["--device", "gpu"], ["--max-seeds", "10"]])
def test_a_fresh_start_that_cannot_run_removes_nothing(wrong: list[str], tlbench: Run) -> None:
    asked = ["run", "--source", "null", "--target", "patterns", "--method", "finetune", "--seeds", "1", "--epochs", "1"]
    asked += ["--lr", "0.01", "--jobs", "1", "--out", "out", "--similarity", "leep", "--no-controls"]
    assert tlbench(*asked, "--n-train", "32")[0] == 0
    before = sorted(Path("out").rglob("*"))
    sizes = [] if "--n-train" in wrong else ["--n-train", "32"]
    assert tlbench(*asked, *sizes, *wrong, "--fresh")[0] == 2
    assert sorted(Path("out").rglob("*")) == before


def test_a_run_whose_records_are_removed_meanwhile_says_so(tlbench: Run, monkeypatch: pytest.MonkeyPatch) -> None:

    def meddled(folder: Path, run: PlannedRun) -> dict[str, float | None]:
        next(folder.rglob("finetune/seed-1.json")).unlink()
        return target_scores(folder, run)

    monkeypatch.setattr("tlbench.study.target_scores", meddled)
    code, _, err = tlbench("run", "tiny.toml", "--jobs", "1", "--out", "out")
    assert code == 3
    assert "1 of 6 records are missing or damaged in out" in err


def test_a_report_of_nothing_is_told(tlbench: Run) -> None:
    code, _, err = tlbench("report", "nowhere")
    assert code == 2
    assert err == "tlbench: no file at nowhere/run.json; give the folder that a run was written to\n"


def test_a_dry_run_runs_nothing(tlbench: Run, tmp_path: Path) -> None:
    code, out, _ = tlbench("run", "tiny.toml", "--dry-run", "--out", "out")
    assert code == 0
    assert "6 trials" in out
    assert not (tmp_path / "out").exists()


def test_fresh_redoes_everything(tlbench: Run) -> None:
    tlbench("run", "tiny.toml", "--jobs", "1", "--out", "out")
    assert "0 jobs run, 6 kept" in tlbench("run", "tiny.toml", "--jobs", "1", "--out", "out")[2]
    assert "6 jobs run, 0 kept" in tlbench("run", "tiny.toml", "--jobs", "1", "--out", "out", "--fresh")[2]


def _start(tmp_path: Path, *more: str, own_group: bool = False) -> subprocess.Popen[str]:
    (tmp_path / "tiny.toml").write_text(TINY.replace("seeds = 2", "seeds = 12").replace("epochs = 2", "epochs = 20"))
    command = [sys.executable, "-m", "tlbench", "run", "tiny.toml", "--out", "out", *more]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True, start_new_session=own_group)


def _wait_for_records(tmp_path: Path, count: int) -> None:
    deadline = time.monotonic() + 90
    while len(list((tmp_path / "out").rglob("seed-*.json"))) < count and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_keeps_what_is_done_and_exits_130(tmp_path: Path, jobs: str) -> None:
    with _start(tmp_path, "--jobs", jobs) as process:
        _wait_for_records(tmp_path, 2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; what is done is kept in out" in err
    assert "Traceback" not in err
    assert 2 <= len(list((tmp_path / "out").rglob("seed-*.json"))) < 36


def test_an_interrupt_at_the_very_start_is_no_traceback(tmp_path: Path) -> None:
    with _start(tmp_path, "--jobs", "2", own_group=True) as process:
        time.sleep(1.5)  # in the middle of imports, the server's among them
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_killed_run_goes_on_and_ends_with_the_same_table(tmp_path: Path, tlbench: Run) -> None:
    with _start(tmp_path, "--jobs", "2") as process:
        _wait_for_records(tmp_path, 4)
        process.kill()
    done = len(list((tmp_path / "out").rglob("seed-*.json")))
    code, resumed, err = tlbench("run", "tiny.toml", "--jobs", "2", "--out", "out", "--json")
    assert code == 0
    assert 4 <= done < 36
    assert f"{36 - done} jobs run, {done} kept" in err
    _, whole, _ = tlbench("run", "tiny.toml", "--jobs", "2", "--out", "whole", "--engine", "out", "--json")
    cells = [
        [{k: v for k, v in cell.items() if k not in CLOCKED} for cell in json.loads(text)["cells"]]
        for text in (resumed, whole)
    ]
    assert cells[0] == cells[1]


def test_power_needs_a_pilot_or_a_spread(tlbench: Run) -> None:
    code, _, err = tlbench("power")
    assert code == 2
    assert "name the folder of a pilot run, or give --spread" in err


def test_power_speaks_in_points(tlbench: Run) -> None:
    code, out, _ = tlbench("power", "--spread", "2.5", "--tau", "0.3", "--cells", "12", "--seeds", "10")
    assert code == 0
    assert out.startswith("spread of a paired gain 2.50 points (arms 1.77, baseline 1.77")
    assert "10 seeds, welch: sees " in out
    assert 'design: pairing = "welch": at 10 seeds' in out
    code, plain, _ = tlbench("power", "--spread", "2.5", "--seeds", "10", "--json")
    assert json.loads(plain)["pilot"]["spread"] == 0.025


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "tiny.toml", "--max-seeds", "10", "--out", "out"], "need --seeds auto"),
        (["run", "tiny.toml", "--seeds", "none"], "seeds: none is neither a number"),
        (["run", "tiny.toml", "--dry-run", "--out", "tiny.toml"], "tiny.toml is a file"),
        (["run", "tiny.toml", "--network", "resnet:abc"], "not 'abc'"),
        (
            ["run", "--source", "file", "--target", "digits", "--n-train", "50"],
            "source 'file' needs its path: write file:PATH",
        ),
        (
            ["run", "--source", "null", "--target", "digits", "--n-train", "50", "--method", "scratch"],
            "nothing to judge",
        ),
        (["report", "tiny.toml"], "give the folder that a run was written to"),
    ],
)
def test_more_bad_input_is_one_line(arguments: list[str], said: str, tlbench: Run) -> None:
    code, out, err = tlbench(*arguments)
    assert (code, out) == (2, "")
    assert said in err.strip().splitlines()[-1]
