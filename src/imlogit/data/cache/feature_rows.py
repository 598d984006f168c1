"""Features of images, kept on disk by what they were made of, and mapped into memory.

An entry is a folder as those of images are: ``rows.npy`` and ``facts.json``. It is written a block
at a time, beside, and renamed into place. Its name says of which images and by which steps; by
which code, its facts do: what another code made is made again in its place.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.data.cache import entries
from imlogit.data.cache.limit import cache_limit, make_room, rows_fit_or_warn
from imlogit.data.cache.locks import locked
from imlogit.data.cache.ownership import warn_of_others
from imlogit.data.cache.sealed import read_sealed, write_sealed
from imlogit.errors import DataError
from imlogit.system.atomic import filling, place_into
from imlogit.system.leftovers import discard
from imlogit.system.regular_file import open_regular

FORMAT = 1
FACTS, ROWS = "facts.json", "rows.npy"
# A network may look at images for hours, and whoever waits for them would take as long.
LOCK_SECONDS = 86_400.0
_PIECE = 2**20
_NAME = re.compile("features-[0-9a-f]{16}-[0-9a-f]{16}")


class MadeOf(NamedTuple):
    """What features were made of.

    Attributes
    ----------
    images : str
        The SHA-256 of the images, in their order.
    source : str
        What they are called.
    steps : str
        The steps as they are written.
    parts : dict
        All that their numbers depend on, with the hashes of what was learnt; JSON values.
    code : str
        A digest of the code that makes them.
    shape : tuple of int
        (n, n_features).
    dtype : dtype
    """

    images: str
    source: str
    steps: str
    parts: dict[str, Any]
    code: str
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @property
    def entry(self) -> str:
        """The name of the cache's entry."""
        said = json.dumps([self.images, self.parts], sort_keys=True)
        return f"features-{self.images[:16]}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"

    @property
    def n_bytes(self) -> int:
        """How many bytes the features take."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    @property
    def facts(self) -> dict[str, Any]:
        """What the entry says of itself, beside its rows."""
        return {
            "format": FORMAT,
            "images": self.images,
            "source": self.source,
            "steps": self.steps,
            "parts": self.parts,
            "code": self.code,
            "shape": list(self.shape),
            "dtype": self.dtype.str,
        }


def read_rows(wanted: MadeOf) -> NDArray[Any] | None:
    """Return features that are kept, mapped and verified; None where there are none of this code.

    Warns
    -----
    UserWarning
        If they are damaged.
    """
    warn_of_others()
    place = entries.folder() / wanted.entry
    try:
        facts = read_sealed(place / FACTS)
        same = facts is not None and all(
            facts.get(name) == value
            for name, value in wanted.facts.items()
            if name not in ("source", "steps")
        )
        if facts is None or not same:
            return None
        rows = _read(place / ROWS, str(facts["sha256"]))
        if rows.shape != wanted.shape or rows.dtype != wanted.dtype:
            raise DataError(f"{ROWS} holds {rows.dtype} {rows.shape}, not what its facts say")
    except Exception as error:  # a damaged file can fail anywhere, and features can be made again
        warnings.warn(
            f"The features kept in {place} are damaged: {error}. They are made again.",
            UserWarning,
            stacklevel=3,
        )
        return None
    with suppress(OSError):
        os.utime(place)
    return rows


def read_or_make(
    wanted: MadeOf, blocks: Callable[[], Iterable[NDArray[Any]]]
) -> NDArray[Any] | None:
    """Return features that are kept, or make and keep them; None where nothing can be kept.

    Of many processes that ask at once, one makes them and the others read what it kept.

    Parameters
    ----------
    wanted : MadeOf
    blocks : callable
        Returns the rows, some at a time; called where they are not kept.

    Raises
    ------
    ParameterError
        If ``IMLOGIT_CACHE_LIMIT`` is no size.
    DataError
        If another process has been at it for a day.

    Warns
    -----
    UserWarning
        If the cache cannot be written, or they are larger than all that may be kept.
    """
    found = read_rows(wanted)
    if found is not None:
        return found
    limit = cache_limit()
    if not rows_fit_or_warn(f"The features of {wanted.source} are", wanted.n_bytes, limit):
        return None
    with locked(entries.folder(), wanted.entry, LOCK_SECONDS):
        found = read_rows(wanted)
        if found is None:
            try:
                _write(wanted, blocks())
            except OSError as error:
                warnings.warn(
                    f"The features could not be kept in the cache folder {entries.folder()} "
                    f"({error}), and will be made anew next time: set IMLOGIT_CACHE to a folder "
                    "that can be written.",
                    UserWarning,
                    stacklevel=3,
                )
                return None
            make_room(limit, wanted.entry)
            found = read_rows(wanted)
    return found


def kept_features() -> list[dict[str, Any]]:
    """Return what features are kept, as plain values: of what, how many, when last used."""
    found = []
    for path in entries.entry_paths():
        if _NAME.fullmatch(path.name) is None or path.is_symlink():
            continue
        with suppress(Exception):  # whatever is no entry is none
            facts = read_sealed(path / FACTS)
            if facts is not None:
                n, width = facts["shape"]
                found.append(
                    {
                        "source": str(facts["source"]),
                        "sha256": str(facts["images"]),
                        "steps": str(facts["steps"]),
                        "images": int(n),
                        "features": int(width),
                        "dtype": np.dtype(str(facts["dtype"])).name,
                        "bytes": entries.size(path.name),
                        "last_used": entries.written(path.name),
                        "entry": path.name,
                        "code": str(facts["code"]),
                    }
                )
    return found


def remove_features(wanted: Callable[[dict[str, Any]], bool]) -> int:
    """Remove features by what `kept_features` says of them; return how many bytes that freed."""
    chosen = [one for one in kept_features() if wanted(one)]
    return sum(one["bytes"] for one in chosen if entries.remove(one["entry"]))


def _write(wanted: MadeOf, blocks: Iterable[NDArray[Any]]) -> None:
    """Write an entry: no more of it than a block is in memory."""
    home, name = entries.folder(), wanted.entry
    for left in home.glob(f".{name}-part-*"):
        discard(left)
    with filling(home, prefix=f".{name}-part") as part:
        new = part / name
        new.mkdir()
        digest, header = hashlib.sha256(), {"descr": wanted.dtype.str, "fortran_order": False}
        with (new / ROWS).open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header | {"shape": wanted.shape})
            for block in blocks:
                content = np.ascontiguousarray(block).data
                digest.update(content)
                file.write(content)
        write_sealed(new / FACTS, wanted.facts | {"sha256": digest.hexdigest()})
        place_into([(new, home / name)], replace=True)


def _read(path: Path, sha256: str) -> NDArray[Any]:
    """Return mapped rows, whose bytes were read once without being held."""
    with open_regular(path) as (file, size):
        rows = entries.map_array(file, path)
        start = size - rows.nbytes
        file.seek(start)
        digest = hashlib.sha256()
        while piece := file.read(_PIECE):
            digest.update(piece)
    if digest.hexdigest() != sha256:
        raise DataError(f"{path.name} does not have the SHA-256 of its facts")
    return rows
