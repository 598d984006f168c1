"""The options that say how images are read, for every command that takes a source of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlogit.cli.terminal import errors_as_exit_code

if TYPE_CHECKING:
    from imlogit.data.image_set import ImageSet
    from imlogit.data.reading import Reading

PANEL = "Reading images"


def reads_images(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how images are read.

    Parameters
    ----------
    command : callable
        Takes a keyword ``reading``, a `Reading`, which the options are gathered into.

    Returns
    -------
    callable
        The same command with the options, which typer finds in its signature, in place of
        ``reading``. A value that cannot be is a message and exit code 2.
    """

    @functools.wraps(command)
    def reading_command(**given: Any) -> None:
        with errors_as_exit_code():
            reading = _reading(**{option.name: given.pop(option.name) for option in OPTIONS})
        command(**given, reading=reading)

    signature = _with_options(command)
    reading_command.__signature__ = signature  # type: ignore[attr-defined]
    # typer evaluates these, too, and the command's own name the type that is not imported here
    reading_command.__annotations__ = {
        name: parameter.annotation for name, parameter in signature.parameters.items()
    }
    return reading_command


def _with_options(command: Callable[..., None]) -> inspect.Signature:
    """Return a command's signature with the options in place of ``reading``."""
    # Reading stays unknown here: importing it loads NumPy, and --help is to be fast
    signature = inspect.signature(command, locals={"Reading": Any}, eval_str=True)
    own = [one for name, one in signature.parameters.items() if name != "reading"]
    return signature.replace(parameters=[*own, *OPTIONS])


def _reading(*, size: str | None, shape: str | None, **others: Any) -> Reading:
    """Return what the options say.

    Raises
    ------
    DataError
        For a value that cannot be.
    """
    from imlogit.data.reading import Reading, parse_shape

    return Reading.of(
        {
            "size": None if size is None else parse_shape(size, "--size", (2,)),
            "shape": None if shape is None else parse_shape(shape, "--shape", (2, 3)),
            **others,
        }
    )


def _option(name: str, type_: Any, default: Any, help_: str, **how: Any) -> inspect.Parameter:
    flag = "--" + name.replace("_", "-")
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[type_, typer.Option(flag, help=help_, rich_help_panel=PANEL, **how)],
    )


# The names and defaults of Reading's fields.
OPTIONS = (
    _option(
        "size",
        str | None,
        None,
        "Bring every image to this size; its proportions are not kept.",
        metavar="HxW",
    ),
    _option("grey", bool, False, "Convert colour to grey."),
    _option(
        "shape",
        str | None,
        None,
        "The shape of images that come as rows of numbers; by default square and grey.",
        metavar="HxW[xC]",
    ),
    _option(
        "layout",
        str | None,
        None,
        "Where the channels are: hwc, together at each pixel, or chw, each a plane of its own.",
        metavar="hwc|chw",
    ),
    _option("skip_bad", bool, False, "Go on without files and rows that cannot be used."),
    _option("follow_links", bool, False, "Follow symbolic links that lead out of a folder."),
    _option("max_megapixels", float, 25.0, "Refuse larger images before they are decoded."),
    _option("max_megabytes", float, 64.0, "Refuse larger image files before they are read."),
)


def warn_of_skipped(image_set: ImageSet) -> None:
    """Say what was passed over, a line each, on standard error."""
    from imlogit.data.problems import listed

    if image_set.skipped:
        n = len(image_set.skipped)
        typer.echo(f"imlogit: {n:,} passed over:\n{listed(image_set.skipped)}", err=True)
