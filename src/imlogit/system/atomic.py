"""Files that are either written whole or not at all: the one entrance for all that is written.

A reader never sees half a file, and a writer that fails leaves what was there before. Nothing is
written through a link: the link is replaced, and what it leads to stays as it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from imlogit.errors import ImlogitError, OutputError
from imlogit.system.interrupts import DeferredInterrupt
from imlogit.system.leftovers import ASIDE, discard, mark, sweep

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
    removes the temporary one. A symbolic link is replaced by the file, and what it led to is not
    touched. The permissions of an existing file are kept.

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
    target = Path(path)
    temporary = target.parent / f".imlogit-{mark()}.tmp"
    try:
        _refuse_other_than_a_file(target)
        sweep(target.parent)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if _is_plain(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)  # noqa: PTH105 - the one call that tests stop at
    except BaseException as error:
        with DeferredInterrupt():
            discard(temporary)
        _raise_named(path, error)
        raise
    sync_folder(target.parent)


def refuse_place(
    path: str | os.PathLike[str] | None, parameter: str, *, makes_folders: bool = False
) -> None:
    """Refuse a place that is taken, or where nothing can be written, before the work.

    Parameters
    ----------
    path : path-like, optional
    parameter : str
        Of which it is the value.
    makes_folders : bool, default=False
        As `probe` takes it.

    Raises
    ------
    OutputError
    """
    if path is None:
        return
    if os.path.lexists(path):
        raise OutputError(
            f"{os.fspath(path)} exists already, and nothing is overwritten. Choose another place "
            f"for {parameter}=...",
            parameter=parameter,
        )
    probe(path, makes_folders=makes_folders)


def probe(
    path: str | os.PathLike[str], *, named: str | None = None, makes_folders: bool = False
) -> None:
    """Try whether something can be written to a place, and leave nothing there.

    Parameters
    ----------
    path : path-like
    named : str, optional
        What an error calls it; by default `path`.
    makes_folders : bool, default=False
        Whether the folders above it are made, too, where they are missing.

    Raises
    ------
    OutputError
        As later, when it is written.
    """
    folder = Path(path).parent
    if makes_folders:
        folder = next((one for one in (folder, *folder.parents) if os.path.lexists(one)), folder)
    trial = folder / f".imlogit-{mark()}.tmp"
    try:
        with trial.open("xb", buffering=0) as file:
            file.write(b"?")
    except OSError as error:
        raise _output_error(path if named is None else named, error) from error
    finally:
        with DeferredInterrupt():
            discard(trial)


def free_path(path: Path) -> Path:
    """Return a path at which nothing lies: this one, or one with a number behind its name."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return next(one for one in chain([path], numbered) if not os.path.lexists(one))


def refuse_replacing(path: str | os.PathLike[str]) -> None:
    """Refuse a place that is taken, where ``force=True`` would replace what is there.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    OutputError
    """
    if os.path.lexists(path):
        raise OutputError(
            f"{os.fspath(path)} exists already. Give another path, or force=True to replace it.",
            parameter="force",
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
def filling(
    parent: Path, wanted: str | os.PathLike[str] | None = None, prefix: str = ".imlogit"
) -> Iterator[Path]:
    """Make a hidden folder to fill, in `parent`; it is removed when the block ends.

    Whatever is to stay is moved out of it by then. A block that ends early leaves nothing, not
    even folders that were made for it.

    Parameters
    ----------
    parent : Path
        Made if it is not there.
    wanted : path-like, optional
        What is to be written there, as the user has named it; by default `parent`.
    prefix : str
        How the folder's name starts.

    Yields
    ------
    Path

    Raises
    ------
    OutputError
        If nothing can be written there, or in the folder; it names what is wanted.
    """
    made = [path for path in (parent, *parent.parents) if not path.exists()]
    folder = parent / f"{prefix}-{mark()}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        folder.mkdir(mode=0o700)
        yield folder
    except BaseException as error:
        with DeferredInterrupt():
            discard(folder)
            _remove_empty(made)
        _raise_named(parent if wanted is None else wanted, error)
        raise
    with DeferredInterrupt():
        discard(folder)
    sync_folder(parent)


def place_into(pairs: Sequence[tuple[Path, Path]], replace: bool) -> None:
    """Move files and folders to their places, one after the other.

    A file takes the place of a file in one step. A folder that was there is moved beside the new
    ones first. If a step fails, all that was there is put back.

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
    for made, _ in pairs:
        _sync(made)
    begun: list[tuple[Path, Path]] = []
    with DeferredInterrupt():
        try:
            for made, place in pairs:
                if os.path.lexists(place) and not replace:
                    raise FileExistsError(errno.EEXIST, f"{place} exists already")
                begun.append((made, place))
                _place(made, place)
        except BaseException:
            for made, place in reversed(begun):
                _take_back(made, place)
            raise


def _place(made: Path, place: Path) -> None:
    if _is_plain(made) and _is_plain(place):
        _keep_a_copy(place, _aside(made))
    elif os.path.lexists(place):
        os.rename(place, _aside(made))  # noqa: PTH104 - as below, a call that tests stop at
    os.replace(made, place)  # noqa: PTH105


def _take_back(made: Path, place: Path) -> None:
    """Undo what `_place` has done, as far as it came."""
    aside, placed = _aside(made), not os.path.lexists(made)
    if placed and not (_is_plain(place) and _is_plain(aside)):
        os.rename(place, made)  # noqa: PTH104
    if os.path.lexists(aside) and (placed or not os.path.lexists(place)):
        os.replace(aside, place)  # noqa: PTH105


def _aside(made: Path) -> Path:
    return made.with_name(f"{made.name}{ASIDE}")


def _keep_a_copy(file: Path, copy: Path) -> None:
    try:
        os.link(file, copy)
    except OSError:  # a file system without links
        shutil.copy2(file, copy)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _sync(made: Path) -> None:
    """Ask the disk to keep a file, or all that is in a folder."""
    if made.is_dir():
        for one in made.iterdir():
            _sync(one)
        sync_folder(made)
        return
    with made.open("r+b") as file:
        os.fsync(file.fileno())


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


@contextlib.contextmanager
def naming(wanted: str | os.PathLike[str], hint: str = "") -> Iterator[None]:
    """Name what is written as the user knows it, where the system refuses what is within.

    Parameters
    ----------
    wanted : path-like
    hint : str
        What the error says last.

    Raises
    ------
    OutputError
    """
    try:
        yield
    except BaseException as error:
        _raise_named(wanted, error, hint)
        raise


def _raise_named(wanted: str | os.PathLike[str], error: BaseException, hint: str = "") -> None:
    """Raise what the system refused as an error that names what was to be written.

    An error of ours that the system caused names a file in a hidden folder, which nobody knows.
    """
    cause = error.__cause__ if isinstance(error, OutputError) else error
    if isinstance(cause, OSError) and not isinstance(cause, ImlogitError):
        raise _output_error(wanted, cause, hint) from cause


def _output_error(path: str | os.PathLike[str], error: OSError, hint: str = "") -> OutputError:
    reason = error.strerror or str(error) or type(error).__name__
    # A known cause is named by the system, in words that differ from one to the next.
    advice = _ADVICE.get(error.errno or 0, _OTHER_ADVICE)
    return OutputError(f"{os.fspath(path)}: cannot be written ({reason}). {advice} {hint}".rstrip())


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
