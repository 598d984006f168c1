"""The commands that look at finished runs: doubts, explain and compare."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlogit.cli.models import refuse_both
from imlogit.cli.options import (
    Backbone,
    ExplainedPicture,
    Picture,
    PlainJson,
    Prepare,
    Resize,
    RunFolder,
    RunOrModel,
    RunSource,
    gathers,
)
from imlogit.cli.output import draw, print_json, result_console
from imlogit.cli.terminal import errors_as_exit_code, progress_bars, say
from imlogit.data.reading import Reading

if TYPE_CHECKING:
    from imlogit.runs.doubts import Doubt
    from imlogit.runs.examine import Explanation
    from imlogit.runs.record import Record

# Each is a table and a picture.
MOST_EXPLAINED = 20
# Of a file's name, which becomes a part of its picture's.
ENDING, MOST_LETTERS = re.compile(r"\.[a-zA-Z]\w{0,4}$"), 60

DoubtedPart = Annotated[str, typer.Option(metavar="training|test", help="Whose labels to rank.")]
Ranking = Annotated[
    str,
    typer.Option(
        metavar="trust|margin|confidence",
        help="By what: the label's probability, given how labels seem to be mistaken; its class's, "
        "less the suggested one's; or its class's alone.",
    ),
]
DoubtedFiles = Annotated[
    Path | None,
    typer.Option(
        metavar="DEST",
        help="Copy the images' files to a new folder, by the given and the suggested class.",
    ),
]
Links = Annotated[
    bool, typer.Option("--link", help="Link to the files in --folder instead of copying them.")
]


def doubts_command(
    run: RunFolder,
    n: Annotated[int, typer.Option("-n", min=1, help="How many to print, and to copy.")] = 20,
    part: DoubtedPart = "training",
    ranking: Ranking = "trust",
    folder: DoubtedFiles = None,
    link: Links = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the whole ranking as CSV.")] = False,
    source: RunSource = None,
    out: Picture = None,
    as_json: PlainJson = False,
) -> None:
    """Rank a run's labels, the most doubtful first, and draw their images."""
    refuse_both(as_csv, as_json)
    if link and folder is None:
        raise typer.BadParameter("--link is for --folder: say where the links are to be.")
    with errors_as_exit_code():
        from dataclasses import asdict

        from imlogit.model.head import white_of
        from imlogit.report.console.examined import print_doubts
        from imlogit.report.pictures.sheets import doubt_sheet
        from imlogit.runs.doubts import TRAINING, doubts
        from imlogit.runs.doubts import as_csv as csv_of
        from imlogit.runs.record import open_record
        from imlogit.system.atomic import refuse_place

        refuse_place(out, "out")
        refuse_place(folder, "folder")
        record = open_record(run)
        found = doubts(record, part=part, ranking=ranking)
        # a probe has no pictures, and none are asked for but by these
        wanted = (source, out, folder) != (None, None, None)
        pictured = record.facts.has_images or wanted
        with progress_bars() as (loading, _):
            images = record.images(source, progress=loading) if pictured else None
        if folder is not None:
            _copy(record, found[:n], folder, link, source)
        if as_csv:
            typer.echo(csv_of(found), nl=False)
        elif as_json:
            ranked = [asdict(one) for one in found]
            print_json({"part": part, "ranking": ranking, "doubts": ranked})
        else:
            print_doubts(result_console(), found, n, part)
        if images is None:
            return
        usual = "doubts.png" if part == TRAINING else f"doubts-{part}.png"
        white = white_of(record.model.pixel_scale)
        draw(doubt_sheet(images, found, n, white), out or run / usual)


def _copy(
    record: Record, doubts: tuple[Doubt, ...], folder: Path, link: bool, source: str | None
) -> None:
    """Copy images of doubtful labels, and say how many on standard error."""
    from imlogit.report.doubt_folder import copy_doubts

    with progress_bars() as (loading, _):
        made = copy_doubts(record, doubts, folder, link=link, source=source, progress=loading)
    said = [f"{made.n_files:,} files {'linked to' if link else 'copied'}"] if made.n_files else []
    if made.n_drawn:
        said.append(f"{made.n_drawn:,} images that are no files, or not found, written as PNG")
    say(f"{folder}: {' and '.join(said)}")


@gathers(reading=Reading)
def explain_command(
    run: RunOrModel,
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Images to explain, as predict takes them, instead of the run's."),
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(
            min=0, help="The row of an image in the source, or one of FILES; else telling images."
        ),
    ] = None,
    resize: Resize = False,
    prepare: Prepare = None,
    backbone: Backbone = None,
    source: RunSource = None,
    out: ExplainedPicture = None,
    as_json: PlainJson = False,
    *,
    reading: Reading,
) -> None:
    """Show why a model says what it says of an image, pixel by pixel."""
    with errors_as_exit_code():
        from imlogit.runs.examine import explain, refuse_unused
        from imlogit.system.atomic import refuse_place

        refuse_place(out, "out")
        if not files and row is None:
            refuse_unused(reading, resize=resize, prepare=prepare)
            _show_exemplars(run, source, out, as_json)
            return
        with progress_bars() as (loading, _):
            found = explain(
                run,
                files or (),
                row=row,
                source=source,
                resize=resize,
                prepare=prepare,
                backbone=backbone,
                progress=loading,
                most=MOST_EXPLAINED,
                **vars(reading),
            )
        if len(found) > 1 and (out is not None or as_json):
            raise typer.BadParameter("--out and --json are for one image: choose it with --row.")
        _show_explanations(found, run, out, as_json)


def _show_exemplars(run: Path, source: str | None, out: Path | None, as_json: bool) -> None:
    """Print and draw the telling test images of each class."""
    from imlogit.model.head import white_of
    from imlogit.report.console.examined import print_exemplars
    from imlogit.report.pictures.sheets import exemplar_sheet
    from imlogit.runs.examine import exemplars_of
    from imlogit.runs.record import open_record

    record = open_record(run)
    with progress_bars() as (loading, _):
        images = record.images(source, progress=loading)
    telling = exemplars_of(record)
    picture = exemplar_sheet(
        images, record.predictions, telling, white_of(record.model.pixel_scale)
    )
    if as_json:
        plain = {
            name: {kind: rows.tolist() for kind, rows in one._asdict().items()}
            for name, one in telling.items()
        }
        print_json({"exemplars": plain})
    else:
        print_exemplars(result_console(), telling)
    draw(picture, out or run / "exemplars.png")


def _show_explanations(
    found: list[Explanation], run: Path, out: Path | None, as_json: bool
) -> None:
    """Print explanations and draw each: one of a run's row beside the run, else where we are."""
    from imlogit.report.console import examined
    from imlogit.report.pictures import sheets
    from imlogit.system.atomic import free_path

    for one in found:
        if as_json:
            print_json(one.to_dict())
        else:
            examined.print_explanation(result_console(), one)
        if one.row is not None:
            place = run / f"explain-row-{one.row}.png"
        else:
            place = free_path(Path(f"explain-{_own_name(one.where)}.png"))
        draw(sheets.evidence_figure(one), out or place)


def _own_name(where: str) -> str:
    """Return a file's own name without its ending, or what else an image is called."""
    from imlogit.report.run_folder import file_name

    own = re.split(r"[/\\]", where)[-1]
    return file_name(ENDING.sub("", own))[:MOST_LETTERS]


def compare_command(
    first: RunFolder,
    second: RunFolder,
    as_json: PlainJson = False,
) -> None:
    """Compare two runs on the test images that both have."""
    with errors_as_exit_code():
        from imlogit.report.console.examined import print_comparison
        from imlogit.runs.examine import compare

        found = compare(first, second)
        if as_json:
            print_json(found.to_dict())
        else:
            print_comparison(result_console(), found, (str(first), str(second)))
