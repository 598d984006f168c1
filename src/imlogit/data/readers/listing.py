"""What lies in a folder, without following what leads out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from imlogit.data.cache.walk import is_of_runs

NOT_FOLLOWED = "a symbolic link to a folder or to another place (follow_links=True reads it)"
HIDDEN = (".", "__MACOSX")


class Item(NamedTuple):
    """A file in a folder: its name within it, and why it cannot be read, where that is known."""

    name: str
    problem: str | None = None


@dataclass(frozen=True)
class Place:
    """A path at which something lies; its folder is listed once, for all who want to know."""

    path: Path
    is_folder: bool

    @cached_property
    def entries(self) -> list[os.DirEntry[str]]:
        """What lies in a folder, in the order of its names; nothing where that is not told."""
        try:
            with os.scandir(self.path) as entries:
                found = _listed(self.path, entries)
        except OSError:
            return []
        return sorted(found, key=lambda entry: entry.name)

    @property
    def names(self) -> list[str]:
        """The names in a folder."""
        return [entry.name for entry in self.entries]

    @property
    def folders(self) -> list[str]:
        """The names of the folders in a folder."""
        return [entry.name for entry in self.entries if _is_folder(entry)]


def place_at(path: Path) -> Place | None:
    """Return what lies at a path, by one look at it; None where nothing does."""
    try:
        return Place(path, stat.S_ISDIR(path.stat().st_mode))
    except OSError:  # a link that leads nowhere lies there all the same
        return Place(path, False) if os.path.lexists(path) else None


def is_hidden(name: str) -> bool:
    """Whether a name is of those that systems leave behind, such as .DS_Store."""
    return name.startswith(HIDDEN) or name.lower() in ("thumbs.db", "desktop.ini")


def subfolders(folder: Path, follow_links: bool) -> list[Item]:
    """Return the folders in a folder, in the order of their names."""
    with os.scandir(folder) as entries:
        found = [entry for entry in _listed(folder, entries) if _is_folder(entry)]
    return sorted(
        Item(entry.name, NOT_FOLLOWED if entry.is_symlink() and not follow_links else None)
        for entry in found
    )


def files_below(folder: Path, root: Path, follow_links: bool) -> list[Item]:
    """Return the files in a folder and its subfolders, in the order of their names.

    Parameters
    ----------
    folder : Path
    root : Path
        Links may lead to other files below this.
    follow_links : bool
        Whether links may lead anywhere.
    """
    return sorted(_below(folder, "", root, follow_links, ()))


def _below(
    folder: Path, prefix: str, root: Path, follow_links: bool, above: tuple[tuple[int, int], ...]
) -> Iterator[Item]:
    """Yield files; `above` are the folders that lead here, so that a loop of links ends."""
    try:
        here = _identity(folder)
        if here in above:
            yield Item(prefix.rstrip("/"), "a symbolic link in a circle")
            return
        with os.scandir(folder) as entries:
            found = _listed(folder, entries)
    except OSError as error:
        yield Item(prefix.rstrip("/") or ".", f"cannot be read ({error.strerror or error})")
        return
    for entry in found:
        name = prefix + entry.name
        problem = None
        if not follow_links and entry.is_symlink() and not _is_file_within(entry, root):
            problem = NOT_FOLLOWED
        elif _is_folder(entry):
            yield from _below(folder / entry.name, f"{name}/", root, follow_links, (*above, here))
            continue
        else:
            problem = _unlike_a_file(entry)
        yield Item(name, problem)


def _listed(folder: Path, entries: Iterable[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    """Return what is no hidden file and not where runs are written."""
    place = os.fspath(folder)
    return [one for one in entries if not is_hidden(one.name) and not is_of_runs(place, one.name)]


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _is_file_within(link: os.DirEntry[str], root: Path) -> bool:
    """Whether a link leads to something below `root` that is no folder."""
    if _is_folder(link):
        return False
    try:
        return Path(os.path.realpath(link.path)).is_relative_to(os.path.realpath(root))
    except (OSError, ValueError):
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, say
        return False


def _unlike_a_file(entry: os.DirEntry[str]) -> str | None:
    """Return why an entry cannot be read as a file, or None."""
    try:
        if entry.is_file(follow_symlinks=False):
            return None
        mode = entry.stat().st_mode
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if stat.S_ISREG(mode):
        return None
    kinds = {stat.S_ISFIFO: "a named pipe", stat.S_ISSOCK: "a socket"}
    return next((words for test, words in kinds.items() if test(mode)), "a device") + ", not a file"
