"""Whether others may write into the cache folder: what they put there would be read as data."""

from __future__ import annotations

import os
import stat
import warnings
from functools import cache
from pathlib import Path

from imlogit.data.cache import entries
from imlogit.system.text import printable


def warn_of_others() -> None:
    """Warn, once for each folder, where others than its user may write into the cache.

    Warns
    -----
    UserWarning
    """
    _warn_of(entries.folder())


@cache
def _warn_of(folder: Path) -> None:
    wrong = others_of(folder)
    if wrong:
        warnings.warn(
            f"The cache folder {printable(folder)} {wrong}: whoever writes there decides which "
            "images are read from it. Make it yours alone (chmod go-w, chown), or set "
            "IMLOGIT_CACHE to another folder.",
            UserWarning,
            stacklevel=4,
        )


def others_of(folder: Path) -> str:
    """Return who else may write into a folder, as what is said of it; nothing where nobody may.

    The superuser may write anywhere, and a group that is named as its user has no one else in it.
    """
    if not hasattr(os, "geteuid"):  # Windows has neither owners nor modes of this kind
        return ""
    for place in (folder, folder / "sources"):
        try:
            found = place.stat()
        except (OSError, ValueError):
            continue
        if found.st_uid not in (os.geteuid(), 0):
            return "belongs to another user"
        if found.st_mode & stat.S_IWOTH:
            return "may be written by everybody"
        if found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid):
            return "may be written by others of its group"
    return ""


def _is_private(group: int) -> bool:
    import grp
    import pwd

    try:
        return grp.getgrgid(group).gr_name == pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
