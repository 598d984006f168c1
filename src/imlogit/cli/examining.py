"""The commands that look at finished runs: doubts, explain and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlogit.cli.options import Picture, PlainJson, RunFolder, RunSource
from imlogit.terminal import explained, print_json, progress_bars, result_console


def doubts(
    run: RunFolder,
    n: Annotated[int, typer.Option("-n", min=1, help="How many to print.")] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the whole ranking as CSV.")] = False,
    source: RunSource = None,
    out: Picture = None,
    as_json: PlainJson = False,
) -> None:
    """Rank a run's labels, the most doubtful first, and draw their images."""
    with explained():
        from dataclasses import asdict

        from imlogit import examine
        from imlogit.record import open_record
        from imlogit.report.examined import print_doubts
        from imlogit.report.sheets import doubt_sheet
        from imlogit.runs import check_free

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


def explain(
    run: RunFolder,
    row: Annotated[
        int | None, typer.Option(help="The number of a test image; without it, telling images.")
    ] = None,
    source: RunSource = None,
    out: Picture = None,
    as_json: PlainJson = False,
) -> None:
    """Show why the model of a run says what it says of a test image, pixel by pixel."""
    with explained():
        from imlogit import examine
        from imlogit.record import open_record
        from imlogit.report import examined, sheets
        from imlogit.runs import check_free

        check_free(out)
        record = open_record(run)
        with progress_bars() as (loading, _):
            images = record.images(source, progress=loading)
        if row is None:
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
            return
        found = examine.explain_row(record, images, row)
        if as_json:
            print_json(found.to_dict())
        else:
            examined.print_explanation(result_console(), found)
        draw(sheets.evidence_figure(found), out or run / f"explain-{row}.png")


def compare(
    first: RunFolder,
    second: RunFolder,
    as_json: PlainJson = False,
) -> None:
    """Compare two runs on the test images that both have."""
    with explained():
        from imlogit.examine import compare_runs
        from imlogit.record import open_record
        from imlogit.report.examined import print_comparison

        found = compare_runs(open_record(first), open_record(second))
        if as_json:
            print_json(found.to_dict())
        else:
            print_comparison(result_console(), found, (str(first), str(second)))


def draw(picture: bytes | None, place: Path, otherwise: str = "") -> None:
    """Write a picture and say where, on standard error: results go to standard output."""
    from imlogit.atomic import write_bytes

    if picture is not None:
        write_bytes(place, picture)
    typer.echo(f"imlogit: {f'drawn to {place}' if picture is not None else otherwise}", err=True)
