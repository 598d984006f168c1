"""Parquet files in the layout of Hugging Face data sets: an encoded image and a label in a row."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode import is_image_name
from imlogit.data.images.decode_many import Decoded, Encoded, decode_all
from imlogit.data.problems import NAMED, BadItem, raise_or_skip
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import Place, is_hidden, subfolders
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.extras import need
from imlogit.system.regular_file import UnfitFileError, open_regular
from imlogit.system.text import printable, reason

SUFFIX = ".parquet"
TRAIN, TEST, DATA = "train", "test", "data"
SPLIT = re.compile(f"({TRAIN}|{TEST})[-.]")
NUMBERED = re.compile(r"(.+)-\d{5}-of-(\d{5})\b")
IMAGE_COLUMNS, LABEL = ("image", "img"), "label"
NO_LABEL = -1  # so Hugging Face marks the rows of a test part whose labels are kept back
BATCH_ROWS = 64
# An image takes tens of bytes; a column in which the same few come again and again takes less.
ROWS_PER_BYTE = 1000
ORIGIN = "Parquet files, Hugging Face layout"
EXPECTED = (
    "a column image (or img) of struct<bytes: binary, path: string> and a column label of integers "
    "or strings, as Hugging Face data sets have them"
)
TYPE_LENGTH = 60


class Layout(NamedTuple):
    """What the shards of a source have in common.

    Attributes
    ----------
    image : str
        The column of the images.
    of_text : bool
        Whether the labels are strings.
    names : tuple of str, optional
        The classes that integer labels count.
    """

    image: str
    of_text: bool
    names: tuple[str, ...] | None


class Shard(NamedTuple):
    """A file, and how many rows it says that it holds."""

    path: Path
    n_rows: int


class Parts(NamedTuple):
    """The files of the training and of the test part, and those that are of neither."""

    train: list[Path]
    test: list[Path]
    left_out: list[Path]


def _accepts(place: Place) -> bool:
    """Whether this is a Parquet file by its name, or a folder that holds some."""
    if not place.is_folder:
        return _is_shard(place.path.name)
    here = any(map(_is_shard, place.names))
    return here or bool(_configurations(place.path, place.folders))


def _files(path: Path) -> list[Path]:
    """Return the files that are read."""
    parts = _parts(path)
    return parts.train + parts.test


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
    name, parts = _name_of(path), _parts(path)
    layout, shards = _inspect(parts.train + parts.test)
    if path.is_dir():  # who names one file wants no other
        _warn_of_absent(name, parts)
    sieve = _Sieve(shards[: len(parts.train)], shards[len(parts.train) :], layout)
    decoded = decode_all(sieve.images(), sum(shard.n_rows for shard in shards), reading, progress)
    skipped = raise_or_skip(
        sieve.problems_with(decoded), source=name, n_items=sieve.n_rows, skip_bad=reading.skip_bad
    )
    n_train, classes = sieve.kept(decoded)
    train, test = (
        Named(decoded.images[rows], classes[rows])
        for rows in (slice(n_train), slice(n_train, None))
    )
    return assemble(
        train, test, name=name, origin=ORIGIN, class_names=layout.names, skipped=skipped
    )


class _Sieve:
    """Hands on the images of some shards; keeps back their classes, and what is wrong with rows."""

    def __init__(self, train: Sequence[Shard], test: Sequence[Shard], layout: Layout) -> None:
        self._parts, self._layout = (train, test), layout
        self._n_train_rows = 0
        self._rows: list[int] = []  # of the images that were handed on
        self._classes: list[str] = []
        self._problems: list[tuple[int, BadItem]] = []
        self.n_rows = 0

    def images(self) -> Iterator[Encoded]:
        train, test = self._parts
        yield from self._images(train)
        self._n_train_rows = self.n_rows
        yield from self._images(test)

    def _images(self, shards: Sequence[Shard]) -> Iterator[Encoded]:
        names = self._layout.names
        for shard in shards:
            for row, (image, label) in enumerate(_cells(shard, self._layout)):
                where = f"{printable(shard.path.name)}, row {row}"
                what = _fault(image, label, names)
                if what is not None:
                    self._problems.append((self.n_rows, BadItem(where, what)))
                else:
                    self._rows.append(self.n_rows)
                    self._classes.append(str(label) if names is None else names[label])
                    yield Encoded(where, image["bytes"])
                self.n_rows += 1

    def problems_with(self, decoded: Decoded) -> list[BadItem]:
        """Return all problems in the order of the rows."""
        bad = [self._rows[place] for place in np.flatnonzero(~decoded.good)]
        found = [*self._problems, *zip(bad, decoded.problems, strict=True)]
        return [problem for _, problem in sorted(found, key=lambda pair: pair[0])]

    def kept(self, decoded: Decoded) -> tuple[int, list[str]]:
        """Return how many images of the training part are left, and the classes of all."""
        left = np.flatnonzero(decoded.good).tolist()
        n_train = sum(self._rows[place] < self._n_train_rows for place in left)
        return n_train, [self._classes[place] for place in left]


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


def _parts(path: Path) -> Parts:
    """Find the files of each part."""
    try:
        if not path.is_dir():
            return Parts([path], [], [])
        places = _places(path)
        shards = _shards(places[0]) if places else []
    except OSError as error:
        raise DataError(
            f"{printable(path)} cannot be read ({error.strerror or error}). Change its permissions."
        ) from error
    name = _name_of(path)
    if len(places) != 1:
        found = ", ".join(printable(place.name) + "/" for place in places[:NAMED])
        raise DataError(
            f"{name}: there are Parquet files in {found}: give one of these folders, or put them "
            f"into one as {TRAIN}-*{SUFFIX} and {TEST}-*{SUFFIX}."
            if places
            else f"{name}: there is no {SUFFIX} file, here or in {DATA}/."
        )
    return _by_split(name, shards)


def _by_split(name: str, shards: Sequence[Path]) -> Parts:
    parts: dict[str, list[Path]] = {TRAIN: [], TEST: [], "": []}
    for shard in shards:
        found = SPLIT.match(shard.name)
        parts[found[1] if found else ""].append(shard)
    if not parts[TRAIN] and not parts[TEST]:
        return Parts(parts[""], [], [])
    if not parts[TRAIN]:
        raise DataError(
            f"{name}: of the parts there is only the test part, {printable(parts[TEST][0].name)}. "
            f"Put {TRAIN}-*{SUFFIX} beside it, or give the file itself to train on it."
        )
    return Parts(parts[TRAIN], parts[TEST], parts[""])


def _warn_of_absent(name: str, parts: Parts) -> None:
    """Warn of what is left out, and of shards that are not there."""
    if parts.left_out:
        names = ", ".join(printable(path.name) for path in parts.left_out[:NAMED])
        more = f" and {len(parts.left_out) - NAMED:,} more" if len(parts.left_out) > NAMED else ""
        _warn(
            f"{name}: only {TRAIN}-*{SUFFIX} and {TEST}-*{SUFFIX} are read; left out: {names}{more}"
        )
    numbered = [NUMBERED.match(path.name) for path in parts.train + parts.test]
    for (split, total), here in Counter(found.groups() for found in numbered if found).items():
        if here < int(total):
            _warn(f"{name}: of {printable(split)} only {here:,} of {int(total):,} files are there")


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file; whatever its bytes make pyarrow raise becomes one error that names it."""
    parquet = need("pyarrow.parquet", "parquet", "Reading parquet files")
    try:
        with open_regular(path) as (raw, _):  # by Python: pyarrow takes no name that is no text
            yield parquet.ParquetFile(raw, pre_buffer=False, page_checksum_verification=True)
    except DataError:
        raise
    except UnfitFileError as error:
        raise DataError(f"{printable(path)} cannot be read ({error}).") from None
    except Exception as error:  # a parser of hostile bytes raises some ten kinds
        raise DataError(
            f"{printable(path)} cannot be read as Parquet: {printable(reason(error))}. Copy or "
            "download it again."
        ) from error


def _inspect(paths: Sequence[Path]) -> tuple[Layout, list[Shard]]:
    """Return what the files have in common, and their lengths, without reading a row."""
    layouts, shards = [], []
    for path in paths:
        with _opened(path) as file:
            layouts.append(_layout(file.schema_arrow, path))
            shards.append(Shard(path, _plausible(file.metadata.num_rows, path)))
        if layouts[-1] != layouts[0]:
            raise DataError(
                f"{printable(path)} differs from {printable(paths[0].name)} in "
                f"{_difference(layouts)}: they are not of one data set. Put those that are into a "
                "folder of their own."
            )
    return layouts[0], shards


def _plausible(n_rows: int, path: Path) -> int:
    """Refuse a number of rows for which memory would be set aside in vain."""
    size = path.stat().st_size
    if not 0 <= n_rows <= size * ROWS_PER_BYTE:
        raise DataError(
            f"{printable(path)} declares {n_rows:,} images, more than its {size:,} bytes can hold: "
            "it is damaged. Copy or download it again."
        )
    return n_rows


def _layout(schema: Any, path: Path) -> Layout:
    types = need("pyarrow.types", "parquet", "Reading parquet files")
    image = next((name for name in IMAGE_COLUMNS if _is_of_images(schema, name, types)), None)
    label = _type_of(schema, LABEL)
    if label is not None and types.is_dictionary(label):
        label = label.value_type
    of_text = label is not None and (types.is_string(label) or types.is_large_string(label))
    if image is None or label is None or not (of_text or types.is_integer(label)):
        raise DataError(
            f"{printable(path)} has the columns {_columns(schema)}; expected is {EXPECTED}. Rename "
            "or convert them."
        )
    return Layout(image, of_text, None if of_text else _class_names(schema, path))


def _type_of(fields: Any, name: str) -> Any:
    """Return the type of the one field of this name in a schema or struct, or None."""
    place = fields.get_field_index(name)
    return None if place < 0 else fields.field(place).type


def _is_of_images(schema: Any, name: str, types: Any) -> bool:
    column = _type_of(schema, name)
    content = _type_of(column, "bytes") if column is not None and types.is_struct(column) else None
    return content is not None and (types.is_binary(content) or types.is_large_binary(content))


def _columns(schema: Any) -> str:
    cut = [f"{field.name[:TYPE_LENGTH]} ({str(field.type)[:TYPE_LENGTH]})" for field in schema]
    more = f" and {len(cut) - NAMED:,} more" if len(cut) > NAMED else ""
    return printable(", ".join(cut[:NAMED])) + more


def _class_names(schema: Any, path: Path) -> tuple[str, ...] | None:
    """Return what integer labels mean, from what Hugging Face writes beside the schema."""
    written = (schema.metadata or {}).get(b"huggingface", b"null")
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        raise DataError(
            f"{printable(path)}: what 'huggingface' says in its metadata is no JSON. Copy or "
            "download it again."
        ) from None
    for key in ("info", "features", LABEL, "names"):
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        return None
    texts = isinstance(found, list) and all(isinstance(name, str) for name in found)
    if not found or not texts or len(set(found)) < len(found):
        raise DataError(
            f"{printable(path)}: the class names in its metadata must be texts, at least one, and "
            "all different. Write the file anew."
        )
    return tuple(found)


def _difference(layouts: Sequence[Layout]) -> str:
    what = ("the column of images", "the type of labels", "the class names")
    pairs = zip(what, layouts[0], layouts[-1], strict=True)
    return " and ".join(words for words, first, last in pairs if first != last)


def _cells(shard: Shard, layout: Layout) -> Iterator[tuple[Any, Any]]:
    """Yield an image, as a dictionary, and a label from each row."""
    done = 0
    with _opened(shard.path) as file:
        columns = [layout.image, LABEL]
        # a few rows at a time: the images of a whole file may not fit in memory
        for batch in file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
            batch.validate(full=True)  # offsets that lie would lead anywhere
            done += batch.num_rows
            if done > shard.n_rows:
                break
            yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    if done != shard.n_rows:
        raise DataError(
            f"{printable(shard.path)} declares {shard.n_rows:,} rows, but holds "
            f"{'more' if done > shard.n_rows else f'only {done:,}'}. Copy or download it again."
        )


def _fault(image: Any, label: Any, names: tuple[str, ...] | None) -> str | None:
    """Return what is wrong with a row, or None."""
    if image is None or image["bytes"] is None:
        only_path = image is not None and image.get("path")
        return "holds only a path, not the image itself" if only_path else "has no image"
    if label is None or label == "":
        return "has no label"
    if names is None or 0 <= label < len(names):
        return None
    return (
        f"has no label ({NO_LABEL})"
        if label == NO_LABEL
        else f"the label {label} is none of 0 to {len(names) - 1}"
    )


SOURCE = FileSource(
    name="parquet",
    form="FILE.parquet, FOLDER",
    summary="image and label, as Hugging Face data sets have them",
    accepts=_accepts,
    files=_files,
    read=_read,
)
