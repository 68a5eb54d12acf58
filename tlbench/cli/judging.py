"""What judges, from records alone and without torch: report, compare, accept, gate, export, history."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tlbench.cli.app import DONE, All, Json, app, print_table, say, show_report
from tlbench.errors import TlbenchError

ACCEPTED = Path("results/accepted")
PANEL = "Commands on records (no torch needed)"
SEEDS = 10  # that a gate should have
CHANGE_COLUMNS = ("axis", "cell or arm", "", "change [95 % interval]")
Alpha = Annotated[float, typer.Option(min=0.0001, max=0.4999, help="Level, over all that is compared.")]
Margin = Annotated[float | None, typer.Option(min=0.001, max=100, help="In points (default: the suite's).")]


@app.command(rich_help_panel=PANEL)
def report(
    folder: Annotated[Path | None, typer.Argument(help="Folder of a run, such as results/quick.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON, write nothing.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of --json.")] = False,
    every: All = False,
) -> None:
    """Prints the verdicts of a run, finished or not, and writes its page and figures into its folder."""
    import json

    from tlbench.judging.report import json_schema

    if schema:
        typer.echo(json.dumps(json_schema(), indent=1))
        raise typer.Exit(DONE)
    if folder is None:
        raise TlbenchError("name the folder of a run, such as results/quick")
    show_report(folder, as_json=as_json, every=every)


@app.command(rich_help_panel=PANEL)
def compare(
    before: Annotated[Path, typer.Argument(help="A run's folder or an accepted file.")],
    after: Annotated[Path, typer.Argument(help="Another.")],
    alpha: Alpha = 0.05,
    margin: Margin = None,
    as_json: Json = False,
) -> None:
    """Compares two runs, cell by cell: what changed beyond noise, what is new, what is missing."""
    import json

    from tlbench.judging import read_accepted_or_run
    from tlbench.judging.changes import Rule, changes, counted, differences, loudest_first, row

    old, new = read_accepted_or_run(before), read_accepted_or_run(after)
    every = changes(old, new, Rule.of(new.settings, alpha, margin and margin / 100))
    if as_json:
        plain = {"differences": differences(old, new), "changes": [change.as_dict() for change in every]}
        typer.echo(json.dumps(plain, indent=1, allow_nan=False))
        raise typer.Exit(DONE)
    print_table(f"{before} -> {after}", CHANGE_COLUMNS, [row(change) for change in loudest_first(every)])
    say([counted(every), *differences(old, new)])


@app.command(rich_help_panel=PANEL)
def accept(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    to: Annotated[Path, typer.Option(help="Folder of the accepted files.")] = ACCEPTED,
) -> None:
    """Accepts a run: writes what `tlbench gate` holds later runs to, a small file to be committed."""
    from tlbench.judging import accepted_of, check_code, finished, write_accepted
    from tlbench.judging.verdict import judge_run

    judged = finished(judge_run(folder))
    check_code(judged, judged.run.environment["code"])
    accepted = accepted_of(judged)
    if not accepted.cells:
        raise TlbenchError(f"{folder} has no cell with a result; there is nothing to accept")
    fewest = min(len(cell.seeds) for cell in accepted.cells.values())
    path = write_accepted(accepted, to)
    typer.echo(f"accepted: {path}, {len(accepted.cells)} cells, {len(accepted.arms)} arms, {fewest} seeds or more")
    if fewest < SEEDS:
        typer.echo(f"tlbench: {fewest} seeds see little; run the suite with --seeds {SEEDS} for a gate", err=True)


@app.command(rich_help_panel=PANEL)
def gate(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run, made by the code at hand.")],
    accepted: Annotated[Path, typer.Option(help="Accepted file, or the folder that holds it.")] = ACCEPTED,
    alpha: Alpha = 0.01,
    margin: Margin = None,
    allow_missing: Annotated[list[str] | None, typer.Option(help="A cell that may be missing; repeatable.")] = None,
    require_noninferior: Annotated[bool, typer.Option(help="Fail where a drop of the margin is not excluded.")] = False,
    require_conclusive: Annotated[bool, typer.Option(help="Exit 4 where a judged cell is undecided.")] = False,
    fail_on_negative: Annotated[bool, typer.Option(help="Fail where a judged cell is negative.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Append markdown to $GITHUB_STEP_SUMMARY.")] = False,
    as_json: Json = False,
) -> None:
    """Holds a run to the accepted one: 0 held, 1 regression, 3 failed, 4 open, 5 none accepted, 6 other edition."""
    from tlbench.environment import code_digest
    from tlbench.judging import NOTHING_ACCEPTED, Demands, check_code, check_gate, finished, named
    from tlbench.judging.changes import Rule
    from tlbench.judging.report import printed, publish
    from tlbench.judging.verdict import judge_run

    judged = finished(judge_run(folder))
    check_code(judged, code_digest())
    path = _accepted_path(accepted, named(judged.run.suite.name))
    if not path.is_file():
        typer.echo(f"tlbench: nothing accepted yet at {path}: tlbench accept {folder}, then commit it", err=True)
        raise typer.Exit(NOTHING_ACCEPTED)
    reference = _reference(path)
    demands = Demands(require_noninferior, require_conclusive, fail_on_negative, tuple(allow_missing or ()))
    outcome = check_gate(reference, judged, Rule.of(reference.settings, alpha, margin and margin / 100), demands)
    opening = outcome.lines(str(path))
    say(printed(outcome, opening, as_json=as_json))
    publish(outcome, opening, junit=junit, summary=summary)
    raise typer.Exit(outcome.code)


def _reference(path: Path) -> Any:
    """What was accepted; one of an earlier edition of the protocol ends the command with a code of its own."""
    from tlbench.judging import PROTOCOL_CHANGED, ProtocolChangedError, read_accepted_or_run

    try:
        return read_accepted_or_run(path)
    except ProtocolChangedError as error:
        typer.echo(f"tlbench: {error}", err=True)
        raise typer.Exit(PROTOCOL_CHANGED) from None


def _accepted_path(accepted: Path, suite: str) -> Path:
    """The file that was named, or the suite's in the folder that was."""
    if accepted.suffix == ".json" and not accepted.is_file():
        raise TlbenchError(f"no accepted file at {accepted}")
    return accepted if accepted.is_file() else accepted / f"{suite}.json"


@app.command(rich_help_panel=PANEL)
def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a run, or an accepted file.")],
    bmf: Annotated[Path | None, typer.Option(help="Bencher's metric format.")] = None,
    github_benchmark: Annotated[Path | None, typer.Option(help="github-action-benchmark, bigger is better.")] = None,
) -> None:
    """Writes arms' accuracies for history charts of other tools; never the signed gain, of which they make nonsense."""
    import json

    from tlbench.judging import read_accepted_or_run
    from tlbench.judging.report import bmf as bencher
    from tlbench.judging.report import github_benchmark as github_action
    from tlbench.records import write_text

    accepted = read_accepted_or_run(folder)
    if bmf is None and github_benchmark is None:
        raise TlbenchError("nothing to write: name a file with --bmf or --github-benchmark")
    for path, plain in ((bmf, bencher(accepted)), (github_benchmark, github_action(accepted))):
        if path is not None:
            write_text(path, json.dumps(plain, indent=1, allow_nan=False) + "\n")
            typer.echo(f"written: {path}, {len(accepted.arms)} arms", err=True)


@app.command(rich_help_panel=PANEL)
def history(
    suite: Annotated[str, typer.Argument(help="A suite's name.")],
    accepted: Annotated[Path, typer.Option(help="Folder of the accepted files, within a git checkout.")] = ACCEPTED,
    last: Annotated[int, typer.Option(min=1, help="Commits that the table shows.")] = 6,
    figure: Annotated[Path | None, typer.Option(help="Draw all commits into this SVG file.")] = None,
    as_json: Json = False,
) -> None:
    """Shows how each cell's accepted gain moved, commit by commit."""
    import json

    from tlbench.judging import named
    from tlbench.judging.changes import Rule
    from tlbench.judging.report import read_history
    from tlbench.records import write_text

    moved = read_history(accepted / f"{named(suite)}.json", Rule(alpha=0.05))
    if figure is not None:
        write_text(figure, moved.drawn())
    if as_json:
        typer.echo(json.dumps(moved.as_dict(), indent=1, allow_nan=False))
        raise typer.Exit(DONE)
    title = f"{suite}: accepted gains, points (v dropped, ^ rose, * source or data changed)"
    print_table(title, *moved.rows(last))
    say([*moved.left_out, *(f"{point.commit}: {point.subject}" for point in moved.points[-last:])])
