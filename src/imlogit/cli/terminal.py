"""The terminal: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from imlogit.core.solution import Observer, Progress
    from imlogit.data.progress import Progress as Loading

BAD_INPUT = 2


@contextmanager
def errors_as_exit_code() -> Iterator[None]:
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
        except (ImlogitError, ValueError, OSError, MemoryError) as error:
            typer.echo(f"imlogit: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.echo(f"imlogit: warning: {message}", err=True)


def print_json(content: dict[str, Any]) -> None:
    """Print JSON, the same text for the same content."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def result_console() -> Console:
    """Return the console for results; NO_COLOR and a pipe switch its colours off."""
    from rich.console import Console

    # names of classes and files are printed as they stand: [red]x, :smile:
    return Console(highlight=False, markup=False, emoji=False)


@contextmanager
def progress_bars() -> Iterator[tuple[Loading | None, Observer | None]]:
    """Show what is going on, on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None, None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[note]}", markup=False),
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


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that something of unknown length is going on, on standard error, if a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(what)):
        yield
