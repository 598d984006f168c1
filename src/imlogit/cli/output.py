"""Results on standard output, and what is said of files that were written on standard error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from imlogit.data.image_set import ImageSet


def print_json(content: dict[str, Any]) -> None:
    """Print JSON, the same text for the same content."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def result_console() -> Console:
    """Return the console for results; NO_COLOR and a pipe switch its colours off."""
    from rich.console import Console

    # names of classes and files are printed as they stand: [red]x, :smile:
    return Console(highlight=False, markup=False, emoji=False)


def draw(picture: bytes | None, place: Path, otherwise: str = "") -> None:
    """Write a picture and say where, on standard error: results go to standard output."""
    from imlogit.system.atomic import write_bytes

    if picture is not None:
        write_bytes(place, picture)
    typer.echo(f"imlogit: {f'drawn to {place}' if picture is not None else otherwise}", err=True)


def warn_of_skipped(image_set: ImageSet) -> None:
    """Say what was passed over, a line each, on standard error."""
    from imlogit.data.problems import listed

    if image_set.skipped:
        n = len(image_set.skipped)
        typer.echo(f"imlogit: {n:,} passed over:\n{listed(image_set.skipped)}", err=True)
