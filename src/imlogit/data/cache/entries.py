"""Loaded images kept on disk, verified each time they are read.

An entry is a folder with ``images.npy``, ``labels.npy``, ``facts.json`` and, where images have
names, ``names.npy``. It is written beside,
synced and renamed into place, so that a reader sees a whole entry or none, whenever the writer is
stopped. Entries hold no times: two entries of the same data are identical.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from imlogit.data.cache.locks import LockHeldError, locked
from imlogit.data.cache.sealed import read_sealed, write_sealed
from imlogit.data.formats.npy import read_header
from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import digest, label_digest
from imlogit.data.problems import BadItem
from imlogit.data.reading import FITS
from imlogit.data.row_names import RowNames
from imlogit.errors import DataError
from imlogit.system.atomic import filling, place_into
from imlogit.system.leftovers import discard, mark, sweep
from imlogit.system.regular_file import open_regular

FORMAT = 1
FACTS, NAMES = "facts.json", "names.npy"
# The folder of notes, beside the entries.
NOTES = "sources"
# Longer than a download takes: whoever holds the lock for longer hangs, and is named.
LOCK_SECONDS = 1800.0
# A writer puts a whole entry in place, so that one may be removed without its lock as well.
REMOVAL_SECONDS = 5.0
# What `notes.py` calls entries of sources; known data sets have their names.
_OF_SOURCE = re.compile("(images|features)-[0-9a-f]{16}-[0-9a-f]{16}")


class Pins(NamedTuple):
    """What data of a known name must hash to."""

    images: str
    labels: str


def folder() -> Path:
    """Return ``$IMLOGIT_CACHE``, or else the user's cache folder (the one that pooch names)."""
    chosen = os.environ.get("IMLOGIT_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("imlogit"))


def tidy() -> None:
    """Remove what processes that are gone left in the cache more than a day ago."""
    sweep(folder())
    if not (folder() / NOTES).is_symlink():  # what a link leads to is not the cache
        sweep(folder() / NOTES)


def cached(name: str, pins: Pins, fetch: Callable[[], ImageSet]) -> ImageSet:
    """Return a verified entry of the cache, or fetch the images and keep them.

    Of many processes that ask at once, one fetches and the others read what it kept.

    Parameters
    ----------
    name : str
        The entry's name.
    pins : Pins
        The hashes that the images and the labels must have.
    fetch : callable
        Called without arguments when the cache has no sound entry.

    Returns
    -------
    ImageSet
        Memory-mapped where it was read from the cache.

    Raises
    ------
    DataError
        If another process has been at it for half an hour; the message says which.

    Warns
    -----
    UserWarning
        If an entry was damaged, or the cache cannot be written; the images are returned all the
        same. If another process is waited for.
    """
    try:
        found = read_entry(name, pins)
    except DataError:
        found = None  # reported below, by the one process that holds the lock
    if found is not None:
        return found
    with locked(folder(), name, LOCK_SECONDS) as alone:
        try:
            found = read_entry(name, pins)
        except DataError as error:
            warnings.warn(f"{error} The data are loaded again.", UserWarning, stacklevel=4)
        if found is not None:
            return found
        fetched = fetch()
        _write_or_warn(fetched, name, alone)
        return fetched


def keep(image_set: ImageSet, name: str, pins: Pins) -> None:
    """Keep images under a name that is made of their content, unless they are there already.

    Warns
    -----
    UserWarning
        If the cache cannot be written.
    """
    with _locked_or_not(name, LOCK_SECONDS) as alone:
        with suppress(DataError):  # a damaged entry is replaced
            if read_entry(name, pins) is not None:
                return
        _write_or_warn(image_set, name, alone)


def remove(name: str) -> bool:
    """Remove an entry, or the link in its place, and say whether it is gone.

    Whoever has it open keeps it until then. It goes at once, so that nobody reads half of it.
    """
    place = folder() / name
    if not os.path.lexists(place):
        return True
    aside = folder() / f"{_part(name)}-{mark()}"
    with _locked_or_not(name, REMOVAL_SECONDS), suppress(OSError):
        try:
            os.rename(place, aside)  # noqa: PTH104 - the one call that tests stop at
        finally:
            discard(aside)
    return not os.path.lexists(place)


def is_of_source(name: str) -> bool:
    """Whether this is what an entry of a source, not of a known data set, is called."""
    return _OF_SOURCE.fullmatch(name) is not None


def of_sources() -> list[str]:
    """Return the names of all entries of sources, and of links in their place."""
    return [
        path.name for path in entry_paths() if is_of_source(path.name) and is_folder_or_link(path)
    ]


def entry_paths() -> list[Path]:
    """Return what lies in the cache folder, in the order of the names."""
    with suppress(OSError):
        return sorted(folder().iterdir())
    return []


def is_folder_or_link(path: Path) -> bool:
    """Whether this can be an entry, or stand in its place."""
    return path.is_symlink() or path.is_dir()


def has(name: str) -> bool:
    """Whether there is an entry of this name, sound or not."""
    return (folder() / name / FACTS).is_file()


def size(name: str) -> int:
    """Return how many bytes an entry takes on disk; none where a link stands in its place."""
    place = folder() / name
    with suppress(OSError):
        if not place.is_symlink():
            return sum(path.stat().st_size for path in place.iterdir() if path.is_file())
    return 0


def written(name: str) -> float:
    """Return when an entry was written, in seconds since 1970."""
    with suppress(OSError):
        return (folder() / name).lstat().st_mtime
    return 0.0


def _write_or_warn(image_set: ImageSet, name: str, alone: bool) -> None:
    try:
        write_entry(image_set, name, alone=alone)
    except OSError as error:
        warnings.warn(
            f"The images could not be kept in the cache folder {folder()} ({error}), and will "
            "be loaded anew next time: set IMLOGIT_CACHE to a folder that can be written.",
            UserWarning,
            stacklevel=5,
        )


def read_entry(name: str, pins: Pins) -> ImageSet | None:
    """Read an entry and verify every byte of it, and tidy the cache.

    Returns
    -------
    ImageSet or None
        Memory-mapped; None where there is no entry of this format.

    Raises
    ------
    DataError
        If the entry is damaged, or may not be read.
    """
    tidy()
    entry = folder() / name
    try:
        facts = _read_facts(entry / FACTS)
        if facts is None:
            return None
        images = _read_array(entry / "images.npy", facts["images"])
        labels = _read_array(entry / "labels.npy", facts["labels"])
        kept = Pins(facts["images"]["sha256"], facts["labels"]["sha256"])
        if kept != pins:
            raise DataError("it holds other data than the published ones")
        return ImageSet(
            images=images,
            labels=labels,
            class_names=tuple(facts["class_names"]),
            n_train=facts["n_train"],
            name=facts["name"],
            origin=facts["origin"],
            sha256=kept.images,
            skipped=tuple(BadItem(**one) for one in facts.get("skipped", [])),
            names=_read_names(entry, facts),
            n_validation=facts.get("n_validation", 0),
            remarks=tuple(facts.get("remarks", ())),
            fit=facts.get("fit"),
            of_digits=facts.get("of_digits", False),
        )
    except PermissionError as error:
        raise DataError(f"The cached copy in {entry} may not be read: {error.strerror}.") from error
    except Exception as error:  # a damaged file can fail anywhere, and the data can be had again
        raise DataError(f"The cached copy in {entry} is damaged: {error}.") from error


def write_entry(image_set: ImageSet, name: str, *, alone: bool = True) -> None:
    """Keep images in the cache, in place of an entry of the same name.

    Parameters
    ----------
    image_set : ImageSet
        The images to be kept.
    name : str
        The entry's name.
    alone : bool, default=True
        True if no other process can be writing this entry: then what an earlier, killed one left
        behind is removed.

    Raises
    ------
    OSError
        If the folder cannot be written; nothing is left behind.
    """
    home = folder()
    if alone:
        for left in home.glob(f"{_part(name)}-*"):
            discard(left)
    with filling(home, prefix=_part(name)) as part:
        new = part / name
        new.mkdir()
        labels = image_set.labels.astype("<i8", copy=False)
        facts = describe_entry(image_set) | {
            "format": FORMAT,
            "images": _write_array(new / "images.npy", image_set.images, image_set.sha256),
            "labels": _write_array(new / "labels.npy", labels, label_digest(labels)),
        }
        if len(image_set.names):
            packed = RowNames.of(image_set.names).packed
            facts["names"] = _write_array(new / NAMES, packed, digest(packed))
        write_sealed(new / FACTS, facts)
        place_into([(new, home / name)], replace=True)


def _part(name: str) -> str:
    """Return how the folders start in which an entry is made, and to which it is removed."""
    return f".{name}-part"


def describe_entry(image_set: ImageSet) -> dict[str, Any]:
    """Return what an entry says of its images beside what they are."""
    facts: dict[str, Any] = {
        "name": image_set.name,
        "origin": image_set.origin,
        "class_names": list(image_set.class_names),
        "n_train": image_set.n_train,
    }
    others = {
        "skipped": [problem.to_dict() for problem in image_set.skipped],
        "n_validation": image_set.n_validation,
        "remarks": list(image_set.remarks),
        "fit": image_set.fit,
        "of_digits": image_set.of_digits,
    }
    return facts | {name: value for name, value in others.items() if value}


@contextmanager
def _locked_or_not(name: str, seconds: float) -> Iterator[bool]:
    """Hold the entry's lock, and go on without it where another process does not let it go."""
    with ExitStack() as held:
        try:
            alone = held.enter_context(locked(folder(), name, seconds))
        except LockHeldError:
            alone = False
        yield alone


def _write_array(path: Path, array: npt.NDArray[Any], sha256: str) -> dict[str, Any]:
    with path.open("wb") as file:
        # NumPy writes to a file itself by C's streams, and passes over what a full disk refuses
        np.save(SimpleNamespace(write=file.write), array, allow_pickle=False)
    return {
        "shape": list(array.shape),
        "dtype": array.dtype.str,
        "bytes": path.stat().st_size,
        "sha256": sha256,
    }


def _read_array(path: Path, facts: dict[str, Any]) -> npt.NDArray[Any]:
    with open_regular(path) as (file, size):
        if size != facts["bytes"]:
            raise DataError(f"{path.name} has {size:,} bytes instead of {facts['bytes']:,}")
        array = map_array(file, path)
    if list(array.shape) != facts["shape"] or array.dtype.str != facts["dtype"]:
        raise DataError(f"{path.name} holds {array.dtype} {array.shape}, not what its facts say")
    if digest(array) != facts["sha256"]:
        raise DataError(f"{path.name} does not have the SHA-256 of its facts")
    return array


def map_array(file: BinaryIO, path: Path) -> npt.NDArray[Any]:
    """Return the array of an open .npy file, mapped into memory: by its name it may be another."""
    header = read_header(file)
    if header.dtype.hasobject:
        raise DataError("it holds Python objects, which are never unpickled")
    order: Literal["F", "C"] = "F" if header.fortran else "C"
    mapped = np.memmap(file, header.dtype, "r", file.tell(), header.shape, order)
    mapped.filename = str(path)
    return np.asarray(mapped)


def _read_names(entry: Path, facts: dict[str, Any]) -> Sequence[str]:
    if "names" not in facts:
        return ()
    return RowNames(_read_array(entry / NAMES, facts["names"]))


def _read_facts(path: Path) -> dict[str, Any] | None:
    """Return the facts, or None where there are none of this format."""
    facts = read_sealed(path)
    if facts is None:
        return None
    if facts["format"] != FORMAT:
        return None
    texts = [facts["name"], facts["origin"], *facts["class_names"], *facts.get("remarks", [])]
    texts += [text for one in facts.get("skipped", []) for text in one.values()]
    if not all(isinstance(text, str) for text in texts) or facts.get("fit") not in (None, *FITS):
        raise DataError(f"{path.name} holds other values than texts")
    return facts
