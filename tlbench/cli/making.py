"""What runs: `list` and `run`; and `power`, which says beforehand what a run can see."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from tlbench.cli.app import DONE, FAILED, INTERRUPTED, USAGE, All, Json, app, say, show_report
from tlbench.errors import TlbenchError, unknown
from tlbench.processes import SHELVES

DEFAULT_SUITE = "quick"
LISTED = (*SHELVES, "suites")
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run (default: results/SUITE).")]


@app.command("list")
def list_(shelf: Annotated[str, typer.Argument(help=f"One of {', '.join(LISTED)}; all without it.")] = "") -> None:
    """Lists what can be named: datasets, networks, sources, methods, metrics, similarities, suites and more."""
    from tlbench.cli.catalogue import lines

    if shelf and shelf not in LISTED:
        raise unknown("shelf", shelf, LISTED)
    for name in [shelf] if shelf else LISTED:
        for line in lines(name):
            typer.echo(line)


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="A built-in suite or PATH.toml; none with --source.")] = "",
    source: Annotated[list[str] | None, typer.Option(help="Ad hoc: a source, such as trained:mnist.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Ad hoc: a target, such as folder:PATH.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="Ad hoc: a method, such as finetune.")] = None,
    n_train: Annotated[list[int] | None, typer.Option(help="Images to train on; several make a sweep.")] = None,
    similarity: Annotated[list[str] | None, typer.Option(help="Ad hoc: a similarity, such as leep.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds a cell, or auto: 5, 10, 20 as they are needed.")] = None,
    max_seconds: Annotated[int | None, typer.Option(min=0, help="With --seeds auto: no look after this.")] = None,
    max_seeds: Annotated[int | None, typer.Option(min=5, help="With --seeds auto: at most so many a cell.")] = None,
    root_seed: Annotated[int | None, typer.Option(min=0, help="Moves every trial's draws.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps of every arm (else: a pilot).")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="The same as epochs of each target's items.")] = None,
    lr: Annotated[list[float] | None, typer.Option(help="Peak learning rate; several make every arm's grid.")] = None,
    network: Annotated[str | None, typer.Option(help="Network, such as resnet:20 or cnn.")] = None,
    image_size: Annotated[int | None, typer.Option(min=4, help="Side of the square inputs, in pixels.")] = None,
    leak: Annotated[str | None, typer.Option(help="Test items seen before: invalid, drop or allow.")] = None,
    timing: Annotated[bool, typer.Option("--timing", help="Time every arm alone afterwards, to judge cost.")] = False,
    controls: Annotated[bool, typer.Option(help="Run the control pairs as well.")] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    jobs: Annotated[int | None, typer.Option(min=1, help="Workers (default: one a core, or one a GPU).")] = None,
    engine: Annotated[str, typer.Option(help="fast, plain (no shortcuts), or as in a run's PATH.")] = "fast",
    out: Out = None,
    data_root: Annotated[Path | None, typer.Option(help="Where torchvision's datasets lie.")] = None,
    download: Annotated[bool | None, typer.Option("--download/--offline", help="Allow or forbid downloads.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Redo everything, records on disk included.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print trials and hours, run nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
    every: All = False,
) -> None:
    """Runs a suite, or sources, targets and methods named here; resumes what was begun; prints the verdicts."""
    from tlbench.processes import start_early

    shelves = {"source": source, "target": target, "method": method, "similarity": similarity}
    named = [name for names in shelves.values() for name in names or []]
    suite = suite or ("" if named or n_train else DEFAULT_SUITE)
    if not dry_run:
        start_early(jobs, [suite, *named, network or ""])
    from tlbench.cli.launch import Asked, means_of, study_of

    plain = {"seeds": seeds, "root_seed": root_seed, "steps": steps, "epochs": epochs, "learning_rates": lr or None}
    plain |= {"network": network, "leak": leak, "image_size": image_size, "controls": None if controls else False}
    asked = Asked(suite, shelves, n_train or [], {key: value for key, value in plain.items() if value is not None})
    study, means = study_of(asked, out=out, data_root=data_root, download=download), means_of(device, jobs, engine)
    if dry_run:
        say([study.describe(means)])
        raise typer.Exit(DONE)
    _prepare(study, means, limited=max_seconds is not None or max_seeds is not None, fresh=fresh)
    failed = _execute(study, means, max_seconds, max_seeds, timing=timing)
    show_report(study.folder, as_json=as_json, every=every)
    raise typer.Exit(FAILED if failed else DONE)


def _prepare(study: Any, means: Any, *, limited: bool, fresh: bool) -> None:
    """For a fresh start removes the earlier run, once it is known that it can be run again."""
    if limited and study.suite.seeds != "auto":
        raise TlbenchError("--max-seconds and --max-seeds need --seeds auto")
    if fresh and study.plan(means, fresh=True).cells and (left := study.clear()):
        typer.echo(f"tlbench: {left} files in {study.folder} are not the run's and were left there", err=True)


def _execute(study: Any, means: Any, seconds: int | None, seeds: int | None, *, timing: bool) -> bool:
    from threading import Thread

    from tlbench.engine import Progress
    from tlbench.study import Limits

    progress = Progress()
    Thread(target=import_module, args=("tlbench.judging.report",), daemon=True).start()  # while workers work
    try:
        outcome = study.run(progress=progress, limits=Limits(seconds, seeds), means=means)
        if timing:
            study.time(progress=progress, means=means)
    except KeyboardInterrupt:
        progress.say(f"interrupted; what is done is kept in {study.folder}: run the same command to go on")
        raise typer.Exit(INTERRUPTED) from None
    progress.say(f"{outcome.ran} jobs run, {outcome.kept} kept from before, {outcome.failed} failed")
    if outcome.missing:
        gone = f"{outcome.missing} of {outcome.ran + outcome.kept} records are missing or damaged in {study.folder}"
        progress.say(f"{gone}: something else removed or changed them; run the same command to make them anew")
    return bool(outcome.failed or outcome.missing)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Looks at this machine: devices, cores, memory, caches, what a run would choose, problems and their mend."""
    import json

    from tlbench.cli import doctor as doctors

    found = doctors.examine()
    say([json.dumps(doctors.as_json(found), indent=1)] if as_json else doctors.lines(found))
    raise typer.Exit(USAGE if found.problems else DONE)


@app.command()
def power(
    folder: Annotated[Path | None, typer.Argument(help="A run that serves as pilot; none with --spread.")] = None,
    spread: Annotated[float | None, typer.Option(min=0, max=100, help="Spread of a paired gain, in points.")] = None,
    tau: Annotated[float | None, typer.Option(min=0, max=100, help="Error of the test set, in points.")] = None,
    cells: Annotated[int | None, typer.Option(min=1, help="Judged cells of the suite.")] = None,
    margin: Annotated[float, typer.Option(min=0.001, help="Margin, in points.")] = 0.5,
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.4999, help="Level.")] = 0.05,
    seeds: Annotated[list[int] | None, typer.Option(min=5, help="Seeds a cell; several are compared.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Says what a suite can see: chances of each verdict, the smallest effect, the seeds and the time it takes."""
    import json
    from dataclasses import replace

    from tlbench.judging import Pilot, outlook, pilot_of
    from tlbench.judging.verdict import Design
    from tlbench.runfile import LOOKS

    if folder is None and spread is None:
        raise TlbenchError("name the folder of a pilot run, or give --spread (and --tau, --cells)")
    given: dict[str, Any] = {"spread": spread and spread / 100, "tau": tau and tau / 100, "cells": cells}
    known = {key: value for key, value in given.items() if value is not None}
    pilot = replace(pilot_of(folder), **known) if folder else Pilot.guessed(**{"tau": 0.002, "cells": 20} | known)
    design = Design(alpha, margin / 100)
    found = outlook(pilot, design, seeds or LOOKS)
    plain = json.dumps(found.as_dict(), indent=1, allow_nan=False)
    typer.echo(plain if as_json else "\n".join(found.sentences()))
    raise typer.Exit(DONE)
