"""Reading what may be anything: a regular file of bounded size, and nothing that is waited for."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader


class UnfitFileError(OSError):
    """A path that is no regular file, or a file that is larger than it may be.

    Attributes
    ----------
    strerror : str
        What is wrong, without the path.
    size : int
        How many bytes a file has that is too large, else 0.
    """

    def __init__(self, what: str, size: int = 0) -> None:
        super().__init__(errno.EINVAL, what)
        self.size = size

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def open_regular(
    path: str | os.PathLike[str], max_bytes: int | None = None
) -> Iterator[tuple[BufferedReader, int]]:
    """Open a regular file, and say how many bytes it has.

    Parameters
    ----------
    path : str or os.PathLike
    max_bytes : int, optional
        A larger file is refused.

    Yields
    ------
    file : binary file
    size : int

    Raises
    ------
    UnfitFileError
        For a folder, a device, a pipe or a larger file.
    OSError
        If it cannot be opened.
    """
    descriptor, size = _open(path, max_bytes)
    with os.fdopen(descriptor, "rb") as file:
        yield file, size


def read_regular(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """Return the whole contents of a regular file.

    Raises
    ------
    UnfitFileError
        For a folder, a device, a pipe, a file of more than `max_bytes`, and one that changes
        while it is read.
    OSError
        If it cannot be read.
    """
    descriptor, size = _open(path, max_bytes)
    try:
        pieces, left = [], size + 1  # one more, to see that the file ends where it did
        while left and (piece := os.read(descriptor, left)):
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(descriptor)
    if left != 1:
        raise UnfitFileError("it changed while it was read")
    return b"".join(pieces)


def _open(path: str | os.PathLike[str], max_bytes: int | None) -> tuple[int, int]:
    """Return the descriptor and the size of a regular file."""
    if "\0" in os.fspath(path):
        raise UnfitFileError("a path cannot hold a null character")
    # Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
    how = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, how)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
            raise UnfitFileError(f"not a regular file but {kind}")
        if max_bytes is not None and found.st_size > max_bytes:
            what = f"its {found.st_size:,} bytes are more than the {max_bytes:,} that it may have"
            raise UnfitFileError(what, found.st_size)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, found.st_size
