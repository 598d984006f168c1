"""The commands that look at finished runs: doubts, explain and compare."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlogit.cli.options import (
    Picture,
    PlainJson,
    Prepare,
    Resize,
    RunFolder,
    RunOrModel,
    RunSource,
)
from imlogit.cli.reading_options import reads_images
from imlogit.cli.terminal import errors_as_exit_code, print_json, progress_bars, result_console

if TYPE_CHECKING:
    from imlogit.data.reading import Reading
    from imlogit.runs.examine import Explanation

# More images are not explained at once.
MOST_EXPLAINED = 20


def doubts(
    run: RunFolder,
    n: Annotated[int, typer.Option("-n", min=1, help="How many to print.")] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the whole ranking as CSV.")] = False,
    source: RunSource = None,
    out: Picture = None,
    as_json: PlainJson = False,
) -> None:
    """Rank a run's labels, the most doubtful first, and draw their images."""
    with errors_as_exit_code():
        from dataclasses import asdict

        from imlogit.report.console.examined import print_doubts
        from imlogit.report.pictures.sheets import doubt_sheet
        from imlogit.report.run_folder import check_free
        from imlogit.runs import examine
        from imlogit.runs.record import open_record

        check_free(out)
        record = open_record(run)
        found = examine.doubts_of(record)
        with progress_bars() as (loading, _):
            images = record.images(source, progress=loading)
        if as_csv:
            typer.echo(examine.as_csv(found), nl=False)
        elif as_json:
            print_json({"doubts": [asdict(one) for one in found]})
        else:
            print_doubts(result_console(), found, n)
        draw(doubt_sheet(images, found), out or run / "doubts.png")


@reads_images
def explain(
    run: RunOrModel,
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Images to explain, as predict takes them, instead of the run's."),
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(
            min=0, help="The number of a test image, or of one of FILES; else telling images."
        ),
    ] = None,
    resize: Resize = False,
    prepare: Prepare = None,
    source: RunSource = None,
    out: Picture = None,
    as_json: PlainJson = False,
    *,
    reading: Reading,
) -> None:
    """Show why a model says what it says of an image, pixel by pixel."""
    with errors_as_exit_code():
        from imlogit.report.run_folder import check_free

        check_free(out)
        if files:
            _explain_files(run, files, row, out, as_json, resize, prepare, reading)
        else:
            _explain_run(run, row, source, out, as_json)


def _explain_run(
    run: Path, row: int | None, source: str | None, out: Path | None, as_json: bool
) -> None:
    from imlogit.report.console import examined
    from imlogit.report.pictures import sheets
    from imlogit.runs import examine
    from imlogit.runs.record import open_record

    record = open_record(run)
    with progress_bars() as (loading, _):
        images = record.images(source, progress=loading)
    if row is not None:
        _show_explanations([examine.explain_row(record, images, row)], run, out, as_json)
        return
    telling = examine.exemplars_of(record)
    picture = sheets.exemplar_sheet(images, record.predictions, telling)
    if as_json:
        plain = {
            name: {kind: rows.tolist() for kind, rows in one._asdict().items()}
            for name, one in telling.items()
        }
        print_json({"exemplars": plain})
    else:
        examined.print_exemplars(result_console(), telling)
    draw(picture, out or run / "exemplars.png")


def _explain_files(
    run: Path,
    files: list[str],
    row: int | None,
    out: Path | None,
    as_json: bool,
    resize: bool,
    prepare: str | None,
    reading: Reading,
) -> None:
    from itertools import islice

    from imlogit.model.file import read
    from imlogit.model.inputs import inputs
    from imlogit.model.predict import Predictor
    from imlogit.runs.examine import explain_inputs

    content = read(run / "model.imlogit" if run.is_dir() else run)
    predictor = Predictor(content, reading, resize=resize, prepare=prepare)
    first, last = (0, MOST_EXPLAINED + 1) if row is None else (row, row + 1)
    found = list(islice(inputs(files, reading), first, last))
    if not found:
        raise ValueError(f"--row {row}: there are not so many images.")
    if len(found) > MOST_EXPLAINED:
        raise ValueError(f"These are more than {MOST_EXPLAINED} images: choose one with --row.")
    if len(found) > 1 and (out is not None or as_json):
        raise ValueError("--out and --json are for one image: choose it with --row.")
    explanations = explain_inputs(content, found, predictor)
    _show_explanations(explanations, run if run.is_dir() else run.parent, out, as_json)


def _show_explanations(
    found: Iterable[Explanation], folder: Path, out: Path | None, as_json: bool
) -> None:
    """Print explanations and draw each, into a folder unless a place is given."""
    from imlogit.report.console import examined
    from imlogit.report.pictures import sheets

    for number, one in enumerate(found):
        if as_json:
            print_json(one.to_dict())
        else:
            examined.print_explanation(result_console(), one)
        name = f"explain-{one.number}" if one.number is not None else f"explain-file-{number}"
        draw(sheets.evidence_figure(one), out or folder / f"{name}.png")


def compare(
    first: RunFolder,
    second: RunFolder,
    as_json: PlainJson = False,
) -> None:
    """Compare two runs on the test images that both have."""
    with errors_as_exit_code():
        from imlogit.report.console.examined import print_comparison
        from imlogit.runs.examine import compare_runs
        from imlogit.runs.record import open_record

        found = compare_runs(open_record(first), open_record(second))
        if as_json:
            print_json(found.to_dict())
        else:
            print_comparison(result_console(), found, (str(first), str(second)))


def draw(picture: bytes | None, place: Path, otherwise: str = "") -> None:
    """Write a picture and say where, on standard error: results go to standard output."""
    from imlogit.system.atomic import write_bytes

    if picture is not None:
        write_bytes(place, picture)
    typer.echo(f"imlogit: {f'drawn to {place}' if picture is not None else otherwise}", err=True)
