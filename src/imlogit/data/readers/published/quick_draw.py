"""A folder of one .npy file for each class, as Quick, Draw! was published."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.formats.npy import ENDING, opened, read_npy, refusing
from imlogit.data.image_set import ImageSet
from imlogit.data.images.room import check_room
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import Place, is_hidden
from imlogit.data.readers.numpy_files import NAMINGS, OF_A_NAME
from imlogit.data.readers.pixel_values import as_images, as_pixels
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.text import by, printable

# What browsers make of the path below which the files lie.
OF_DOWNLOADS = re.compile("full(_|%2F)numpy_bitmap(_|%2F)")
OF_SETS = frozenset(name for naming in NAMINGS for pair in naming.present for name in pair)


def _class_of(name: str) -> str:
    """Return the class whose images a file holds."""
    return OF_DOWNLOADS.sub("", name[: -len(ENDING)], count=1)


def _of_classes(names: Sequence[str]) -> list[str]:
    """Return the files of classes; none where a name is one of arrays of images or labels."""
    files = sorted(name for name in names if name.lower().endswith(ENDING))
    bare = [name[: -len(ENDING)].lower() for name in files]
    if any(name in OF_SETS or OF_A_NAME.fullmatch(name) for name in bare):
        return []
    return files


def _accepts(place: Place) -> bool:
    """Whether a folder holds two such files, and no folder: those may be of classes."""
    return place.is_folder and len(_of_classes(place.names)) > 1 and not place.folders


def _files(path: Path) -> list[Path]:
    with refusing(printable(path)), os.scandir(path) as entries:
        names = [entry.name for entry in entries if not is_hidden(entry.name)]
    return [path / name for name in _of_classes(names)]


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read the images of each class.

    Parameters
    ----------
    path : Path
    reading : Reading
    progress : callable, optional
        Told how many files are read.

    Raises
    ------
    DataError
        For two files of one class, images of different sizes or more than memory holds, and
        arrays that are not what they claim.
    """
    files = _files(path)
    classes = [_class_of(file.name) for file in files]
    twice = [name for name in classes if classes.count(name) > 1]
    if twice:
        raise DataError(
            f"{printable(path)} holds several files of {printable(twice[0])}. Leave one."
        )
    # near enough: all but the header of a file is pixels
    check_room(sum(map(_size, files)), (1,))
    images: list[Pixels] = []
    for done, file in enumerate(files, 1):
        images.append(_images(file, reading))
        if images[-1].shape[1:] != images[0].shape[1:]:
            raise DataError(
                f"{printable(file)} holds images of {by(images[-1].shape[1:])}, but "
                f"{printable(files[0].name)} of {by(images[0].shape[1:])}."
            )
        if progress is not None:
            progress("reading classes", done, len(files))
    return assemble(
        Named(
            np.concatenate(images),
            [name for name, some in zip(classes, images, strict=True) for _ in range(len(some))],
        ),
        None,
        name=printable(path.resolve().name),
        origin="a NumPy .npy file for each class",
    )


def _size(file: Path) -> int:
    with opened(file) as (_, size):
        return size


def _images(path: Path, reading: Reading) -> Pixels:
    where = printable(path)
    with opened(path) as (file, size):
        values = read_npy(file, size, where)
    return as_images(as_pixels(values, where), reading, where)


SOURCE = FileSource(
    name="quickdraw",
    form="FOLDER",
    summary="a .npy file for each class, as Quick, Draw! was published",
    accepts=_accepts,
    files=_files,
    read=_read,
    of_rows=True,
)
