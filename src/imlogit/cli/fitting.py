"""The commands that look at a source of images afresh: train, sweep and check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlogit.cli.options import AsJson, Out, PlainJson, Strict, gathers
from imlogit.cli.output import draw, load_images, print_json, result_console
from imlogit.cli.spelling import respell
from imlogit.cli.terminal import errors_as_exit_code, progress_bars
from imlogit.runs.options import RunOptions, SweepOptions, TaskOptions, TrainOptions

if TYPE_CHECKING:
    from rich.console import Console

# A check of severity "error" failed.
FOUND_ERRORS = 1


@gathers(options=TrainOptions)
def train_command(
    out: Out = None,
    as_json: AsJson = False,
    strict: Strict = False,
    *,
    options: TrainOptions,
) -> None:
    """Train a classifier of images, cross-validate it, test it and save it."""
    with errors_as_exit_code():
        from imlogit.report.console.summaries import print_training
        from imlogit.runs.train import train

        _run(train, options, out, print_training, as_json=as_json, strict=strict)


@gathers(options=SweepOptions)
def sweep_command(
    out: Out = None,
    as_json: AsJson = False,
    strict: Strict = False,
    *,
    options: SweepOptions,
) -> None:
    """Cross-validate many values of C, choose one, and save the model fitted with it."""
    with errors_as_exit_code():
        from imlogit.report.console.summaries import print_sweep
        from imlogit.runs.sweep import sweep

        _run(sweep, options, out, print_sweep, as_json=as_json, strict=strict)


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
            sheet = exhibit_sheet(image_set, found)
            draw(sheet, picture, "no failed check names an image: nothing to draw")
        if not found.ok:
            raise typer.Exit(FOUND_ERRORS)


def _run(
    job: Callable[..., Any],
    options: RunOptions,
    out: Path | None,
    show_run: Callable[[Console, Any], None],
    *,
    as_json: bool,
    strict: bool,
) -> None:
    """Load, work, write a run directory and print; after Ctrl-C write what is finished."""
    from imlogit.errors import FitInterrupted
    from imlogit.report.run_folder import refuse_run_place

    refuse_run_place(out)
    try:
        image_set = load_images(options.source, options.reading)
        with progress_bars() as (_, fitting):
            result = job(image_set, options, observe=fitting)
    except FitInterrupted as stop:
        if stop.partial is not None:
            place = _write_or_show(stop.partial, out, as_json, show_run)
            typer.echo(f"imlogit: what is finished is written to {place}", err=True)
        raise
    place = _write_or_show(result, out, as_json, show_run)
    _show(result, place, as_json, show_run)
    if strict and not result.checks.ok:
        raise typer.Exit(FOUND_ERRORS)


def _write_or_show(
    result: Any, out: Path | None, as_json: bool, show_run: Callable[[Console, Any], None]
) -> Path:
    """Write a run directory; if it cannot be written, at least print what it would hold.

    Raises
    ------
    OutputError
    """
    from imlogit.errors import OutputError
    from imlogit.report.run_folder import write_run

    try:
        return write_run(result, out)
    except OutputError:
        _show(result, None, as_json, show_run)
        raise


def _show(
    result: Any, place: Path | None, as_json: bool, show_run: Callable[[Console, Any], None]
) -> None:
    if as_json:
        print_json(result.metrics | {"run": None if place is None else str(place)})
        return
    console = result_console()
    show_run(console, replace(result, checks=result.checks.respelled(respell)))
    if place is not None:
        console.print(f"Written to {place}", soft_wrap=True)
