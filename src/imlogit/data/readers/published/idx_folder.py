"""A folder of IDX files, as MNIST and the data sets made after it were published."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imlogit.data.formats.idx import read_idx
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import is_hidden
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

# What the names of image files say, and those of the label files that belong to them.
IMAGES, LABELS = ("images", "idx3"), ("labels", "idx1")
ZIPPED = ".gz"
OF_TEST = frozenset({"t10k", "test"})
ORIGIN = "IDX files"
ALONE = "Put the two or four files of the one that you want into a folder of its own"


class FilePair(NamedTuple):
    """A file of images and the file of their labels."""

    images: Path
    labels: Path


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read the training images of a folder, and its test images where there are some.

    Parameters
    ----------
    path : Path
    reading : Reading
        IDX files say themselves how an image lies in them.
    progress : callable, optional
        Not told: there is nothing to decode.

    Raises
    ------
    DataError
        For several data sets in one folder, images without labels, and damaged files.
    """
    parts = [_read_pair(pair) for pair in _pairs(path)]
    return assemble(
        parts[0],
        parts[1] if len(parts) > 1 else None,
        name=printable(path.resolve().name),
        origin=ORIGIN,
    )


def _image_names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not is_hidden(entry.name)]
    return sorted(name for name in names if IMAGES[1] in name)


def _pairs(folder: Path) -> list[FilePair]:
    """Return the files of the training part and, where there is one, of the test part."""
    try:
        names = _image_names(folder)
    except OSError as error:
        raise DataError(
            f"{printable(folder)} cannot be read ({error.strerror or error}). Change its "
            "permissions."
        ) from error
    # one set where the packed file was left beside the unpacked one, which sorts before it
    sets = {_bare(name): name for name in reversed(names)}
    test = [bare for bare in sorted(sets) if _is_test(bare)]
    train = [bare for bare in sorted(sets) if not _is_test(bare)]
    if len(train) != 1 or len(test) > 1:
        raise DataError(_unclear(folder, train, test))
    return [_pair(folder, sets[bare]) for bare in train + test]


def _bare(name: str) -> str:
    """Return a name without what differs from copy to copy: packed or not, dot or hyphen."""
    return name.removesuffix(ZIPPED).replace(".idx", "-idx")


def _is_test(name: str) -> bool:
    return not OF_TEST.isdisjoint(re.split("[^a-z0-9]+", name.lower()))


def _unclear(folder: Path, train: Sequence[str], test: Sequence[str]) -> str:
    name = printable(folder.resolve().name)
    if not train:
        what = f"all IDX files are of a test part ({first_of(test)})" if test else "no IDX images"
        return f"{name}: {what}. Put the training images beside them, named train-images-idx3-ubyte"
    return (
        f"{name}: there is one training part and at most one test part in a folder, but these are "
        f"{_counted(train, 'training')} and {_counted(test, 'test')}. {ALONE}."
    )


def _counted(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what} parts" + (f" ({first_of(names)})" if names else "")


def _pair(folder: Path, images: str) -> FilePair:
    """Find the labels of an image file, under the names that archives and browsers give them."""
    labels = _bare(images)
    for of_images, of_labels in zip(IMAGES, LABELS, strict=True):
        labels = labels.replace(of_images, of_labels)
    for name in (labels, labels.replace("-idx", ".idx")):
        for path in (folder / name, folder / f"{name}{ZIPPED}"):
            if os.path.lexists(path):
                return FilePair(folder / images, path)
    raise DataError(
        f"{printable(folder / images)}: there is no file of its labels beside it, "
        f"{printable(labels)}, gzipped or not. Put it there."
    )


def _read_pair(pair: FilePair) -> Named:
    images, labels = read_idx(pair.images, 3), read_idx(pair.labels, 1)
    if len(images) != len(labels):
        raise DataError(
            f"{printable(pair.images)} holds {len(images):,} images, but "
            f"{printable(pair.labels.name)} {len(labels):,} labels. Do the two files belong "
            "together?"
        )
    return Named(images, list(map(str, labels.tolist())))


SOURCE = FileSource(
    name="idx",
    form="FOLDER",
    summary="IDX files, as MNIST was published",
    parts="`t10k` or `test` in the name",
    accepts=lambda place: place.is_folder and any(IMAGES[1] in name for name in place.names),
    files=lambda path: [file for pair in _pairs(path) for file in pair],
    read=_read,
)
