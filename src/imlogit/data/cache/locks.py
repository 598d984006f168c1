"""Locks of entries, which say who holds them."""

from __future__ import annotations

import json
import os
import platform
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imlogit.errors import DataError
from imlogit.system.regular_file import read_regular
from imlogit.system.text import ago, printable

# Whoever waits for longer is told for whom.
SAID_SECONDS = 5.0
MAX_HOLDER_BYTES = 4096


class LockHeldError(DataError):
    """Another process holds the lock, and did not let it go in time."""


@contextmanager
def locked(home: Path, name: str, seconds: float) -> Iterator[bool]:
    """Hold an entry's lock; the operating system frees it even if this process is killed.

    Yields False where there can be no lock (a folder that cannot be written, a file system
    without locks): then each process fetches for itself.

    Parameters
    ----------
    home : Path
        The cache folder.
    name : str
        The entry's name.
    seconds : float
        How long to wait for another process.

    Raises
    ------
    LockHeldError
        If it holds the lock for longer; the message says who it is.

    Warns
    -----
    UserWarning
        Who holds it, after a few seconds.
    """
    from filelock import FileLock, Timeout

    place = home / f".{name}.lock"
    lock = FileLock(str(place))
    try:
        home.mkdir(parents=True, exist_ok=True)
        if place.is_symlink():  # taking the lock would empty what it leads to
            place.unlink()
        try:
            lock.acquire(timeout=min(SAID_SECONDS, seconds))
        except Timeout:
            if seconds > SAID_SECONDS:
                warnings.warn(f"Waiting for {holder(place)}.", UserWarning, stacklevel=5)
            lock.acquire(timeout=max(seconds - SAID_SECONDS, 0))
    except Timeout:
        raise LockHeldError(
            f"{name} is still held, after {seconds:g} s, by {holder(place)}. End that process if "
            "it hangs, or set IMLOGIT_CACHE to another folder."
        ) from None
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        _sign(place)
        yield True
    finally:
        with suppress(OSError):
            holder_file(place).unlink(missing_ok=True)
        lock.release()


def holder(place: Path) -> str:
    """Return in words which process holds a lock, as it says itself."""
    try:
        told = json.loads(read_regular(holder_file(place), MAX_HOLDER_BYTES))
        pid, host, since = int(told["pid"]), str(told["host"]), float(told["since"])
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))
        when = ago(time.time() - since)
    # a text of whoever may write there can fail anywhere
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, DataError):
        return f"another process, which has locked {printable(place)}"
    return (
        f"process {pid} on {printable(host)}, which loads {printable(place.name[1:-5])} since "
        f"{at} ({when})"
    )


def holder_file(place: Path) -> Path:
    """Return where the holder of a lock signs: waiting processes empty the lock's own file."""
    return place.with_suffix(".holder")


def _sign(place: Path) -> None:
    told = {"pid": os.getpid(), "host": platform.node(), "since": time.time()}
    with suppress(OSError):
        holder_file(place).unlink(missing_ok=True)
        with holder_file(place).open("x", encoding="utf-8") as file:
            json.dump(told, file)
