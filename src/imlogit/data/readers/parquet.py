"""Parquet files in the layout of Hugging Face data sets: an encoded image and a label in a row."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode import is_image_name
from imlogit.data.images.decode_many import Decoded, Encoded, decode_all
from imlogit.data.problems import BadItem, raise_or_skip
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import Place, is_hidden, subfolders
from imlogit.data.readers.parquet_rows import Layout, Shard, fault_of, inspect_files, read_cells
from imlogit.data.readers.parts import Parts, choose_parts, part_of
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.data.remarks import remark
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

SUFFIX = ".parquet"
DATA = "data"
# What stands before the first of these names the part, as in train-00000-of-00002.parquet.
AFTER_PART = re.compile("[-.]")
NAMES = f"train-*{SUFFIX}, validation-*{SUFFIX} and test-*{SUFFIX}"
NUMBERED = re.compile(r"(.+)-\d{5}-of-(\d{5})\b")
ORIGIN = "Parquet files, Hugging Face layout"


class ShardFiles(NamedTuple):
    """The files of each part, and those that are of none."""

    parts: Parts[list[Path]]
    left_out: Sequence[Path] = ()

    @property
    def read(self) -> list[Path]:
        """The files that are read, part by part."""
        return [path for part in self.parts.present for path in part]


def _accepts(place: Place) -> bool:
    """Whether this is a Parquet file by its name, or a folder that holds some."""
    if not place.is_folder:
        return _is_shard(place.path.name)
    here = any(map(_is_shard, place.names))
    return here or bool(_configurations(place.path, place.folders))


def _files(path: Path) -> list[Path]:
    """Return the files that are read."""
    return _shards_of(path).read


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read a Parquet file, or a folder of ``train-*.parquet`` and ``test-*.parquet``.

    Links are followed: in the cache of the Hugging Face Hub every file is one. Rows are counted
    from 0.

    Parameters
    ----------
    path : Path
    reading : Reading
    progress : callable, optional
        Told how many images are decoded.

    Raises
    ------
    BadItemsError
        For rows without an image or a label, unless they are to be passed over.
    DataError
        For other columns, files that do not belong together, and damaged ones.
    MissingExtraError
        Without pyarrow.
    """
    name, files = _name_of(path), _shards_of(path)
    layout, shards = inspect_files(files.read)
    if path.is_dir():  # who names one file wants no other
        _warn_of_absent(name, files)
    each = iter(shards)
    sieve = _Sieve([[next(each) for _ in part] for part in files.parts.present], layout)
    decoded = decode_all(sieve.images(), sum(shard.n_rows for shard in shards), reading, progress)
    skipped = raise_or_skip(
        sieve.problems_with(decoded), source=name, n_items=sieve.n_rows, skip_bad=reading.skip_bad
    )
    kept = iter(sieve.kept(decoded))
    train, validation, test = (None if part is None else next(kept) for part in files.parts)
    assert train is not None
    return assemble(
        train,
        test,
        name=name,
        origin=ORIGIN,
        class_names=layout.names,
        skipped=skipped,
        validation=validation,
        fit=decoded.fit,
    )


class _Sieve:
    """Hands on the images of some shards; keeps back their classes, and what is wrong with rows."""

    def __init__(self, parts: Sequence[Sequence[Shard]], layout: Layout) -> None:
        self._parts, self._layout = parts, layout
        self._ends: list[int] = []  # of the parts' rows
        self._rows: list[int] = []  # of the images that were handed on
        self._classes: list[str] = []
        self._names: list[str] = []
        self._problems: list[tuple[int, BadItem]] = []
        self.n_rows = 0

    def images(self) -> Iterator[Encoded]:
        for part in self._parts:
            yield from self._images(part)
            self._ends.append(self.n_rows)

    def _images(self, shards: Sequence[Shard]) -> Iterator[Encoded]:
        names = self._layout.names
        for shard in shards:
            for row, (image, label) in enumerate(read_cells(shard, self._layout)):
                where = f"{printable(shard.path.name)}, row {row}"
                what = fault_of(image, label, names)
                if what is not None:
                    self._problems.append((self.n_rows, BadItem(where, what)))
                else:
                    self._rows.append(self.n_rows)
                    self._classes.append(str(label) if names is None else names[label])
                    self._names.append(printable(image.get("path") or where))
                    yield Encoded(where, image["bytes"])
                self.n_rows += 1

    def problems_with(self, decoded: Decoded) -> list[BadItem]:
        """Return all problems in the order of the rows."""
        bad = [self._rows[place] for place in np.flatnonzero(~decoded.good)]
        found = [*self._problems, *zip(bad, decoded.problems, strict=True)]
        return [problem for _, problem in sorted(found, key=lambda pair: pair[0])]

    def kept(self, decoded: Decoded) -> list[Named]:
        """Return what is left of each part."""
        left = np.flatnonzero(decoded.good)
        rows = np.array(self._rows, dtype=np.intp)[left]
        borders = [0, *np.searchsorted(rows, self._ends).tolist()]
        return [
            Named(
                decoded.images[start:stop],
                [self._classes[place] for place in left[start:stop].tolist()],
                [self._names[place] for place in left[start:stop].tolist()],
            )
            for start, stop in pairwise(borders)
        ]


def _name_of(path: Path) -> str:
    return printable(path.resolve().name if path.is_dir() else path.stem)


def _is_shard(name: str) -> bool:
    return name.lower().endswith(SUFFIX) and not is_hidden(name)


def _shards(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(folder / entry.name for entry in entries if _is_shard(entry.name))


def _places(folder: Path) -> list[Path]:
    """Return the folders that hold Parquet files: this one, or else data/, or else subfolders."""
    if _shards(folder):
        return [folder]
    below = [item.name for item in subfolders(folder, follow_links=True)]
    holding = _configurations(folder, below)
    return [place for place in holding if place.name == DATA] or holding


def _configurations(folder: Path, names: Iterable[str]) -> list[Path]:
    """Return the subfolders that hold Parquet files, and no images: those are of a class."""
    return [folder / name for name in names if _is_configuration(folder / name)]


def _is_configuration(folder: Path) -> bool:
    found = False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_image_name(entry.name):
                    return False  # and is not listed to its end
                found = found or _is_shard(entry.name)
    except OSError:
        return False
    return found


def _shards_of(path: Path) -> ShardFiles:
    """Find the files of each part."""
    try:
        if not path.is_dir():
            return ShardFiles(Parts([path]))
        places = _places(path)
        shards = _shards(places[0]) if places else []
    except OSError as error:
        raise DataError(
            f"{printable(path)} cannot be read ({error.strerror or error}). Change its permissions."
        ) from error
    name = _name_of(path)
    if len(places) != 1:
        found = first_of([f"{place.name}/" for place in places])
        raise DataError(
            f"{name}: there are Parquet files in {found}: give one of these folders, or put them "
            f"into one as {NAMES}."
            if places
            else f"{name}: there is no {SUFFIX} file, here or in {DATA}/."
        )
    return _by_split(name, shards)


def _by_split(name: str, shards: Sequence[Path]) -> ShardFiles:
    by_word: dict[str, list[Path]] = defaultdict(list)
    for shard in shards:
        by_word[AFTER_PART.split(shard.name.lower())[0]].append(shard)
    others = [path for word, some in by_word.items() if part_of(word) is None for path in some]
    if len(others) == len(shards):
        return ShardFiles(Parts(others))
    parts = choose_parts(name, by_word.items())
    if parts is None:
        alone = next(path for path in shards if path not in others)
        raise DataError(
            f"{name}: there is no training part beside {printable(alone.name)}. Put "
            f"train-*{SUFFIX} beside it, or give the file itself to train on it."
        )
    return ShardFiles(parts, others)


def _warn_of_absent(name: str, files: ShardFiles) -> None:
    """Warn of what is left out, and of shards that are not there."""
    if files.left_out:
        names = first_of([path.name for path in files.left_out])
        remark(f"{name}: only {NAMES} are read; left out: {names}")
    numbered = [NUMBERED.match(path.name) for path in files.read]
    for (split, total), here in Counter(found.groups() for found in numbered if found).items():
        if here < int(total):
            remark(f"{name}: of {printable(split)} only {here:,} of {int(total):,} files are there")


SOURCE = FileSource(
    name="parquet",
    form="FILE.parquet, FOLDER",
    summary="image and label, as Hugging Face data sets have them",
    parts="`train-*`, `validation-*` and `test-*` files",
    accepts=_accepts,
    files=_files,
    read=_read,
)
