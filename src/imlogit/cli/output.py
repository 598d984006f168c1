"""Results on standard output, and what is said of files that were written on standard error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imlogit.cli.spelling import respell
from imlogit.cli.streams import LEAST_WIDTH, USUAL_WIDTH, can_be_printed
from imlogit.cli.terminal import progress_bars, say
from imlogit.system.plain_json import to_printable_json

if TYPE_CHECKING:
    from rich.console import Console

    from imlogit.data.image_set import ImageSet
    from imlogit.data.reading import Reading


def print_json(content: dict[str, Any]) -> None:
    """Print JSON, the same text for the same content; what cannot be printed is escaped."""
    text = to_printable_json(content, indent=2)
    if not can_be_printed(text):
        text = to_printable_json(content, indent=2, ascii_only=True)
    typer.echo(text)


def result_console() -> Console:
    """Return the console for results; NO_COLOR and a pipe switch its colours off."""
    from rich.console import Console

    # names of classes and files are printed as they stand: [red]x, :smile:
    console = Console(highlight=False, markup=False, emoji=False)
    if console.width < LEAST_WIDTH:
        console.width = USUAL_WIDTH
    return console


def draw(picture: bytes | None, place: Path, otherwise: str = "") -> None:
    """Write a picture and say where, on standard error: results go to standard output."""
    from imlogit.system.atomic import write_bytes

    if picture is not None:
        write_bytes(place, picture)
    say(f"drawn to {place}" if picture is not None else otherwise)


def load_images(source: str, reading: Reading) -> ImageSet:
    """Read a source, and say what was passed over, a line each, on standard error."""
    from imlogit.data.sources import read

    with progress_bars() as (loading, _):
        images = read(source, reading, loading)
    say_passed_over(images)
    return images


def say_passed_over(images: ImageSet) -> None:
    """Say what of a source was passed over, a line each, on standard error."""
    from imlogit.data.problems import listed

    if images.skipped:
        passed_over = respell(listed(images.skipped))
        say(f"{len(images.skipped):,} passed over:\n{passed_over}")
