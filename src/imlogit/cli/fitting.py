"""The commands that look at a source of images afresh: train, sweep and check."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlogit.cli.examining import draw
from imlogit.cli.options import (
    AsJson,
    EngineName,
    EveryClass,
    Folds,
    Out,
    Positive,
    Seed,
    Source,
    TestSize,
)
from imlogit.cli.reading_options import reads_images, warn_of_skipped
from imlogit.cli.terminal import errors_as_exit_code, print_json, progress_bars, result_console

if TYPE_CHECKING:
    from rich.console import Console

    from imlogit.data.reading import Reading
    from imlogit.runs.plan import RunOptions

# A check of severity "error" failed.
FOUND_ERRORS = 1


@reads_images
def train(
    source: Source = "mnist-5k",
    positive: Positive = None,
    every_class: EveryClass = False,
    folds: Folds = 10,
    test_size: TestSize = 0.2,
    seed: Seed = 0,
    c: Annotated[
        float, typer.Option("--c", help="Inverse of the penalty's strength; inf for none.")
    ] = 1.0,
    precision: Annotated[
        float | None, typer.Option(help="Choose the threshold that reaches this precision.")
    ] = None,
    recall: Annotated[
        float | None, typer.Option(help="Choose the threshold that reaches this recall.")
    ] = None,
    engine: EngineName = "auto",
    out: Out = None,
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Train a classifier of images, cross-validate it, test it and save it."""
    with errors_as_exit_code():
        from imlogit.report.console.summaries import print_training
        from imlogit.runs.train import TrainOptions
        from imlogit.runs.train import train as run_training

        if not c > 0 or math.isnan(c):
            raise ValueError(f"--c {c}: give a positive number, or inf")
        options = TrainOptions(
            source,
            positive,
            every_class,
            folds,
            test_size,
            seed,
            engine,
            c,
            precision,
            recall,
            reading=reading,
        )
        _run(run_training, options, out, as_json, print_training)


@reads_images
def sweep(
    source: Source = "mnist-5k",
    cs: Annotated[
        str, typer.Option(help="Values of C: FIRST:LAST:COUNT, spaced evenly in log C, or C,C,...")
    ] = "1e-4:1e2:20",
    rule: Annotated[
        str, typer.Option(help="How to choose C: best, or one-standard-error for a simpler model.")
    ] = "best",
    positive: Positive = None,
    every_class: EveryClass = False,
    folds: Folds = 10,
    test_size: TestSize = 0.2,
    seed: Seed = 0,
    engine: EngineName = "auto",
    out: Out = None,
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Cross-validate many values of C, choose one, and save the model fitted with it."""
    with errors_as_exit_code():
        from imlogit.report.console.summaries import print_sweep
        from imlogit.runs.sweep import SweepOptions, parse_cs
        from imlogit.runs.sweep import sweep as run_sweep

        values = parse_cs(cs)
        options = SweepOptions(
            source,
            positive,
            every_class,
            folds,
            test_size,
            seed,
            engine,
            values,
            rule,
            reading=reading,
        )
        _run(run_sweep, options, out, as_json, print_sweep)


@reads_images
def check(
    source: Source = "mnist-5k",
    positive: Positive = None,
    every_class: EveryClass = False,
    test_size: TestSize = 0.2,
    seed: Seed = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the images that failed checks name, as PNG.")
    ] = None,
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Check images and labels for what would make figures wrong; exit code 1 for an error."""
    with errors_as_exit_code():
        from imlogit.data.sources import read
        from imlogit.report.console.findings import print_findings
        from imlogit.report.pictures.sheets import exhibit_sheet
        from imlogit.report.run_folder import check_free
        from imlogit.runs.check import check as check_source

        check_free(picture)
        with progress_bars() as (loading, _):
            image_set = read(source, reading, loading)
            warn_of_skipped(image_set)
        found = check_source(
            image_set, positive=positive, every_class=every_class, test_size=test_size, seed=seed
        )
        sheet = exhibit_sheet(image_set, found) if picture is not None else None
        if as_json:
            print_json({"checks": found.to_dict()})
        else:
            print_findings(result_console(), found)
        if picture is not None:
            draw(sheet, picture, "no failed check names an image: nothing to draw")
        if not found.ok:
            raise typer.Exit(FOUND_ERRORS)


def _run(
    work: Callable[..., Any],
    options: RunOptions,
    out: Path | None,
    as_json: bool,
    show_run: Callable[[Console, Any], None],
) -> None:
    """Load, work, write a run directory and print; after Ctrl-C write what is finished."""
    from imlogit.data.sources import read
    from imlogit.errors import FitInterrupted
    from imlogit.report.run_folder import check_free, write_run

    check_free(out)
    try:
        with progress_bars() as (loading, fitting):
            image_set = read(options.source, options.reading, loading)
            warn_of_skipped(image_set)
            result = work(image_set, options, observe=fitting)
    except FitInterrupted as stop:
        if stop.partial is not None:
            place = write_run(stop.partial, out)
            typer.echo(f"imlogit: what is finished is written to {place}", err=True)
        raise
    place = write_run(result, out)
    if as_json:
        print_json(result.metrics() | {"run": str(place)})
        return
    console = result_console()
    show_run(console, result)
    console.print(f"Written to {place}", soft_wrap=True)
