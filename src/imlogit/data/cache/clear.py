"""Removing what is kept: by its notes, by the name of a known data set, and what was left behind.

Nothing is touched that imlogit has not named, and a link is removed, never followed.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from imlogit.data.cache import entries, note_files
from imlogit.data.cache.feature_rows import kept_features, remove_features
from imlogit.data.cache.locks import holder_file
from imlogit.data.cache.note_files import Noted
from imlogit.system.leftovers import DAY_SECONDS, discard
from imlogit.system.text import printable

_PART = re.compile(r"\.(.+?)-part-[\w-]+")
_LOCK = re.compile(r"\.(.+)\.lock")


class Removed(NamedTuple):
    """What was removed of a source; no bytes where another source has the same images."""

    source: str
    kind: str
    reading: dict[str, Any]
    entry: str
    bytes: int


class Leftovers(NamedTuple):
    """What was removed that no source names: how many notes and folders, and their bytes."""

    number: int = 0
    bytes: int = 0


def remove_noted(wanted: Callable[[Noted], bool]) -> list[Removed]:
    """Remove notes, and the entries that no other note names."""
    every = note_files.noted()
    chosen = [one for one in every if wanted(one)]
    keys = {one.key for one in chosen}
    needed = {one.note.entry for one in every if one.key not in keys}
    same_images = {one.note.images for one in every if one.key not in keys}
    found = []
    for note, key, _ in chosen:
        note_files.remove_note(key)
        freed = 0 if note.entry in needed else _remove_entry(note.entry)
        if note.images not in same_images:
            freed += _remove_features_of("sha256", note.images)
        source = printable(note.source)
        found.append(Removed(source, note.kind, note.reading, note.entry, freed))
    return found


def remove_known(names: Collection[str]) -> list[Removed]:
    """Remove the entries of known data sets, and the features of their images."""
    with_features = {one["source"] for one in kept_features()}
    return [
        Removed(name, name, {}, name, _remove_entry(name) + _remove_features_of("source", name))
        for name in names
        if _is_kept(name) or name in with_features
    ]


def remove_old_features(before: float) -> int:
    """Remove features that were not used since; return how many bytes that freed."""
    return remove_features(lambda one: one["last_used"] < before)


def _remove_features_of(fact: str, value: str) -> int:
    return remove_features(lambda one: one[fact] == value)


def remove_leftovers(known: Collection[str]) -> Leftovers:
    """Remove notes that say nothing, entries that no note names, and what killed processes left.

    Parameters
    ----------
    known : collection of str
        The names of the known data sets.
    """
    if note_files.notes_folder().is_symlink():
        note_files.notes_folder().unlink()
    unsound = [key for key in note_files.note_keys() if note_files.read_note(key) is None]
    for key in unsound:
        note_files.remove_note(key)
    needed = {one.note.entry for one in note_files.noted()}
    orphans = [name for name in entries.of_sources() if name not in needed]
    freed = sum(map(_remove_entry, orphans))
    parts, more = _remove_parts(known)
    _remove_locks(known)
    entries.tidy()  # of the notes, too
    return Leftovers(len(unsound) + len(orphans) + parts, freed + more)


def _remove_parts(known: Collection[str]) -> tuple[int, int]:
    """Remove what writers that were killed more than a day ago left; return number and bytes."""
    old = [
        path
        for path in entries.entry_paths()
        if _entry_of(_PART, path, known)
        and entries.is_folder_or_link(path)
        and path.lstat().st_mtime < time.time() - DAY_SECONDS
    ]
    freed = 0
    for path in old:
        before = _bytes_in(path)
        discard(path)
        freed += before - _bytes_in(path)
    return len(old), freed


def _bytes_in(path: Path) -> int:
    """Return how many bytes a folder of entries takes; none if it is a link, or gone."""
    if path.is_symlink() or not path.is_dir():
        return 0
    return entries.size(path.name) + sum(
        entries.size(f"{path.name}/{one.name}") for one in path.iterdir()
    )


def _remove_locks(known: Collection[str]) -> None:
    """Remove the lock files of entries that are gone, unless they are held."""
    from filelock import FileLock

    for path in entries.entry_paths():
        entry = _entry_of(_LOCK, path, known)
        if not entry or os.path.lexists(entries.folder() / entry) or path.is_symlink():
            continue
        with suppress(OSError, NotImplementedError), FileLock(str(path), timeout=0):
            holder_file(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def _entry_of(form: re.Pattern[str], path: Path, known: Collection[str]) -> str:
    """Return the entry that a file of some form belongs to, or nothing."""
    found = form.fullmatch(path.name)
    return found[1] if found and (entries.is_of_source(found[1]) or found[1] in known) else ""


def _is_kept(name: str) -> bool:
    return entries.has(name) or (entries.folder() / name).is_symlink()


def _remove_entry(name: str) -> int:
    """Remove an entry; return how many bytes that freed."""
    size = entries.size(name)
    return size if entries.remove(name) else 0
