"""The options of commands: those that dataclasses describe, and those that several share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from imlogit.cli.completion import complete_run, complete_source
from imlogit.cli.terminal import errors_as_exit_code
from imlogit.data.reading import Reading
from imlogit.runs.options import TaskOptions, flag_of

READING_PANEL = "Reading images"

Source = Annotated[
    str,
    typer.Argument(
        help=TaskOptions.__dataclass_fields__["source"].metadata["help"],
        autocompletion=complete_source,
    ),
]
ModelFile = Annotated[
    Path,
    typer.Argument(help="A model file (.imlogit), or a run's folder.", autocompletion=complete_run),
]
Prepare = Annotated[
    str | None,
    typer.Option(help="digit: invert, crop, fit and centre each image, as MNIST's were."),
]
Resize = Annotated[bool, typer.Option("--resize", help="Bring images to the model's size.")]
Backbone = Annotated[
    Path | None,
    typer.Option(help="The network whose output the model takes, if it is not beside the model."),
]
Seed = Annotated[int, typer.Option(help="Seed of the sample.", **{"min": 0, "max": 2**32 - 1})]
Out = Annotated[Path | None, typer.Option(help="Where to write; default imlogit-runs/SOURCE-N.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the metrics as JSON instead of tables.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print the long tables, too.")]
RunFolder = Annotated[
    Path, typer.Argument(help="A folder that train or sweep wrote.", autocompletion=complete_run)
]
RunOrModel = Annotated[
    Path,
    typer.Argument(
        help="A folder that train or sweep wrote, or, for FILES, a model file.",
        autocompletion=complete_run,
    ),
]
RunSource = Annotated[
    str | None, typer.Option("--source", help="Where the run's images are now, if elsewhere.")
]
Picture = Annotated[
    Path | None, typer.Option("--out", help="Where to draw, as PNG; default in the run's folder.")
]
NoReport = Annotated[bool, typer.Option("--no-report", help="Write no report.html.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="End with exit code 1 where a check found an error.")
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on from what an unfinished run of the same options has reached."
    ),
]
ExplainedPicture = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Where to draw, as PNG; default in the run's folder; for FILES, the current one.",
    ),
]
PlainJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

# What commands have that no dataclass describes, by its name in Python.
FLAGS = {
    "source": "--source",
    "out": "--out",
    "row": "--row",
    "resize": "--resize",
    "prepare": "--prepare",
    "backbone": "--backbone",
    "float64": "--float64",
    "force": "--force",
    "to": "--to",
    "picture": "--picture",
    "report": "--report",
    "older_than": "--older-than",
    "everything": "--all",
    "copies": "--copies",
    "part": "--part",
    "ranking": "--ranking",
    "folder": "--folder",
    "link": "--link",
    "resume": "--resume",
}


def gathers(**kinds: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of some dataclasses.

    Parameters
    ----------
    **kinds : type
        By the name of a keyword of the command, the dataclass of which it gets one. A `Reading`
        within another has its options, too.

    Returns
    -------
    callable
        The decorator. A value that cannot be is a message and exit code 2.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def gathering(**given: Any) -> None:
            with errors_as_exit_code():
                made = {name: _take(kind, given) for name, kind in kinds.items()}
            command(**given, **made)

        own = inspect.signature(command, eval_str=True, locals=dict.fromkeys(("Reading",), Any))
        kept = [_placed(one) for name, one in own.parameters.items() if name not in kinds]
        added = [one for kind in kinds.values() for one in _parameters(kind)]
        # positional ones come first in a signature, as they do on a command line
        parameters = sorted([*added, *kept], key=lambda one: one.kind)
        signature = own.replace(parameters=parameters)
        gathering.__signature__ = signature  # type: ignore[attr-defined]
        # typer evaluates these, too
        gathering.__annotations__ = {one.name: one.annotation for one in parameters}
        return gathering

    return decorate


def _options(kind: type[Any]) -> Iterator[Field[Any]]:
    return (option for option in fields(kind) if "help" in option.metadata)


def _parameters(kind: type[Any]) -> Iterator[inspect.Parameter]:
    """Yield what typer is to find in a command's signature."""
    hints = get_type_hints(kind)
    for option in _options(kind):
        yield _parameter(option, hints[option.name], READING_PANEL if kind is Reading else None)
    if any(hint is Reading for hint in hints.values()):
        yield from _parameters(Reading)


def _parameter(option: Field[Any], type_: Any, panel: str | None) -> inspect.Parameter:
    how = option.metadata
    if how.get("argument"):
        described: Any = typer.Argument(help=how["help"], autocompletion=complete_source)
    else:
        described = typer.Option(
            flag_of(option),
            help=how["help"],
            metavar=how.get("metavar"),
            min=how.get("min"),
            max=how.get("max"),
            rich_help_panel=panel,
        )
    if "parse" in how:
        type_ = str | None if option.default is None else str
    return _placed(
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default,
            annotation=Annotated[type_, described],
        )
    )


def _placed(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter by its place if it is an argument, else by its name."""
    described = parameter.annotation.__metadata__
    positional = any(isinstance(one, typer.models.ArgumentInfo) for one in described)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if positional else inspect.Parameter.KEYWORD_ONLY
    return parameter.replace(kind=kind)


def _take(kind: type[Any], given: dict[str, Any]) -> Any:
    """Return one of a dataclass, made of what is taken out of the given values.

    Raises
    ------
    ImlogitError
        For a value that cannot be.
    """
    values = {}
    for option in _options(kind):
        value, parse = given.pop(option.name), option.metadata.get("parse")
        values[option.name] = parse(value) if parse is not None and value is not None else value
    if any(hint is Reading for hint in get_type_hints(kind).values()):
        values["reading"] = _take(Reading, given)
    return kind(**values)
