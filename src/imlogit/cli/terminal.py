"""Progress and errors, on standard error."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import typer

from imlogit.cli.spelling import respell
from imlogit.system.text import printable, printable_lines

if TYPE_CHECKING:
    from imlogit.core.solution import Observer, Progress
    from imlogit.data.progress import Progress as Loading

BAD_INPUT = 2


def say(text: str) -> None:
    """Print a message on standard error, as a message of imlogit's, without what is no letter.

    Where standard error takes no more, the work goes on without its messages.
    """
    with suppress(OSError):
        typer.echo(printable_lines(f"imlogit: {text}"), err=True)


@contextmanager
def errors_as_exit_code() -> Iterator[None]:
    """Turn an error that the user can mend into its message and exit code 2.

    Anything else is a fault of imlogit's: a traceback, and exit code 1. With ``IMLOGIT_DEBUG=1``
    every error has its traceback.
    """
    import warnings

    from imlogit.errors import ImlogitError

    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        # an image is taken or refused: what Pillow makes of it besides is of no use
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            yield
            sys.stdout.flush()
        except ImlogitError as error:
            if os.environ.get("IMLOGIT_DEBUG", "") not in ("", "0"):
                typer.echo(printable_lines(traceback.format_exc()), err=True, nl=False)
            say(respell(str(error)))
            raise typer.Exit(BAD_INPUT) from None
        except MemoryError as error:
            say(
                f"there is not enough memory ({str(error) or 'none is left'}). Give fewer or "
                "smaller images: --size HxW, --grey."
            )
            raise typer.Exit(BAD_INPUT) from None


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"warning: {respell(str(message))}")


@contextmanager
def progress_bars(
    what_of: Callable[[int, int], str] | None = None,
) -> Iterator[tuple[Loading | None, Observer | None]]:
    """Show what is going on, on standard error, if that is a terminal.

    Parameters
    ----------
    what_of : callable, optional
        Takes how many columns are fitted and how many there are, and says what that means, such
        as "3 of 10 folds".
    """
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
            bar.update(loading, description=printable(what), completed=done, total=total)

        def on_fit(news: Progress) -> None:
            bar.update(loading, visible=False)
            done = (what_of or _columns)(news.done, news.total)
            note = f"{done}; worst gap {news.gap:.1e}, {news.passes} passes; {news.plan}"
            bar.update(fitting, completed=news.done, total=news.total, note=note, visible=True)

        yield on_load, on_fit


def _columns(done: int, total: int) -> str:
    return f"{done} of {total} columns"


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that something of unknown length is going on, on standard error, if a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(printable(what))):
        yield
