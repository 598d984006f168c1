"""The state of files on disk: equal where nothing has been changed since.

A folder of a hundred thousand images is looked at each time that it is loaded. The system's answer
about one file takes as long as all that is done with it here, so that large folders are shared
with a second process.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterable
from typing import NamedTuple

from imlogit.data.cache import walk
from imlogit.data.cache.walk import State

# Folders enough, side by side, that two halves of them take equally long.
WIDE = 8
# Folders that take so many bytes themselves hold some ten thousand names.
WORTH_A_PROCESS = 400_000


class Stamp(NamedTuple):
    """The state of files.

    Attributes
    ----------
    digest : str
        Of all names, sizes and times.
    newest : int
        The last change, in nanoseconds since 1970.
    """

    digest: str
    newest: int


def stamp(paths: Iterable[str | os.PathLike[str]], follow_links: bool = False) -> Stamp:
    """Return the state of files, and of folders with all that is below them.

    Parameters
    ----------
    paths : iterable of path-like
    follow_links : bool, default=False
        Whether what is in a folder that a link leads to counts, too.

    Raises
    ------
    OSError
        If one cannot be looked at.
    """
    parts: list[State] = []
    for path in paths:
        found = os.stat(path)
        figures = walk.figures_of(found)
        parts.append((repr((os.path.basename(path), figures)), figures[-1]))
        if stat.S_ISDIR(found.st_mode):
            parts += _of_tree(os.fspath(path), follow_links)
    return Stamp(*walk.joined(parts))


def _of_tree(root: str, follow_links: bool) -> list[State]:
    """Return the states of a folder and of those below it, two processes at work if it is large."""
    parts: list[State] = []
    level, seen = [root], {walk.identity(root)}
    while level and len(level) < WIDE:
        looked_at = [walk.look_at(folder, follow_links) for folder in level]
        parts += [found for found, _ in looked_at]
        level = [path for _, deeper in looked_at for path in deeper if walk.is_new(path, seen)]
    if sum(os.stat(folder).st_size for folder in level) < WORTH_A_PROCESS:
        return parts + [walk.below(folder, follow_links) for folder in level]
    return parts + _shared(level[::2], level[1::2], follow_links)


def _shared(own: list[str], others: list[str], follow_links: bool) -> list[State]:
    """Look at some folders here, and meanwhile at others in a second process."""
    process = _start_helper(others, follow_links)
    try:
        mine = [walk.below(folder, follow_links) for folder in own]
        said = b"" if process is None or process.stdout is None else process.stdout.read()
    finally:
        if process is not None:
            process.kill()
            process.wait()
    theirs = [
        (digest, int(newest)) for digest, newest in map(str.split, said.decode().splitlines())
    ]
    if len(theirs) != len(others):  # it could not be started, or was ended
        theirs = [walk.below(folder, follow_links) for folder in others]
    return mine + theirs


def _start_helper(folders: list[str], follow_links: bool) -> subprocess.Popen[bytes] | None:
    if not sys.executable or getattr(sys, "frozen", False):  # not Python's own program
        return None
    command = [
        sys.executable,
        "-I",
        "-S",
        walk.__file__,
        *([walk.FOLLOW] if follow_links else []),
    ]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    if process.stdin is not None:
        with contextlib.suppress(OSError), process.stdin:
            process.stdin.write(os.fsencode("\0".join(folders)))
    return process
