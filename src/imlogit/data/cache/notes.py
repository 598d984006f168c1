"""Sources that were read before: kept by their content, found by where they were read from.

``sources/KEY.json`` in the cache folder notes for a place and a way of reading it what state its
files were in, and which entry of the cache holds what was read. An entry's name is made of the
hashes of what it holds, so that two sources with the same images share one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imlogit.data.cache import entries
from imlogit.data.cache.limit import cache_limit, fits_or_warn, make_room
from imlogit.data.cache.note_files import (
    Note,
    noted,
    read_note,
    remove_note,
    touch_note,
    write_note,
)
from imlogit.data.cache.ownership import warn_of_others
from imlogit.data.cache.stamps import Stamp, stamp
from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import digest, label_digest
from imlogit.data.reading import Reading
from imlogit.data.row_names import RowNames
from imlogit.errors import DataError

# Raised when the same files would be read differently.
VERSION = 3
# A file that is changed twice within a tick of its disk's clock bears the same time: what is
# younger is waited for. Disks that only count whole seconds are not waited for, but read anew.
TICK_SECONDS = 0.05
SECOND = 1_000_000_000


def recall(
    kind: str, place: str, reading: Reading, paths: Callable[[], Sequence[Path]]
) -> ImageSet | None:
    """Return what was read before from a place whose files are as they were, or None.

    Parameters
    ----------
    kind : str
        The row of the table of sources.
    place : str
        Where the source is.
    reading : Reading
    paths : callable
        Returns the files and folders that the source consists of; none for what is not on disk
        and does not change.
    """
    key = _key(kind, place, reading)
    note = read_note(key)
    return None if note is None else _recall(key, note, paths, reading)[0]


def recall_or_fetch(
    kind: str,
    place: str,
    reading: Reading,
    paths: Callable[[], Sequence[Path]],
    fetch: Callable[[], ImageSet],
) -> ImageSet:
    """Return what was read before from a place whose files are as they were, or read it.

    Parameters
    ----------
    kind, place, reading, paths
        As `recall` takes them.
    fetch : callable
        Reads the source.

    Raises
    ------
    ParameterError
        If ``IMLOGIT_CACHE_LIMIT`` is no size.
    """
    warn_of_others()
    key = _key(kind, place, reading)
    note = read_note(key)
    kept, before = _recall(key, note, paths, reading)
    if kept is not None:
        return kept
    limit = cache_limit()
    if before is not None:
        _wait_for_a_tick(before)
    found = fetch()
    after = _state(paths, reading)
    if before is not None and after is not None and before.digest == after.digest:
        pins = entries.Pins(found.sha256, label_digest(found.labels))
        entry = _entry_name(found, pins)
        new = Note(place, kind, reading.chosen(), before.digest, entry, *pins)
        _keep(found, key, new, note, limit)
    return found


def _recall(
    key: str, note: Note | None, paths: Callable[[], Sequence[Path]], reading: Reading
) -> tuple[ImageSet | None, Stamp | None]:
    """Return what a note says is kept, if it is sound and still true; and the files' state."""
    # verified in a thread of its own while the files are looked at: each takes as long
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(_read_entry, note)
        state = _state(paths, reading)
        kept = waiting.result()
    unchanged = note is not None and state is not None and note.state == state.digest
    if kept is None or not unchanged:
        return None, state
    touch_note(key)
    return kept, state


def _read_entry(note: Note | None) -> ImageSet | None:
    """Return what a note says is kept; None where it is not, or damaged: the source is there."""
    if note is None:
        return None
    with contextlib.suppress(DataError):
        return entries.read_entry(note.entry, entries.Pins(note.images, note.labels))
    return None


def by_images(sha256: str) -> ImageSet | None:
    """Return a kept entry whose pixels have this SHA-256, or None."""
    warn_of_others()
    for note, key, _ in noted():
        if note.images == sha256 and (found := _read_entry(note)) is not None:
            touch_note(key)
            return found
    return None


def _key(kind: str, place: str, reading: Reading) -> str:
    parts = json.dumps([VERSION, kind, place, reading.chosen()], sort_keys=True)
    return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _state(paths: Callable[[], Sequence[Path]], reading: Reading) -> Stamp | None:
    """Return the state of a source's files; None where it cannot be known."""
    try:
        found = stamp(paths(), reading.follow_links)
    except OSError:
        return None
    whole_seconds = found.newest > 0 and found.newest % SECOND == 0
    recent = found.newest > time.time_ns() - 2 * SECOND
    return None if whole_seconds and recent else found


def _wait_for_a_tick(state: Stamp) -> None:
    age = time.time() - state.newest / SECOND
    if age < TICK_SECONDS:
        time.sleep(TICK_SECONDS - max(age, 0.0))


def _entry_name(image_set: ImageSet, pins: entries.Pins) -> str:
    facts = json.dumps(entries.describe_entry(image_set), sort_keys=True)
    names = digest(RowNames.of(image_set.names).packed)
    described = hashlib.sha256("".join((*pins, facts, names)).encode()).hexdigest()
    return f"images-{pins.images[:16]}-{described[:16]}"


def _keep(found: ImageSet, key: str, new: Note, old: Note | None, limit: int) -> None:
    """Keep an entry and note it; where there is no room the source is read anew each time."""
    kept = fits_or_warn(found, limit)
    if kept:
        entries.keep(found, new.entry, entries.Pins(new.images, new.labels))
        with contextlib.suppress(OSError):
            write_note(key, new)
    else:
        remove_note(key)
    if old is not None and all(one.note.entry != old.entry for one in noted()):
        entries.remove(old.entry)
    if kept:
        make_room(limit, new.entry)
