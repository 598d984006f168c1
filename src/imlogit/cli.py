"""The command line: arguments in, tables out. What it does is done elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlogit.terminal import explained, print_json, progress_bars, result_console, working

if TYPE_CHECKING:
    from rich.console import Console

    from imlogit.plan import Choices

# A check of severity "error" failed.
FOUND_ERRORS = 1

app = typer.Typer(
    name="imlogit",
    help="Image classification with logistic regression: the exact optimum, with a proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code.

    Errors that a user can mend are one message on standard error and code 2.
    """
    try:
        app(list(arguments), prog_name="imlogit")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    return 0


def _version(wanted: bool) -> None:
    if wanted:
        from imlogit import __version__

        typer.echo(f"imlogit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Image classification with logistic regression: the exact optimum, with a proof."""


Source = Annotated[str, typer.Argument(help="The images: mnist-5k (inside the package) or mnist.")]
Positive = Annotated[str | None, typer.Option(help="The label to tell from all others. Digits: 2.")]
EveryClass = Annotated[bool, typer.Option("--all", help="Tell every class from the others.")]
Folds = Annotated[int, typer.Option(help="Folds of the cross-validation.")]
TestSize = Annotated[
    float, typer.Option(help="Share of the images kept for the test, if the source has none.")
]
Seed = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="Seed of the split, the order and the folds.")
]
EngineName = Annotated[
    str, typer.Option(help="What adds up over the images: auto, numba, tensorflow or reference.")
]
Out = Annotated[Path | None, typer.Option(help="Where to write; default imlogit-runs/SOURCE-N.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the metrics as JSON instead of tables.")
]


@app.command()
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
) -> None:
    """Train a classifier of images, cross-validate it, test it and save it."""
    with explained():
        from imlogit.report.summaries import print_training
        from imlogit.train import Options
        from imlogit.train import train as run_training

        if not c > 0 or math.isnan(c):
            raise ValueError(f"--c {c}: give a positive number, or inf")
        options = Options(
            source, positive, every_class, folds, test_size, seed, engine, c, precision, recall
        )
        _run(run_training, options, out, as_json, print_training)


@app.command()
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
) -> None:
    """Cross-validate many values of C, choose one, and save the model fitted with it."""
    with explained():
        from imlogit.report.summaries import print_sweep
        from imlogit.sweep import SweepOptions, parse_cs
        from imlogit.sweep import sweep as run_sweep

        values = parse_cs(cs)
        options = SweepOptions(
            source, positive, every_class, folds, test_size, seed, engine, values, rule
        )
        _run(run_sweep, options, out, as_json, print_sweep)


def _run(
    work: Callable[..., Any],
    options: Choices,
    out: Path | None,
    as_json: bool,
    show_run: Callable[[Console, Any], None],
) -> None:
    """Load, work, write a run directory and print; after Ctrl-C write what is finished."""
    from imlogit.data import load
    from imlogit.errors import FitInterrupted
    from imlogit.runs import check_free, write_run

    check_free(out)
    try:
        with progress_bars() as (loading, fitting):
            image_set = load(options.source, progress=loading)
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
    console.print(f"Written to {place}", soft_wrap=True, markup=False)


@app.command()
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
) -> None:
    """Check images and labels for what would make figures wrong; exit code 1 for an error."""
    with explained():
        from imlogit.checking import check as check_source
        from imlogit.data import load
        from imlogit.report.findings import print_findings
        from imlogit.report.sheets import exhibit_sheet
        from imlogit.runs import check_free

        check_free(picture)
        with progress_bars() as (loading, _):
            image_set = load(source, progress=loading)
        found = check_source(
            image_set, positive=positive, every_class=every_class, test_size=test_size, seed=seed
        )
        sheet = exhibit_sheet(image_set, found) if picture is not None else None
        if as_json:
            print_json({"checks": found.to_dict()})
        else:
            print_findings(result_console(), found)
        if picture is not None:
            _draw(sheet, picture, "no failed check names an image: nothing to draw")
        if not found.ok:
            raise typer.Exit(FOUND_ERRORS)


RunFolder = Annotated[Path, typer.Argument(help="A folder that train or sweep wrote.")]
RunSource = Annotated[
    str | None, typer.Option("--source", help="Where the run's images are now, if elsewhere.")
]
Picture = Annotated[
    Path | None, typer.Option("--out", help="Where to draw, as PNG; default in the run's folder.")
]
PlainJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.command()
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
        _draw(doubt_sheet(images, found), out or run / "doubts.png")


@app.command()
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
            _draw(picture, out or run / "exemplars.png")
            return
        found = examine.explain_row(record, images, row)
        if as_json:
            print_json(found.to_dict())
        else:
            examined.print_explanation(result_console(), found)
        _draw(sheets.evidence_figure(found), out or run / f"explain-{row}.png")


@app.command()
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


def _draw(picture: bytes | None, place: Path, otherwise: str = "") -> None:
    """Write a picture and say where, on standard error: results go to standard output."""
    from imlogit.atomic import write_bytes

    if picture is not None:
        write_bytes(place, picture)
    typer.echo(f"imlogit: {f'drawn to {place}' if picture is not None else otherwise}", err=True)


@app.command()
def show(
    model: Annotated[Path, typer.Argument(help="A model file (.imlogit).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what is in a model file."""
    with explained():
        from imlogit.model_file import read

        content = read(model)
        if as_json:
            from imlogit.model import describe

            print_json(describe(content))
            return
        from imlogit.report.tables import model_table

        result_console().print(model_table(content))


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="A model file (.imlogit).")],
    to: Annotated[str, typer.Option("--to", help="onnx, keras, savedmodel, litert or json.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write; default beside the model.")
    ] = None,
    float64: Annotated[bool, typer.Option("--float64", help="ONNX that computes in float64.")] = (
        False
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace an export that is there.")] = (
        False
    ),
    as_json: PlainJson = False,
) -> None:
    """Write a model in a format that other software runs, and prove it by running it."""
    with explained():
        from imlogit.export import export_model
        from imlogit.export.formats import suffix_of
        from imlogit.model import from_file, names_of
        from imlogit.model_file import read

        place = out or model.with_suffix(suffix_of(to))
        content = read(model)
        with working(f"writing and running {place.name}"):
            found = export_model(
                from_file(content),
                place,
                to=to,
                float64=float64,
                force=force,
                class_names=names_of(content),
            )
        if as_json:
            print_json(found.to_dict())
            return
        from imlogit.report.tables import export_table

        result_console().print(export_table(found))
