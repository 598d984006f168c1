"""The command line of a run."""

from __future__ import annotations

import shlex
from dataclasses import replace

from imlogit.data.sources import find_place
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
    place = find_place(options.source)
    source = options.source if place is None else str(place.path.absolute())
    words = ["imlogit", job, source, *option_words(options.reading)]
    left_out = ["source", "reading", *([] if task.split.drawn else ["test_size"])]
    left_out += ["engine"] if options.engine == "auto" else []
    return shlex.join(words + option_words(options, left_out, all_=True))
