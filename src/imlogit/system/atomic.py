"""Files that are either written whole or not at all.

A reader never sees half a file, and a writer that fails leaves what was there before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from imlogit.errors import ImlogitError, OutputError

_ADVICE = {
    errno.ENOSPC: "The disk is full: free some space or write to another disk.",
    errno.EDQUOT: "Your disk quota is used up: free some space or write to another disk.",
    errno.EFBIG: "Files may not grow that large here: write to another disk or raise the limit.",
    errno.EACCES: "You may not write there: choose another folder or change its permissions.",
    errno.EPERM: "You may not write there: choose another folder or change its permissions.",
    errno.EROFS: "That disk is read-only: choose a folder on another one.",
    errno.ENOENT: "Create the folder first, or choose one that exists.",
    errno.ENOTDIR: "A part of the path is a file, not a folder: choose another path.",
    errno.ENAMETOOLONG: "The name is too long: choose a shorter one.",
}
_OTHER_ADVICE = "Choose another place to write to."


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the place of `path` when the block ends.

    Whatever ends the block early, an interrupt included, leaves the old file as it was and
    removes the temporary one. A symbolic link keeps pointing where it did: the file behind it
    is replaced. The permissions of an existing file are kept.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write. Its folder must exist.

    Yields
    ------
    BinaryIO
        The temporary file, in the same folder, opened for writing.

    Raises
    ------
    OutputError
        If the file cannot be written; the message names `path` and says what to do.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".imlogit-{secrets.token_hex(8)}.tmp")
    try:
        _refuse_other_than_a_file(target)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, ImlogitError):
            raise _output_error(path, error) from error
        raise
    sync_folder(target.parent)


def refuse_taken(path: str | os.PathLike[str] | None, parameter: str) -> None:
    """Refuse a place that is taken, before the work rather than after it.

    Parameters
    ----------
    path : path-like, optional
    parameter : str
        Of which it is the value.

    Raises
    ------
    OutputError
    """
    if path is not None and os.path.lexists(path):
        raise OutputError(
            f"{os.fspath(path)} exists already, and nothing is overwritten. Choose another place "
            f"for {parameter}=...",
            parameter=parameter,
        )


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write or to replace. Its folder must exist.
    data : bytes
        The whole contents.

    Raises
    ------
    OutputError
        If the file cannot be written; what was there before is untouched.
    """
    with replacing(path) as file:
        file.write(data)


@contextlib.contextmanager
def filling(parent: Path) -> Iterator[Path]:
    """Make a hidden folder to fill, in `parent`; it is removed when the block ends.

    Whatever is to stay is moved out of it by then. A block that ends early leaves nothing, not
    even folders that were made for it.

    Parameters
    ----------
    parent : Path
        Made if it is not there.

    Yields
    ------
    Path

    Raises
    ------
    OutputError
        If nothing can be written there.
    """
    made = [path for path in (parent, *parent.parents) if not path.exists()]
    folder = None
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".imlogit-", dir=parent))
        yield folder
    except BaseException as error:
        _remove(folder)
        _remove_empty(made)
        if isinstance(error, OSError) and not isinstance(error, ImlogitError):
            raise _output_error(parent, error) from error
        raise
    _remove(folder)
    sync_folder(parent)


def place_into(pairs: Sequence[tuple[Path, Path]], replace: bool) -> None:
    """Move files and folders to their places, one after the other.

    What was there is moved beside the new ones first, and back if a later step fails.

    Parameters
    ----------
    pairs : sequence of (Path, Path)
        From a folder of `filling`, and to.
    replace : bool
        Whether places may be taken.

    Raises
    ------
    FileExistsError
        If a place is taken that may not be.
    """
    undo: list[tuple[Path, Path]] = []
    for made, _ in pairs:
        _sync(made)
    try:
        for made, place in pairs:
            if os.path.lexists(place):
                if not replace:
                    raise FileExistsError(errno.EEXIST, f"{place} exists already")
                old = made.with_name(f"{made.name}.old")
                place.rename(old)
                undo.append((old, place))
            made.rename(place)
            undo.append((place, made))
    except BaseException:
        for now, before in reversed(undo):
            now.rename(before)
        raise


def _sync(made: Path) -> None:
    """Ask the disk to keep a file, or all that is in a folder."""
    if made.is_dir():
        for one in made.iterdir():
            _sync(one)
        sync_folder(made)
        return
    with made.open("rb") as file:
        os.fsync(file.fileno())


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _refuse_other_than_a_file(target: Path) -> None:
    """Keep a folder, a device or a pipe from being replaced by a file."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file")


def _output_error(path: str | os.PathLike[str], error: OSError) -> OutputError:
    reason = error.strerror or str(error) or type(error).__name__
    # A known cause is named by the system, in words that differ from one to the next.
    advice = _ADVICE.get(error.errno or 0, _OTHER_ADVICE)
    return OutputError(f"{os.fspath(path)}: cannot be written ({reason}). {advice}")


def sync_folder(folder: Path) -> None:
    """Ask the disk to remember the new name, too.

    The new file is already in place and whole, so a system that cannot sync a folder (Windows,
    some network disks) or may not read it is no reason to report a failure.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
