"""The state of files on disk: equal where nothing has been changed since.

A folder of a hundred thousand images is looked at each time that it is loaded. The system's answer
about one file takes as long as all that is done with it here, so that large folders are shared
with a second process. That runs this file as a script: it imports the standard library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
import sys
from array import array
from collections.abc import Iterable
from typing import NamedTuple

# Folders are opened until there are so many side by side; then they are shared out.
WIDE = 8
# Folders that take so many bytes themselves hold some ten thousand names.
WORTH_A_PROCESS = 400_000
FOLLOW = "--follow-links"


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
    parts: list[Stamp] = []
    for path in paths:
        found = os.stat(path)
        figures = _figures(found)
        parts.append(Stamp(repr((os.path.basename(path), figures)), found.st_ctime_ns))
        if stat.S_ISDIR(found.st_mode):
            parts += _of_tree(os.fspath(path), follow_links)
    return _joined(parts)


def _of_tree(root: str, follow_links: bool) -> list[Stamp]:
    """Return the states of a folder and of those below it, two processes at work if it is large."""
    parts: list[Stamp] = []
    level, seen = [root], {_identity(root)}
    while level and len(level) < WIDE:
        looked_at = [_look_at(folder, follow_links) for folder in level]
        parts += [found for found, _ in looked_at]
        level = [path for _, deeper in looked_at for path in deeper if _is_new(path, seen)]
    if sum(os.stat(folder).st_size for folder in level) < WORTH_A_PROCESS:
        return parts + [_below(folder, follow_links) for folder in level]
    return parts + _shared(level[::2], level[1::2], follow_links)


def _shared(own: list[str], others: list[str], follow_links: bool) -> list[Stamp]:
    """Look at some folders here, and meanwhile at others in a second process."""
    process = _start_helper(others, follow_links)
    try:
        mine = [_below(folder, follow_links) for folder in own]
        said = b"" if process is None or process.stdout is None else process.stdout.read()
    finally:
        if process is not None:
            process.kill()
            process.wait()
    theirs = [
        Stamp(digest, int(newest)) for digest, newest in map(str.split, said.decode().splitlines())
    ]
    if len(theirs) != len(others):  # it could not be started, or was ended
        theirs = [_below(folder, follow_links) for folder in others]
    return mine + theirs


def _start_helper(folders: list[str], follow_links: bool) -> subprocess.Popen[bytes] | None:
    if not sys.executable or getattr(sys, "frozen", False):  # not Python's own program
        return None
    command = [sys.executable, "-I", "-S", __file__, *([FOLLOW] if follow_links else [])]
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


def _below(folder: str, follow_links: bool) -> Stamp:
    """Return the state of all that is below a folder; each folder counts once, in any circle."""
    parts: list[Stamp] = []
    waiting, seen = [folder], {_identity(folder)}
    while waiting:
        found, deeper = _look_at(waiting.pop(), follow_links)
        parts.append(found)
        waiting += [path for path in deeper if _is_new(path, seen)]
    return _joined(parts)


def _look_at(folder: str, follow_links: bool) -> tuple[Stamp, list[str]]:
    """Return the state of what is directly in a folder, and the folders in it.

    Names are taken as they come, unsorted, and files by the folder's descriptor, which spares
    the system finding it again for each.
    """
    names: list[str] = []
    figures = array("q")
    deeper: list[str] = []
    by_descriptor = os.scandir in os.supports_fd
    place = os.open(folder, os.O_RDONLY) if by_descriptor else folder
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                names.append(entry.name)
                figures.extend((found.st_size, found.st_mtime_ns, found.st_ctime_ns))
                if not stat.S_ISREG(found.st_mode):
                    path = os.path.join(folder, entry.name)
                    _look_behind(path, found.st_mode, follow_links, figures, deeper)
    finally:
        if isinstance(place, int):
            os.close(place)
    digest = _digest("\0".join([*names, figures.tobytes().hex()]))
    return Stamp(digest, max(figures[2::3], default=0)), sorted(deeper)


def _look_behind(
    path: str, mode: int, follow_links: bool, figures: array[int], deeper: list[str]
) -> None:
    """Add what a link leads to; note a folder."""
    with contextlib.suppress(OSError):  # it leads nowhere
        found = os.stat(path)
        if not stat.S_ISDIR(found.st_mode):
            figures.extend(_figures(found))
        elif follow_links or not stat.S_ISLNK(mode):
            deeper.append(path)


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    """Whether a folder was not seen before; now it was."""
    here = _identity(folder)
    new = here not in seen
    seen.add(here)
    return new


def _identity(folder: str) -> tuple[int, int]:
    found = os.stat(folder)
    return found.st_dev, found.st_ino


def _figures(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _joined(parts: list[Stamp]) -> Stamp:
    digest = _digest("\0".join(part.digest for part in parts))
    return Stamp(digest, max((part.newest for part in parts), default=0))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def main() -> None:
    """Look at the folders on standard input; print a line for each."""
    follow_links = FOLLOW in sys.argv
    folders = os.fsdecode(sys.stdin.buffer.read()).split("\0")
    lines = [
        f"{found.digest} {found.newest}\n" for found in (_below(f, follow_links) for f in folders)
    ]
    sys.stdout.write("".join(lines))


if __name__ == "__main__":
    main()
