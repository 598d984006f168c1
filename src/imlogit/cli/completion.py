"""What the shell offers where a source, a model or a run is to be named."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

MOST_OFFERED = 200


def complete_source(incomplete: str) -> list[str]:
    """Return sources that begin so: those with a name, and what lies on disk."""
    from imlogit.data.sources import NAMED

    names = [one.form.split("NAME")[0] for one in NAMED]
    named = [name for name in names if name.startswith(incomplete)]
    return [*named, *_paths(f"{glob.escape(incomplete)}*")]


def complete_run(incomplete: str) -> list[str]:
    """Return folders of runs, model files and folders on the way to them that begin so."""
    from imlogit.data.cache.walk import RUNS

    runs = [] if incomplete else _paths(os.path.join(RUNS, "*"))  # noqa: PTH118 - texts of a shell
    return [*runs, *filter(_may_be_a_run, _paths(f"{glob.escape(incomplete)}*"))]


def _may_be_a_run(path: str) -> bool:
    return path.endswith((os.sep, ".imlogit"))


def _paths(pattern: str) -> list[str]:
    found: Iterable[str] = sorted(glob.glob(pattern))[:MOST_OFFERED]  # noqa: PTH207
    return [path + os.sep if os.path.isdir(path) else path for path in found]  # noqa: PTH112
