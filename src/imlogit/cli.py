"""The command line: arguments in, tables out. What it does is done elsewhere."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from imlogit.core.solver import Observer, Progress
    from imlogit.data.download import Progress as Loading
    from imlogit.plan import Choices

BAD_INPUT = 2

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
    str, typer.Option(help="What adds up over the images: auto, numba or reference.")
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
    engine: EngineName = "auto",
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Train a classifier of images, cross-validate it, test it and save it."""
    with _explained():
        from imlogit.report.tables import print_training
        from imlogit.train import Options
        from imlogit.train import train as run_training

        if not c > 0 or math.isnan(c):
            raise ValueError(f"--c {c}: give a positive number, or inf")
        options = Options(source, positive, every_class, folds, test_size, seed, engine, c)
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
    with _explained():
        from imlogit.report.tables import print_sweep
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
        with _progress() as (loading, fitting):
            image_set = load(options.source, progress=loading)
            result = work(image_set, options, observe=fitting)
    except FitInterrupted as stop:
        if stop.partial is not None:
            place = write_run(stop.partial, out)
            typer.echo(f"imlogit: what is finished is written to {place}", err=True)
        raise
    place = write_run(result, out)
    if as_json:
        _print_json(result.metrics() | {"run": str(place)})
        return
    console = _console()
    show_run(console, result)
    console.print(f"Written to {place}", soft_wrap=True, markup=False)


@app.command()
def show(
    model: Annotated[Path, typer.Argument(help="A model file (.imlogit).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what is in a model file."""
    with _explained():
        from imlogit.model_file import read

        content = read(model)
        if as_json:
            from imlogit.model import describe

            _print_json(describe(content))
            return
        from imlogit.report.tables import model_table

        _console().print(model_table(content))


@contextmanager
def _explained() -> Iterator[None]:
    """Turn an error that the user can mend into its message and exit code 2."""
    import warnings

    from imlogit.errors import ImlogitError

    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            yield
            sys.stdout.flush()
        except BrokenPipeError:  # whoever reads has seen enough; typer knows what to do
            raise
        except (ImlogitError, ValueError, OSError) as error:
            typer.echo(f"imlogit: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.echo(f"imlogit: warning: {message}", err=True)


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def _console() -> Console:
    """Return the console for results; NO_COLOR and a pipe switch its colours off."""
    from rich.console import Console

    return Console(highlight=False)


@contextmanager
def _progress() -> Iterator[tuple[Loading | None, Observer | None]]:
    """Show what is going on, on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None, None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        loading = bar.add_task("reading images", total=None, note="")
        fitting = bar.add_task("fitting", total=None, note="", visible=False)

        def on_load(what: str, done: int, total: int | None) -> None:
            bar.update(loading, description=what, completed=done, total=total)

        def on_fit(news: Progress) -> None:
            bar.update(loading, visible=False)
            note = (
                f"{news.done} of {news.total} columns, worst gap {news.gap:.1e}, "
                f"{news.passes} passes"
            )
            bar.update(fitting, completed=news.done, total=news.total, note=note, visible=True)

        yield on_load, on_fit
