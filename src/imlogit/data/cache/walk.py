"""Looking at folders for `stamps.py`: names, sizes and times of all that is in them.

Large folders are shared with a second process, which runs this file as a script. It starts in half
the time if no more of the standard library is imported than this.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from array import array

FOLLOW = "follow-links"
# The folder that runs are written into, which may lie in a data set, and what each run holds.
RUNS = "imlogit-runs"
OF_A_RUN = "metrics.json"
# As `decode.py` has them.
IMAGE_ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp"),
    *(".tif", ".tiff", ".avif", ".heic", ".heics", ".heif", ".hif"),
)
# What stands for a folder's size and times, which change with what is left out of it.
OF_A_FOLDER = (-1, 0, 0)
# A digest, and the last change in nanoseconds since 1970.
State = tuple[str, int]


def below(folder: str, follow_links: bool) -> State:
    """Return the state of all that is below a folder; each folder counts once, in any circle."""
    parts: list[State] = []
    waiting, seen = [folder], {identity(folder)}
    while waiting:
        found, deeper = look_at(waiting.pop(), follow_links)
        parts.append(found)
        waiting += [path for path in deeper if is_new(path, seen)]
    return joined(parts)


def look_at(folder: str, follow_links: bool) -> tuple[State, list[str]]:
    """Return the state of what is directly in a folder, and the folders in it.

    Names are taken as they come, unsorted, and files by the folder's descriptor, which spares
    the system finding it again for each. Of a folder only its name counts: what is in it is looked
    at itself, and runs are left out.
    """
    names: list[str] = []
    figures = array("q")
    deeper: list[str] = []
    by_descriptor = os.scandir in os.supports_fd
    place = os.open(folder, os.O_RDONLY) if by_descriptor else folder
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if is_of_runs(folder, entry.name):
                    continue
                found = entry.stat(follow_symlinks=False)
                names.append(entry.name)
                figures.extend(figures_of(found))
                if not stat.S_ISREG(found.st_mode):
                    path = os.path.join(folder, entry.name)
                    _look_behind(path, found.st_mode, follow_links, figures, deeper)
    finally:
        if isinstance(place, int):
            os.close(place)
    digest = digest_of("\0".join([*names, figures.tobytes().hex()]))
    return (digest, max(figures[2::3], default=0)), sorted(deeper)


def _look_behind(
    path: str, mode: int, follow_links: bool, figures: array[int], deeper: list[str]
) -> None:
    """Add what a link leads to; note a folder."""
    try:
        found = os.stat(path)
    except OSError:  # it leads nowhere
        return
    if not stat.S_ISDIR(found.st_mode):
        figures.extend(figures_of(found))
    elif follow_links or not stat.S_ISLNK(mode):
        deeper.append(path)


def is_of_runs(folder: str, name: str) -> bool:
    """Whether this is where runs are written: a folder of that name with a run, or with nothing.

    One that holds images is what it seems to be, a class of that name.
    """
    if name != RUNS:
        return False
    place = os.path.join(folder, name)
    try:
        inside = [one for one in os.listdir(place) if not one.startswith(".")]
    except OSError:  # a file, say
        return False
    if any(one.lower().endswith(IMAGE_ENDINGS) for one in inside):
        return False
    runs = (os.path.isfile(os.path.join(place, one, OF_A_RUN)) for one in inside)
    return not inside or any(runs)


def is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    """Whether a folder was not seen before; now it was."""
    here = identity(folder)
    new = here not in seen
    seen.add(here)
    return new


def identity(folder: str) -> tuple[int, int]:
    """Return what makes a folder itself, whatever path leads to it."""
    found = os.stat(folder)
    return found.st_dev, found.st_ino


def figures_of(found: os.stat_result) -> tuple[int, int, int]:
    """Return what differs once a file was changed; nothing of a folder does."""
    if stat.S_ISDIR(found.st_mode):
        return OF_A_FOLDER
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def joined(parts: list[State]) -> State:
    """Return one state for several."""
    digest = digest_of("\0".join(digest for digest, _ in parts))
    return digest, max((newest for _, newest in parts), default=0)


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text that may hold names of any bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _main() -> None:
    """Look at the folders on standard input; print a line for each."""
    follow_links = FOLLOW in sys.argv
    folders = os.fsdecode(sys.stdin.buffer.read()).split("\0")
    lines = [f"{digest} {newest}\n" for digest, newest in (below(f, follow_links) for f in folders)]
    sys.stdout.write("".join(lines))


if __name__ == "__main__":
    _main()
