"""Notes of sources that were read, one file each: ``sources/KEY.json`` in the cache folder.

A note's time of change is when what it names was last used.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from imlogit.data.cache import entries
from imlogit.system.atomic import write_bytes
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import read_regular

MOST_NOTE_BYTES = 1 << 20
MOST_STRUCTURES = 64
_KEY = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Note:
    """What is known of a source that was read.

    Attributes
    ----------
    source : str
        Its place, as a full path, or its name where it is not on disk.
    kind : str
        The row of the table of sources that read it.
    reading : dict
        How it was read, as `Reading.chosen` has it.
    state : str
        The digest of its files' names, sizes and times.
    entry : str
        The cache's entry.
    images, labels : str
        Their SHA-256.
    """

    source: str
    kind: str
    reading: dict[str, Any]
    state: str
    entry: str
    images: str
    labels: str


class Noted(NamedTuple):
    """A note, the key that it is found by, and when it was last used, in seconds since 1970."""

    note: Note
    key: str
    used: float


def notes_folder() -> Path:
    """Return where notes are."""
    return entries.folder() / entries.NOTES


def noted() -> list[Noted]:
    """Return what is noted of each source that was read, by place."""
    found = []
    for key in note_keys():
        note, used = read_note(key), _last_used(key)
        if note is not None and used is not None:
            found.append(Noted(note, key, used))
    return sorted(found, key=lambda one: (one.note.source, one.key))


def note_keys() -> list[str]:
    """Return the keys of all notes, sound or not."""
    with contextlib.suppress(OSError):
        return [path.stem for path in notes_folder().glob("*.json") if _KEY.fullmatch(path.stem)]
    return []


def read_note(key: str) -> Note | None:
    """Return what is noted, or None where there is nothing sound."""
    try:
        text = read_regular(_path(key), MOST_NOTE_BYTES)
        note = Note(**parse(text, most_structures=MOST_STRUCTURES))
    except (OSError, ValueError, TypeError):
        return None
    texts = (note.source, note.kind, note.state, note.entry, note.images, note.labels)
    sound = all(isinstance(text, str) for text in texts) and isinstance(note.reading, dict)
    return note if sound and entries.is_of_source(note.entry) else None


def write_note(key: str, note: Note) -> None:
    """Write a note, in place of the one of the same key.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if notes_folder().is_symlink():  # nothing is written through a link
        notes_folder().unlink()
    notes_folder().mkdir(parents=True, exist_ok=True)
    write_bytes(_path(key), json.dumps(asdict(note), indent=1, sort_keys=True).encode())


def touch_note(key: str) -> None:
    """Note that an entry was used just now, where that can be written."""
    with contextlib.suppress(OSError):
        if not _path(key).is_symlink():
            os.utime(_path(key))


def remove_note(key: str) -> None:
    """Remove a note, or the link in its place."""
    with contextlib.suppress(OSError):
        _path(key).unlink(missing_ok=True)


def _path(key: str) -> Path:
    return notes_folder() / f"{key}.json"


def _last_used(key: str) -> float | None:
    """Return when a note was last used; a time to come is taken as now."""
    try:
        return min(max(_path(key).stat().st_mtime, 0.0), time.time())
    except OSError:  # another process has removed it
        return None
