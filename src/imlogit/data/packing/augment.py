"""`imlogit data augment`: a source with deformed copies of its training images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imlogit.arrays import Rows
from imlogit.data.cache.packed.manifest import PARTS
from imlogit.data.cache.packed.workplace import Content
from imlogit.data.image_set import ImageSet
from imlogit.data.packing.filling import (
    SHARD_BYTES,
    Described,
    Piece,
    Work,
    bytes_of,
    check_shard_bytes,
    cut,
    destination,
    fill,
    of_images,
)
from imlogit.data.progress import Progress
from imlogit.data.reading import Reading
from imlogit.data.sources import find_place, given_images
from imlogit.data.split import split
from imlogit.errors import ParameterError

MOST_COPIES = 10_000
LARGEST_SEED = 2**32 - 1
# Raised when the same images would be deformed otherwise.
VERSION = 1


def augment(
    source: Any,
    dest: str | os.PathLike[str],
    *,
    copies: int,
    seed: int = 0,
    test_size: float = 0.2,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress | None = None,
    **reading: Any,
) -> ImageSet:
    """Pack images with copies of the training images, a little turned, moved, scaled and bent.

    Copies follow on the image that they are of, and are of its fold wherever folds are drawn. The
    validation and the test part are carried over as they are. What becomes of an image depends on
    the seed, its number in the source and the number of the copy, and on nothing else.

    Parameters
    ----------
    source : ImageSet, str or path-like
        Images, or their source as `imlogit.load` takes it.
    dest : path-like
        As `imlogit.pack` takes it.
    copies : int
        Of each training image.
    seed : int, default=0
        Of the deformations, and of the draw of a test part.
    test_size : float, default=0.2
        The share of each class that is drawn as the test part, where the source brings none: it
        is the one that ``imlogit.train(source, seed=seed)`` draws.
    shard_bytes, progress, **reading
        As `imlogit.pack` takes them.

    Returns
    -------
    ImageSet
        As ``imlogit.load(dest)`` returns it.

    Raises
    ------
    BadItemsError, DataError, OutputError
        As `imlogit.pack`.
    ParameterError
        For a number of copies or a seed out of range.
    """
    check_shard_bytes(shard_bytes)
    _check(copies, seed)
    place = find_place(os.fspath(source)) if isinstance(source, (str, os.PathLike)) else None
    folder = destination(dest, None if place is None else Path(place.path))
    images = given_images(source, Reading(**reading), progress, "source")
    return fill(folder, _work(images, copies, seed, test_size, shard_bytes), progress)


def _check(copies: int, seed: int) -> None:
    for name, value, least, most in (
        ("copies", copies, 1, MOST_COPIES),
        ("seed", seed, 0, LARGEST_SEED),
    ):
        if type(value) is not int or not least <= value <= most:
            raise ParameterError(
                f"{name}={value!r}: give a whole number from {least} to {most:,}.", parameter=name
            )


def _work(images: ImageSet, copies: int, seed: int, test_size: float, shard_bytes: int) -> Work:
    from imlogit.data.images.deform import deformed_copies

    rows = _rows_of_parts(images, test_size, seed)
    every = np.concatenate(rows)

    def make(pieces: Sequence[Piece], progress: Progress | None) -> Iterator[Content]:
        for number, (_, part, start, stop) in enumerate(pieces, start=1):
            some, times = every[start:stop], 1
            found = np.asarray(images.images[some])
            if part == PARTS[0]:
                found, times = deformed_copies(found, some, copies, seed), copies + 1
            yield Content(found, np.repeat(images.labels[some], times), _names(images, some, times))
            if progress is not None:
                progress("deforming images", number, len(pieces))

    drawn = "" if images.has_test else f"; test part drawn by class, seed {seed}"
    described = Described(
        name=images.name,
        origin=f"{images.origin}; {copies} deformed of each training image, seed {seed}{drawn}",
        class_names=images.class_names,
        fit=images.fit,
        of_digits=images.of_digits,
        remarks=images.remarks,
        copies=(images.copies + 1) * (copies + 1) - 1,
    )
    chosen = {"version": VERSION, "times": copies, "seed": seed, "test_size": test_size}
    largest = bytes_of(images.image_shape) * (copies + 1)
    return Work(
        plan=of_images(images, "augment", shard_bytes) | chosen,
        pieces=cut([len(part) for part in rows], largest, shard_bytes),
        make=make,
        describe=lambda _: described,
        skipped=images.skipped,
    )


def _rows_of_parts(images: ImageSet, test_size: float, seed: int) -> tuple[Rows, Rows, Rows]:
    """Return the rows of the training, validation and test part; that is drawn if there is none."""
    parts = split(images, test_size, seed)
    train = np.sort(parts.train[~parts.validation])
    return train, np.sort(parts.train[parts.validation]), parts.test


def _names(images: ImageSet, rows: Rows, times: int) -> list[str]:
    """Return what images and their copies are called; nothing where images have no names."""
    if not len(images.names):
        return []
    names = [images.names[row] for row in rows.tolist()]
    return [f"{name} (copy {copy})" if copy else name for name in names for copy in range(times)]
