"""The commands about model files: predict, evaluate, show and export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from imlogit.cli.options import (
    Backbone,
    ModelFile,
    PlainJson,
    Prepare,
    Resize,
    Source,
    Verbose,
    gathers,
)
from imlogit.cli.output import load_images, print_json, result_console
from imlogit.cli.pages import write_evaluation
from imlogit.cli.spelling import respell
from imlogit.cli.terminal import errors_as_exit_code, progress_bars, working
from imlogit.data.reading import Reading
from imlogit.export.table import FORMATS

# Some images have no answer; the others have theirs.
SOME_FAILED = 1


@gathers(reading=Reading)
def predict_command(
    model: ModelFile,
    files: Annotated[
        list[str],
        typer.Argument(help="Image files, folders of them, any source, or - for standard input."),
    ],
    resize: Resize = False,
    prepare: Prepare = None,
    backbone: Backbone = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    as_json: PlainJson = False,
    *,
    reading: Reading,
) -> None:
    """Say what a model sees in images; exit code 1 where some could not be read."""
    refuse_both(as_csv, as_json)
    with errors_as_exit_code():
        from imlogit.model.inputs import inputs
        from imlogit.model.persist import open_model
        from imlogit.model.predict import Predictor
        from imlogit.report.console import answers
        from imlogit.report.console.layout import Letters

        content = open_model(model, backbone)
        predictor = Predictor(content, reading, resize=resize, prepare=prepare)
        tally = answers.Tally()
        with progress_bars() as (loading, _):
            found = (
                replace(one, problem=respell(one.problem))
                for one in predictor.answers(inputs(files, predictor.reading, loading))
            )
            if as_json:
                lines = answers.json_lines(found, tally, predictor.head.class_names)
            elif as_csv:
                lines = answers.csv_lines(found, tally)
            else:
                console = result_console()
                room = console.width if console.is_terminal else None
                lines = answers.table_lines(found, tally, Letters(console.encoding), room)
            for line in lines:
                typer.echo(line, nl=False)
        if tally.failed:
            raise typer.Exit(SOME_FAILED)


def refuse_both(as_csv: bool, as_json: bool) -> None:
    """Refuse two forms of one output."""
    if as_csv and as_json:
        raise typer.BadParameter("--csv and --json cannot both be asked for.")


@gathers(reading=Reading)
def evaluate_command(
    model: ModelFile,
    source: Source,
    backbone: Backbone = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page of it, one file that needs nothing else.")
    ] = None,
    verbose: Verbose = False,
    as_json: PlainJson = False,
    *,
    reading: Reading,
) -> None:
    """Score a model on a source's test part, or on all of it where it has none."""
    with errors_as_exit_code():
        from imlogit.model.persist import open_model
        from imlogit.model.predict import reading_for
        from imlogit.report.console.summaries import print_assessment, print_label_assessment
        from imlogit.runs.assess import LabelAssessment, evaluate
        from imlogit.runs.command import evaluation_command
        from imlogit.system.atomic import refuse_place

        refuse_place(report, "report")
        content = open_model(model, backbone)
        if content.image_shape is None:  # of embeddings
            found = evaluate(content, source, **reading.chosen())
        else:
            found = evaluate(content, load_images(source, reading_for(content, reading)))
        if as_json:
            print_json(found.to_dict())
        elif isinstance(found, LabelAssessment):
            print_label_assessment(result_console(), found)
        else:
            print_assessment(result_console(), found, verbose=verbose)
        if report is not None:
            command = evaluation_command(model, source, reading, backbone)
            write_evaluation(found, content, command, report)


def show_command(
    model: ModelFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what is in a model file."""
    with errors_as_exit_code():
        from imlogit.model.persist import describe, open_model

        content = open_model(model)
        if as_json:
            print_json(describe(content))
            return
        from imlogit.report.console.printing import print_table
        from imlogit.report.console.tables import model_table

        print_table(result_console(), model_table(content))


def export_command(
    model: ModelFile,
    to: Annotated[str, typer.Option("--to", help=f"A format: {', '.join(FORMATS)}.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write; default beside the model.")
    ] = None,
    float64: Annotated[bool, typer.Option("--float64", help="ONNX that computes in float64.")] = (
        False
    ),
    backbone: Backbone = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an export that is there.")] = (
        False
    ),
    as_json: PlainJson = False,
) -> None:
    """Write a model in a format that other software runs, and prove it by running it."""
    with errors_as_exit_code():
        from imlogit.export.formats import suffix_of
        from imlogit.export.writing import export_model
        from imlogit.model.persist import FILE_NAME, open_model

        content = open_model(model, backbone)
        file = model / FILE_NAME if model.is_dir() else model
        place = out or file.with_suffix(suffix_of(to))
        with working(f"writing and running {place.name}"):
            found = export_model(content, place, to=to, float64=float64, force=force)
        if as_json:
            print_json(found.to_dict())
            return
        from imlogit.report.console.printing import print_table
        from imlogit.report.console.tables import export_table

        print_table(result_console(), export_table(found))
