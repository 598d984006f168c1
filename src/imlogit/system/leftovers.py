"""Names for what is written beside, which tell whose it is, and what killed processes left of it.

A name holds the machine and the process. What lies there for longer than a day, and belongs to no
living process, goes when somebody writes into that folder again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from imlogit.system.interrupts import DeferredInterrupt

DAY_SECONDS = 86_400.0
# What is moved aside is called so, beside what takes its place.
ASIDE = ".old"
_OURS = re.compile(r"(\.?imlogit|\..+-part)-([0-9a-f]{8})-([1-9]\d{0,9})-[0-9a-f]{16}(\.tmp)?")
# Of a process on Linux: when it started, in ticks since the machine did, counted from its state.
_STARTED = 19


def mark() -> str:
    """Return the end of a new name: the machine, the process, and what no other name has."""
    return f"{_machine()}-{os.getpid()}-{secrets.token_hex(8)}"


def sweep(folder: str | os.PathLike[str]) -> None:
    """Remove what processes that are gone left in a folder more than a day ago.

    What they had moved aside and not replaced is given back, however young. Of processes on another
    machine, or in another container, only the age is known; on Windows of all.
    """
    try:
        with os.scandir(folder) as entries:
            ours = [(one, found) for one in entries if (found := _OURS.fullmatch(one.name))]
    except OSError:  # whoever writes there is told
        return
    for entry, found in ours:
        with suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            old = status.st_mtime < time.time() - DAY_SECONDS
            here = found[2] == _machine() and os.name == "posix"
            if not _is_own(status) or (here and _lives(int(found[3]), status.st_mtime)):
                continue
            if old or (here and stat.S_ISDIR(status.st_mode) and _give_back(Path(entry.path))):
                discard(Path(entry.path))


def discard(leftover: Path) -> None:
    """Delete a file, a folder, or a link but not what it leads to.

    A folder stays if it holds what was moved aside from a place that is empty now, and cannot be
    given back.
    """
    if leftover.is_symlink() or not leftover.is_dir():
        with suppress(OSError):
            leftover.unlink(missing_ok=True)
        return
    with suppress(OSError):
        _give_back(leftover)
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder among the system's temporary ones, which is gone when the block ends."""
    home = Path(tempfile.gettempdir())
    sweep(home)
    folder = home / f"imlogit-{mark()}"
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        with DeferredInterrupt():
            discard(folder)


def _give_back(folder: Path) -> bool:
    """Put what was moved aside where it was, unless something is there; say whether any was."""
    gone = [
        (aside, place)
        for aside in folder.glob(f"*{ASIDE}")
        if not os.path.lexists(place := folder.parent / aside.name.removesuffix(ASIDE))
    ]
    for aside, place in gone:
        os.rename(aside, place)  # noqa: PTH104 - the one call that tests stop at
    return bool(gone)


def _is_own(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def _lives(pid: int, changed: float) -> bool:
    """Whether a process of this machine lives, and is not a later one of the same number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        pass
    started = _start_of(pid)
    return started is None or started <= changed + 1


def _start_of(pid: int) -> float | None:
    """Return when a process started, in seconds since 1970; None where the system does not say."""
    try:
        ticks = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[_STARTED]
        booted = re.search(rb"^btime (\d+)", Path("/proc/stat").read_bytes(), re.MULTILINE)
        return None if booted is None else int(booted[1]) + int(ticks) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


@cache
def _machine() -> str:
    """Return what stands for this machine, or this container: where process numbers count."""
    name = platform.node()
    with suppress(OSError):
        name += os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - a link to no file
    return hashlib.sha256(name.encode()).hexdigest()[:8]
