"""A folder while it is packed: shard by shard, so that whatever stops it loses one at most.

What is noted of finished shards lies in a hidden folder within, which goes when all are there. The
next time, those whose files still have the noted SHA-256 are kept.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Labels, Pixels
from imlogit.data.cache.packed.manifest import MANIFEST, Manifest, PackedShard, shard_file
from imlogit.data.formats.npy import map_npy
from imlogit.data.problems import BadItem
from imlogit.data.row_names import RowNames
from imlogit.errors import DataError, OutputError
from imlogit.system.atomic import naming, replacing, sync_folder, write_bytes
from imlogit.system.interrupts import DeferredInterrupt
from imlogit.system.leftovers import discard
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import open_regular, read_regular
from imlogit.system.text import printable

WORKPLACE, PLAN, LOCK = ".packing", "plan.json", "lock"
LABEL_TYPE = np.dtype("<i8")
MOST_NOTE_BYTES = 1 << 26
KEPT = "What is finished is kept: give the same command again to go on."


class Content(NamedTuple):
    """What a shard is to hold.

    Attributes
    ----------
    images : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
    labels : ndarray of integers, shape (n,)
    names : sequence of str
        One for each image, or none at all.
    problems : tuple of BadItem
        What was passed over, or is to be raised.
    """

    images: Pixels
    labels: Labels
    names: Sequence[str] = ()
    problems: tuple[BadItem, ...] = ()


@dataclass(frozen=True)
class ShardRecord:
    """What is noted of a finished shard.

    Attributes
    ----------
    shard : PackedShard
    image_shape : list of int
        Of one image; of no use where there is none.
    problems : tuple of BadItem
    """

    shard: PackedShard
    image_shape: list[int]
    problems: tuple[BadItem, ...] = ()


class Workplace:
    """A folder that is packed, by whoever holds its lock.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._inner = folder, folder / WORKPLACE

    def finished(self, name: str) -> ShardRecord | None:
        """Return what is noted of a shard whose files are as they were written, else None."""
        try:
            found = parse(read_regular(self._inner / f"{name}.json", MOST_NOTE_BYTES))
            shard = PackedShard(name, found["rows"], found["sha256"])
            problems = tuple(BadItem(*one) for one in found["problems"])
            digests = [file_digest(shard.path(self.folder, what)) for what in shard.sha256]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        sound = digests == [*shard.sha256.values()]
        return ShardRecord(shard, found["image_shape"], problems) if sound else None

    def put(self, name: str, content: Content) -> ShardRecord:
        """Write the files of a shard, and then note that it is finished."""
        arrays: dict[str, NDArray[Any]] = {}
        if len(content.images):
            arrays = {"images": content.images, "labels": content.labels.astype(LABEL_TYPE)}
            if len(content.names):
                arrays["names"] = RowNames.of(content.names).packed
        sha256 = {what: self._write(shard_file(name, what), one) for what, one in arrays.items()}
        record = ShardRecord(
            PackedShard(name, len(content.images), sha256),
            list(content.images.shape[1:]),
            content.problems,
        )
        note = {
            "rows": record.shard.rows,
            "sha256": sha256,
            "image_shape": record.image_shape,
            "problems": [[one.where, one.what] for one in record.problems],
        }
        write_bytes(self._inner / f"{name}.json", json.dumps(note).encode())
        return record

    def in_colour(self, record: ShardRecord) -> ShardRecord:
        """Write a shard of grey images anew, as others are of three channels."""
        shard = record.shard
        colours = np.repeat(self.mapped(shard, "images")[..., None], 3, axis=3)
        names = RowNames(self.mapped(shard, "names")) if "names" in shard.sha256 else ()
        labels = self.mapped(shard, "labels")
        return self.put(shard.name, Content(colours, labels, names, record.problems))

    def mapped(self, shard: PackedShard, what: str) -> NDArray[Any]:
        """Return what one file of a finished shard holds."""
        return map_npy(shard.path(self.folder, what))

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, which makes a source of the folder."""
        with replacing(self._inner / MANIFEST) as file:
            file.write(manifest.to_bytes())
        self._move(MANIFEST)

    def _write(self, name: str, array: NDArray[Any]) -> str:
        """Write an array to its file, and return the file's SHA-256."""
        digest = hashlib.sha256()
        with replacing(self._inner / name) as file:

            def write(data: bytes) -> None:
                digest.update(data)
                file.write(data)

            # NumPy writes to a file itself by C's streams, and passes over what a full disk refuses
            np.save(SimpleNamespace(write=write), array, allow_pickle=False)
        self._move(name)
        return digest.hexdigest()

    def _move(self, name: str) -> None:
        os.replace(self._inner / name, self.folder / name)  # noqa: PTH105 - the call tests stop at
        sync_folder(self.folder)


@contextmanager
def working_in(folder: Path, plan: dict[str, Any]) -> Iterator[Workplace]:
    """Make a folder to be packed, or go on with one; its hidden folder goes if the block ends well.

    Parameters
    ----------
    folder : Path
        New, empty, or packed in part by the same plan.
    plan : dict
        What is packed, and how, as JSON has it: with another one nothing is gone on with.

    Raises
    ------
    OutputError
        For a folder that is taken, that another process works in, or is of another plan; and if
        something cannot be written.
    """
    _refuse_taken(folder)
    inner = folder / WORKPLACE
    with naming(folder, KEPT):
        inner.mkdir(parents=True, exist_ok=True)
        with _locked(inner, folder):
            _settle_plan(inner, folder, json.dumps(plan, indent=1, sort_keys=True).encode())
            yield Workplace(folder)
        with DeferredInterrupt():
            _tidy(inner)
        sync_folder(folder)


def pixel_digest(place: Workplace, shards: Sequence[PackedShard]) -> str:
    """Return the SHA-256 of the pixels of all images, one after another."""
    digest = hashlib.sha256()
    for shard in shards:
        digest.update(place.mapped(shard, "images").data)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a regular file.

    Raises
    ------
    OSError
    """
    with open_regular(path) as (file, _):
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tidy(inner: Path) -> None:
    """Remove the hidden folder of what is finished, first of all the plan."""
    (inner / PLAN).unlink(missing_ok=True)
    discard(inner)


def _refuse_taken(folder: Path) -> None:
    inner = folder / WORKPLACE
    if (folder / MANIFEST).exists() and inner.is_dir() and not (inner / PLAN).exists():
        _tidy(inner)  # killed while it was tidied up
    try:
        inside = {one.name for one in folder.iterdir()} if os.path.lexists(folder) else set()
    except OSError as error:
        raise OutputError(
            f"{printable(folder)} is no folder that can be packed into "
            f"({error.strerror or error}). Choose another.",
            parameter="dest",
        ) from error
    if inside and WORKPLACE not in inside:
        raise OutputError(
            f"{printable(folder)} exists already, and nothing is overwritten. Choose another "
            "place.",
            parameter="dest",
        )


@contextmanager
def _locked(inner: Path, folder: Path) -> Iterator[None]:
    """Hold the lock; where a file system has none, go on without."""
    from filelock import FileLock, Timeout

    lock = FileLock(str(inner / LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OutputError(
            f"{printable(folder)} is being packed by another process. Wait until it is done.",
            parameter="dest",
        ) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
    except NotImplementedError:
        pass
    try:
        yield
    finally:
        lock.release()


def _settle_plan(inner: Path, folder: Path, plan: bytes) -> None:
    """Note the plan, or compare it with that of what is there."""
    try:
        before = read_regular(inner / PLAN, MOST_NOTE_BYTES)
    except FileNotFoundError:
        write_bytes(inner / PLAN, plan)
        return
    if before != plan:
        raise DataError(
            f"{printable(folder)} is packed in part, of another source or in another way, or the "
            "source has changed since. Remove the folder, or choose another.",
            parameter="dest",
        )
