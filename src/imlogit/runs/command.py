"""The command line of a run."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path

from imlogit.data.reading import Reading
from imlogit.data.sources import find
from imlogit.errors import DataError
from imlogit.runs.options import option_words
from imlogit.runs.plan import Task


def command_of(job: str, task: Task) -> str:
    """Return the command that makes the same run again, from any folder.

    Parameters
    ----------
    job : {"train", "sweep"}
    task : Task
    """
    positive = task.target.positive
    options = replace(task.options, positive=positive, every_class=positive is None)
    words = ["imlogit", job, _from_anywhere(options.source), *option_words(options.reading)]
    # the bits are those of any cluster
    left_out = ["source", "reading", "dask", *([] if task.split.drawn else ["test_size"])]
    left_out += ["engine"] if options.engine == "auto" else []
    if not options.makes_features:
        left_out.append("features")
    elif isinstance(options.features, str):
        options = replace(options, features=_files_from_anywhere(options.features))
    return shlex.join(words + option_words(options, left_out, all_=True))


def evaluation_command(
    model: str | PathLike[str],
    source: str,
    reading: Reading,
    backbone: str | PathLike[str] | None = None,
) -> str:
    """Return the command that scores a model on a source again, from any folder."""
    place = str(Path(model).absolute())
    words = ["imlogit", "evaluate", place, _from_anywhere(source), *option_words(reading)]
    if backbone is not None:
        words += ["--" + "backbone", str(Path(backbone).absolute())]
    return shlex.join(words)


def _files_from_anywhere(features: str) -> str:
    """Return feature steps with the full path of a file that they name."""
    from imlogit.features.chain import Chain

    steps = [
        step.at(Path(getattr(step, step.positional)).absolute()) if step.positional else step
        for step in Chain.parse(features).steps
    ]
    return str(Chain(tuple(steps)))


def _from_anywhere(source: str) -> str:
    """Return a source as it can be named from any folder."""
    with suppress(DataError):  # images that were made in memory have none
        place = find(source).place
        return str(place.absolute()) if isinstance(place, Path) else source
    return source
