"""Removing what is kept of sources, as a person asks for it."""

from __future__ import annotations

import math
import os
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from imlogit.data.cache.clear import (
    Leftovers,
    Removed,
    remove_known,
    remove_leftovers,
    remove_noted,
    remove_old_features,
)
from imlogit.data.cache.entries import tidy
from imlogit.data.cache.note_files import noted
from imlogit.data.sources import NAMED, find_place
from imlogit.errors import DataError, ParameterError
from imlogit.system.text import printable

SECONDS = {"": 86_400.0, "d": 86_400.0, "h": 3600.0}
KNOWN = tuple(row.name for row in NAMED if not row.noted)


class Cleared(NamedTuple):
    """What was removed.

    Attributes
    ----------
    removed : list of Removed
        What was kept of sources, one for each way in which one was read.
    leftovers : Leftovers
        What no source names.
    """

    removed: list[Removed]
    leftovers: Leftovers = Leftovers()

    @property
    def bytes(self) -> int:
        """How many bytes that freed."""
        return sum(one.bytes for one in self.removed) + self.leftovers.bytes

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "removed": [one._asdict() for one in self.removed],
            "leftovers": self.leftovers._asdict(),
            "bytes": self.bytes,
        }


def clear_cache(
    source: str | os.PathLike[str] | None = None,
    older_than: float | str | None = None,
    *,
    everything: bool = False,
) -> Cleared:
    """Remove what is kept of sources that were read; whoever has it open keeps it until then.

    Parameters
    ----------
    source : str or path-like, optional
        All readings of this one: a place, whether something lies there still or not, the name of
        a folder in ``$IMLOGIT_DATA``, ``openml:NAME``, or the name of a known data set.
    older_than : float or str, optional
        Only what was not used for so many days, or for as long as a text such as ``"30d"`` or
        ``"12h"`` says; what is kept of known data sets is not.
    everything : bool, default=False
        All that is kept, known data sets and what killed processes left as well.

    Returns
    -------
    Cleared

    Raises
    ------
    DataError
        If nothing is kept of the source.
    ParameterError
        If nothing is said to be removed, or what is said does not go together.
    """
    name = None if source is None else os.fspath(source)
    if everything == (name is not None or older_than is not None):
        raise ParameterError(
            "Say what is to be removed: a source, older_than='30d' or both, or else "
            "everything=True."
        )
    if everything:
        found = [*remove_noted(lambda _: True), *remove_known(KNOWN)]
        return Cleared(found, remove_leftovers(KNOWN))
    tidy()
    before = math.inf if older_than is None else time.time() - parse_age(older_than)
    if name is None:
        found = remove_noted(lambda one: one.used < before)
        freed = remove_old_features(before)
        return Cleared(found, Leftovers(int(freed > 0), freed))
    if name in KNOWN:
        return Cleared(_remove_known(name, older_than))
    places = _places_of(name)
    if not any(one.note.source in places for one in noted()):
        raise _nothing_kept(name)
    return Cleared(remove_noted(lambda one: one.note.source in places and one.used < before))


def parse_age(age: float | str) -> float:
    """Return how many seconds a number of days is, or a text such as ``"30d"`` or ``"12h"``.

    Raises
    ------
    ParameterError
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([dh]?)", str(age).strip())
    if found is None:
        raise ParameterError(
            f"older_than={str(age)!r}: give a number of days, or a text such as '30d' or '12h'.",
            parameter="older_than",
        )
    return float(found[1]) * SECONDS[found[2]]


def _remove_known(name: str, older_than: float | str | None) -> list[Removed]:
    if older_than is not None:
        raise ParameterError(
            f"When {name} was last used is not known: leave older_than=... out.",
            parameter="older_than",
        )
    found = remove_known([name])
    if not found:
        raise _nothing_kept(name)
    return found


def _places_of(name: str) -> set[str]:
    """Return what notes may call a source that is named so, which may be gone by now."""
    found = find_place(name)
    if found is not None:
        return {os.path.realpath(found.path)}
    if not name or "\0" in name:
        return set()
    here = os.path.expanduser(name)  # noqa: PTH111 - Path's raises for unknown users
    places = {name, os.path.realpath(here)}
    home = os.environ.get("IMLOGIT_DATA")
    if home and ".." not in Path(name).parts:
        places.add(os.path.realpath(Path(os.path.expanduser(home)) / name))  # noqa: PTH111
    return places


def _nothing_kept(name: str) -> DataError:
    return DataError(
        f"Nothing is kept of '{printable(name)}'. `imlogit data list` shows what is.",
        parameter="source",
    )
