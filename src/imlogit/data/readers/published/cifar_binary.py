"""The binary version of CIFAR-10 and CIFAR-100: a label, or two, and 3,072 bytes an image."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.formats.npy import opened, refusing
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import is_hidden
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.regular_file import read_regular
from imlogit.system.text import printable

SHAPE = (3, 32, 32)
IMAGE_BYTES = 3072
# The names of all classes, a line each, take a few hundred.
NAMES_BYTES = 1 << 16


class Version(NamedTuple):
    """One of the two data sets: its files, how many labels an image has, of which the last counts.

    Attributes
    ----------
    train : re.Pattern
        Matches the names of all its training files.
    """

    title: str
    train: re.Pattern[str]
    test: str
    names: str
    n_labels: int


VERSIONS = (
    Version("CIFAR-10", re.compile(r"data_batch_\d\.bin"), "test_batch.bin", "batches.meta.txt", 1),
    Version("CIFAR-100", re.compile(r"train\.bin"), "test.bin", "fine_label_names.txt", 2),
)


def _version(names: Sequence[str]) -> Version | None:
    """Return the data set that a folder with these names holds, if it is one."""
    for version in VERSIONS:
        is_there = any(map(version.train.fullmatch, names))
        if is_there and (version.n_labels == 1 or version.names in names):
            return version
    return None


def _listed(folder: Path) -> tuple[Version, list[Path]]:
    """Return the data set of a folder and its training files, in order."""
    with refusing(printable(folder)), os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not is_hidden(entry.name))
    version = _version(names)
    if version is None:
        raise DataError(f"{printable(folder)} holds no data_batch_1.bin, and no train.bin.")
    return version, [folder / name for name in names if version.train.fullmatch(name)]


def _files(path: Path) -> list[Path]:
    version, train = _listed(path)
    beside = [path / name for name in (version.test, version.names)]
    return [*train, *(file for file in beside if os.path.lexists(file))]


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read all training files of a folder and, where it is there, the test file.

    Parameters
    ----------
    path : Path
    reading : Reading
        All images are 32 x 32 and in colour.
    progress : callable, optional
        Not told: there is nothing to decode.

    Raises
    ------
    DataError
        For files that are cut short, and labels beyond the names of the classes.
    """
    version, train = _listed(path)
    names = _class_names(path / version.names)
    test = path / version.test
    return assemble(
        _read_part(train, version, names),
        _read_part([test], version, names) if os.path.lexists(test) else None,
        name=printable(path.resolve().name),
        origin=f"the binary version of {version.title}",
        class_names=names or None,
    )


def _class_names(path: Path) -> list[str]:
    """Return the names in a file, a line each; none where there is no file."""
    if not os.path.lexists(path):
        return []
    with refusing(printable(path)):
        return read_regular(path, NAMES_BYTES).decode().split()


def _read_part(files: Sequence[Path], version: Version, names: Sequence[str]) -> Named:
    rows = np.concatenate([_records(file, version) for file in files])
    labels = rows[:, version.n_labels - 1]
    if names and labels.max() >= len(names):
        raise DataError(
            f"{printable(files[0].parent)}: there is a label {labels.max()}, but {version.names} "
            f"has {len(names)} names, for labels from 0 on."
        )
    images = rows[:, version.n_labels :].reshape(-1, *SHAPE).transpose(0, 2, 3, 1)
    classes = [names[label] if names else str(label) for label in labels.tolist()]
    return Named(np.ascontiguousarray(images), classes)


def _records(path: Path, version: Version) -> Pixels:
    """Return the bytes of a file's images, a row each, with the labels in front."""
    where, record = printable(path), version.n_labels + IMAGE_BYTES
    with opened(path) as (file, size), refusing(where):
        if not size or size % record:
            raise DataError(
                f"{where} has {size:,} bytes, not a multiple of {record:,}, which an image of "
                f"{version.title} takes: it is cut short, or something else. Unpack it again."
            )
        return np.fromfile(file, np.uint8).reshape(-1, record)


SOURCE = FileSource(
    name="cifar",
    form="FOLDER",
    summary="the binary version of CIFAR-10 or CIFAR-100",
    parts="`data_batch_*.bin` and `test_batch.bin`, or `train.bin` and `test.bin`",
    accepts=lambda place: place.is_folder and _version(place.names) is not None,
    files=_files,
    read=_read,
)
