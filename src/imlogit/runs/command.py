"""The command line of a run."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

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
    left_out = ["source", "reading", *([] if task.split.drawn else ["test_size"])]
    left_out += ["engine"] if options.engine == "auto" else []
    left_out += [] if options.makes_features else ["features"]
    return shlex.join(words + option_words(options, left_out, all_=True))


def _from_anywhere(source: str) -> str:
    """Return a source as it can be named from any folder."""
    with suppress(DataError):  # images that were made in memory have none
        place = find(source).place
        return str(place.absolute()) if isinstance(place, Path) else source
    return source
