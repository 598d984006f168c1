"""The commands that look at a source of images afresh: train, sweep and check."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlogit.cli.options import AsJson, NoReport, Out, PlainJson, Resume, Strict, Verbose, gathers
from imlogit.cli.output import draw, load_images, print_json, result_console
from imlogit.cli.spelling import respell
from imlogit.cli.terminal import errors_as_exit_code, progress_bars, say
from imlogit.runs.options import RunOptions, SweepOptions, TaskOptions, TrainOptions
from imlogit.system.text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from imlogit.runs.plan import Task

EXPORT = "export {run} --to json"
# What can be done with a run.
NEXT = {
    "doubts {run}": "which labels may be wrong",
    "explain {run}": "why the model says what it says",
    "predict {run} FILES": "what it says of other images",
    EXPORT: "the model for other software",
}
# A check of severity "error" failed.
FOUND_ERRORS = 1


@gathers(options=TrainOptions)
def train_command(
    out: Out = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
    strict: Strict = False,
    no_report: NoReport = False,
    resume: Resume = False,
    *,
    options: TrainOptions,
) -> None:
    """Train a classifier of images, cross-validate it, test it and save it."""
    with errors_as_exit_code():
        ways = {"as_json": as_json, "verbose": verbose, "strict": strict, "resume": resume}
        _run(_train, options, out, **ways, report=not no_report)


@gathers(options=SweepOptions)
def sweep_command(
    out: Out = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
    strict: Strict = False,
    no_report: NoReport = False,
    resume: Resume = False,
    *,
    options: SweepOptions,
) -> None:
    """Cross-validate many values of C, choose one, and save the model fitted with it."""
    with errors_as_exit_code():
        ways = {"as_json": as_json, "verbose": verbose, "strict": strict, "resume": resume}
        _run(_sweep, options, out, **ways, report=not no_report)


@gathers(options=TaskOptions)
def check_command(
    picture: Annotated[
        Path | None, typer.Option(help="Draw the images that failed checks name, as PNG.")
    ] = None,
    as_json: PlainJson = False,
    *,
    options: TaskOptions,
) -> None:
    """Check images and labels for what would make figures wrong; exit code 1 for an error."""
    with errors_as_exit_code():
        from imlogit.report.console.findings import print_findings
        from imlogit.report.pictures.page import WHITE
        from imlogit.report.pictures.sheets import exhibit_sheet
        from imlogit.runs.check import check
        from imlogit.system.atomic import refuse_place

        refuse_place(picture, "picture")
        image_set = load_images(options.source, options.reading)
        found = check(image_set, options)
        if as_json:
            print_json({"checks": found.to_dict()})
        else:
            print_findings(result_console(), found.respelled(respell))
        if picture is not None:
            sheet = exhibit_sheet(image_set, found, options.pixel_max or WHITE)
            draw(sheet, picture, "no failed check names an image: nothing to draw")
        if not found.ok:
            raise typer.Exit(FOUND_ERRORS)


# Heavy libraries are imported only when it has been printed what a run is about.


def _train() -> tuple[Callable[..., Any], Callable[..., None]]:
    from imlogit.report.console.summaries import print_training
    from imlogit.runs.train import train_task

    return train_task, print_training


def _sweep() -> tuple[Callable[..., Any], Callable[..., None]]:
    from imlogit.report.console.summaries import print_sweep
    from imlogit.runs.sweep import sweep_task

    return sweep_task, print_sweep


def _run(
    job: Callable[[], tuple[Callable[..., Any], Callable[..., None]]],
    options: RunOptions,
    out: Path | None,
    *,
    as_json: bool,
    verbose: bool,
    strict: bool,
    report: bool,
    resume: bool,
) -> None:
    """Say what there is, work, write a run directory and print what was found.

    After Ctrl-C what is finished is written.
    """
    from imlogit.errors import FitInterrupted
    from imlogit.report.run_folder import refuse_run_place

    refuse_run_place(out)
    task = _begin(options, quiet=as_json)
    do, print_found = job()

    def show(result: Any, place: Path | None) -> None:
        _show(result, place, print_found, as_json=as_json, verbose=verbose)

    try:
        with (
            _checkpoint_of(task, out, resume=resume) as place_of_weights,
            progress_bars(_words_of(task)) as (loading, fitting),
        ):
            task.make_features(loading)
            result = do(task, observe=fitting, checkpoint=place_of_weights)
    except FitInterrupted as stop:
        if stop.partial is not None:
            place = _write_or_show(stop.partial, out, show, report=report)
            say(f"what is finished is written to {place}, without pictures")
        raise
    place = _write_or_show(result, out, show, report=report)
    show(result, place)
    if strict and not result.checks.ok:
        raise typer.Exit(FOUND_ERRORS)


@contextmanager
def _checkpoint_of(task: Task, out: Path | None, *, resume: bool) -> Iterator[Path]:
    """Yield where weights are kept until the fits end, and say where they are if those do not.

    Raises
    ------
    OutputError
        Where weights are kept of a run that is not to be gone on with.
    """
    from imlogit.errors import ClusterError, FitInterrupted, OutputError
    from imlogit.report.run_folder import checkpoint_place

    place = checkpoint_place(task, out)
    there = os.path.lexists(place)
    if there and not resume:
        raise OutputError(
            f"{place} holds what an unfinished run of these options has reached: go on from there "
            "with resume=True, or remove it",
            parameter="resume",
        )
    if resume and not there:
        say(f"there is no {place} to go on from: the fits begin anew")
    try:
        yield place
    except (ClusterError, FitInterrupted):
        if os.path.lexists(place):
            say(f"what the fits have reached is in {place}: --resume goes on from there")
        raise


def _write_or_show(
    result: Any, out: Path | None, show: Callable[[Any, Path | None], None], *, report: bool
) -> Path:
    """Write a run directory; if it cannot be written, at least print what it would hold.

    Raises
    ------
    OutputError
    """
    from imlogit.errors import OutputError
    from imlogit.report.run_folder import write_run

    try:
        return write_run(result, out, report=report)
    except OutputError:
        show(result, None)
        raise


def _show(
    result: Any,
    place: Path | None,
    print_found: Callable[..., None],
    *,
    as_json: bool,
    verbose: bool,
) -> None:
    if as_json:
        print_json(result.metrics | {"run": None if place is None else str(place)})
        return
    console = result_console()
    pictures = [] if place is None else [path.name for path in place.glob("*.png")]
    spelled = replace(result, checks=result.checks.respelled(respell))
    print_found(console, spelled, verbose=verbose, pictures=pictures)
    if place is not None:
        _print_place(console, place, exports=_has_json(result.task))


def _begin(options: RunOptions, *, quiet: bool) -> Task:
    """Read the images, and say what the run is about before anything is fitted."""
    from imlogit.runs.plan import begin

    image_set = load_images(options.source, options.reading)
    task = begin(image_set, options, may_choose=isinstance(options, SweepOptions))
    if not quiet:
        from imlogit.report.console.tasks import print_task

        print_task(result_console(), task, respell)
        sys.stdout.flush()  # a pipe, too, has it before the fit
    return task


def _words_of(task: Task) -> Callable[[int, int], str]:
    """Return what says how many of a run's fits are done."""
    options, n_classes = task.options, len(task.target.names)
    columns = 1 if n_classes == 2 else n_classes

    def words(done: int, total: int) -> str:
        fitted = done // columns
        if isinstance(options, SweepOptions):
            return f"{fitted} of {total // columns} fits, of {len(options.values)} values of C"
        # the folds start from the fit on all images
        folds = task.folds
        return f"fold {min(fitted, folds)} of {folds}" if fitted else "all images"

    return words


def _has_json(task: Task) -> bool:
    """Whether an export to JSON has a form for each of a run's feature steps."""
    from imlogit.export.table import FORMATS

    steps = () if task.features is None else task.features.steps
    return all(fitted.name in FORMATS["json"].steps for fitted in steps)


def _print_place(console: Console, place: Path, *, exports: bool) -> None:
    """Say where the run is, and what can be done with it."""
    from imlogit.report.console.printing import print_rows
    from imlogit.report.table import Column, Table, Wrap

    run = shlex.quote(str(place))
    console.print(f"Written to {printable(place)}", soft_wrap=True)
    rows = tuple(
        (f"imlogit {command.format(run=run)}", what)
        for command, what in NEXT.items()
        if exports or command != EXPORT
    )
    headings = (Column("command", wrap=Wrap.NEVER), Column("what it says", drop=1))
    print_rows(console, Table("", headings, rows, headed=False))
