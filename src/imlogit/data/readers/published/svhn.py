"""The MATLAB files of the Street View House Numbers: train_32x32.mat, test_32x32.mat."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imlogit.data.formats.conversions import HDF5, MATLAB, how_to_convert
from imlogit.data.formats.mat5 import Variable, find_variables, read_variable
from imlogit.data.formats.npy import opened, refusing
from imlogit.data.image_set import ImageSet
from imlogit.data.images.room import check_room
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import Place
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.text import by, first_of, printable

ENDING = ".mat"
TRAIN, TEST, EXTRA = "train_32x32.mat", "test_32x32.mat", "extra_32x32.mat"
PUBLISHED = frozenset({TRAIN, TEST, EXTRA})
IMAGES, LABELS = "X", "y"
# MATLAB counts from 1, so that the digit 0 has this label.
ZERO = 10
MATLAB_7_3 = b"MATLAB 7.3"


def _accepts(place: Place) -> bool:
    if place.is_folder:
        return TRAIN in place.names
    return place.path.name.lower().endswith(ENDING)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return [path / name for name in (TRAIN, TEST) if os.path.lexists(path / name)]


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read one file, or the training and the test file of a folder.

    Parameters
    ----------
    path : Path
    reading : Reading
        The files say themselves how an image lies in them.
    progress : callable, optional
        Not told: there is nothing to decode.

    Raises
    ------
    DataError
        For files of other variables, of MATLAB 7.3, and damaged ones.
    """
    files = _files(path)
    if path not in files and os.path.lexists(path / EXTRA):
        warnings.warn(f"{printable(path)}: left out: {EXTRA}", UserWarning, stacklevel=2)
    parts = [_read_part(file) for file in files]
    images = assemble(
        parts[0],
        parts[1] if len(parts) > 1 else None,
        name=printable(path.resolve().name if path not in files else path.stem),
        origin="MATLAB files as those of SVHN",
    )
    return replace(images, of_digits={file.name for file in files} <= PUBLISHED)


def _read_part(path: Path) -> Named:
    where = printable(path)
    with opened(path) as (file, size), refusing(where):
        if file.read(len(MATLAB_7_3)) == MATLAB_7_3:
            raise DataError(
                f"{where} is of MATLAB 7.3, an HDF5 file inside: {how_to_convert(path, HDF5)}"
            )
        file.seek(0)
        held = find_variables(file, size, where)
        _check_variables(held, path)
        images, labels = (read_variable(file, held[name]) for name in (IMAGES, LABELS))
    return Named(np.ascontiguousarray(np.moveaxis(images, 3, 0)), _digits(labels.ravel(), where))


def _check_variables(held: dict[str, Variable], path: Path) -> None:
    """Check that images and labels are there and fit into memory, before they are read."""
    images, labels = held.get(IMAGES), held.get(LABELS)
    if images is None or labels is None or not _are_images(images) or labels.dtype is None:
        variables = [
            f"{one.name} ({by(one.shape)}, {one.dtype or 'other'})" for one in held.values()
        ]
        raise DataError(
            f"{printable(path)} holds {first_of(variables) or 'nothing'}, and not {IMAGES} "
            f"(h x w x 3 x n, uint8) and {LABELS} (n x 1), as SVHN's files do: "
            f"{how_to_convert(path, MATLAB)}"
        )
    n = images.shape[3]
    if math.prod(labels.shape) != n:
        raise DataError(
            f"{printable(path)} holds {n:,} images, but {math.prod(labels.shape):,} labels."
        )
    check_room(n, images.shape[:3])


def _are_images(variable: Variable) -> bool:
    shape = variable.shape
    return variable.dtype == "uint8" and len(shape) == 4 and shape[2] == 3 and 0 not in shape


def _digits(labels: npt.NDArray[Any], where: str) -> Sequence[str]:
    """Return the names of labels, from 1 to 10 (or 0), of which 10 is the digit 0."""
    whole = labels.dtype.kind in "iuf" and bool((labels == np.rint(labels)).all())
    if not whole or labels.min() < 0 or labels.max() > ZERO or (0 in labels and ZERO in labels):
        raise DataError(f"{where}: the labels are not from 1 to {ZERO}, as those of SVHN are.")
    return [str(label) for label in (labels.astype(int) % ZERO).tolist()]


SOURCE = FileSource(
    name="svhn",
    form="FILE.mat, FOLDER",
    summary="train_32x32.mat, as SVHN was published",
    parts="`train_32x32.mat` and `test_32x32.mat`",
    accepts=_accepts,
    files=_files,
    read=_read,
)
