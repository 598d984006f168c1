"""Where images come from: one table, one row for each kind of source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from imlogit.data.formats.conversions import conversion_of
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.readers import (
    archives,
    class_folders,
    csv_table,
    mnist,
    mnist_5k,
    numpy_files,
    openml,
    parquet,
)
from imlogit.data.readers.listing import Place, place_at
from imlogit.data.readers.published import cifar_binary, idx_folder, quick_draw, svhn
from imlogit.data.readers.source import FileSource, NamedSource
from imlogit.data.readers.trees import packed_folder
from imlogit.data.reading import Reading
from imlogit.data.remarks import say
from imlogit.errors import DataError, KindError, ParameterError
from imlogit.system.text import nearest_path, printable

# The first that accepts a source loads it; names come before files, and any folder is taken as
# one of class folders.
NAMED: tuple[NamedSource, ...] = (mnist_5k.SOURCE, mnist.SOURCE, openml.SOURCE)
ON_DISK: tuple[FileSource, ...] = (
    packed_folder.SOURCE,
    csv_table.SOURCE,
    archives.SOURCE,
    numpy_files.SOURCE,
    parquet.SOURCE,
    idx_folder.SOURCE,
    svhn.SOURCE,
    cifar_binary.SOURCE,
    quick_draw.SOURCE,
    class_folders.SOURCE,
)
SOURCES = (*NAMED, *ON_DISK)


class Found(NamedTuple):
    """A source: its row of the table, and where it is; its name where it is not on disk."""

    kind: NamedSource | FileSource
    place: str | Path

    def load(self, reading: Reading, progress: Progress | None = None) -> ImageSet:
        """Load its images, or what was kept of them.

        Raises
        ------
        DataError
            For a shape or layout of what is no rows of numbers, for a column of labels where
            there are no columns, and as `imlogit.load`.
        """
        self.check(reading)
        if isinstance(self.kind, NamedSource):
            found = self.kind.load(str(self.place), reading, progress)
        else:
            found = self.kind.load(Path(self.place), reading, progress)
        say(found.remarks)
        return found

    def check(self, reading: Reading) -> None:
        """Refuse options that say nothing of such a source.

        Raises
        ------
        DataError
        """
        of_rows = [name for name in ("shape", "layout") if getattr(reading, name) is not None]
        if of_rows and not self.kind.of_rows:
            words = " and ".join(f"{name}={getattr(reading, name)!r}" for name in of_rows)
            raise DataError(
                f"{printable(self.place)} brings images, not rows of numbers: leave {words} out.",
                parameter=of_rows[0],
            )
        elsewhere = [name for name in ("labels", "label_from") if getattr(reading, name)]
        if elsewhere and not self.kind.of_files:
            raise DataError(
                f"{printable(self.place)} is no folder of images: leave {elsewhere[0]}=... out.",
                parameter=elsewhere[0],
            )
        if reading.label_column is not None and not (self.kind.of_columns or reading.labels):
            raise DataError(
                f"{printable(self.place)} is no table with a column of labels: leave "
                f"label_column={reading.label_column!r} out.",
                parameter="label_column",
            )


def load(
    source: str | os.PathLike[str] = "mnist-5k",
    *,
    size: tuple[int, int] | None = None,
    fit: str = "crop",
    grey: bool = False,
    shape: tuple[int, ...] | None = None,
    layout: str | None = None,
    labels: str | None = None,
    label_from: str | None = None,
    label_column: str | int | None = None,
    skip_bad: bool = False,
    follow_links: bool = False,
    max_megapixels: float = 25.0,
    max_megabytes: float = 64.0,
    progress: Progress | None = None,
) -> ImageSet:
    """Load images by the name of their source, or by where they are.

    The first time, they are kept in the cache folder (``$IMLOGIT_CACHE``, or else the user's own);
    from then on they are verified and memory-mapped from there, as long as the files that they
    come from are as they were.

    Parameters
    ----------
    source : str or path-like, default="mnist-5k"
        A name from the table of sources, ``openml:NAME`` or ``openml:ID``, a file, a folder, or
        the name of a folder in ``$IMLOGIT_DATA``.
    size : tuple of int, optional
        (height, width) that every image is brought to, with antialiasing. By default images
        stay as they are, unless they differ in size or have more than 100,000 numbers: then a size
        is chosen, and said.
    fit : {"crop", "pad", "stretch"}, default="crop"
        What becomes of other proportions: the middle is taken, black is put beside, or they are
        not kept.
    grey : bool, default=False
        Convert colour to grey.
    shape : tuple of int, optional
        (height, width) or (height, width, channels) of images that are rows of numbers.
    layout : {"hwc", "chw"}, optional
        Whether the channels of a pixel stand together, or each channel is a plane of its own.
    labels : str, optional
        A table, CSV or TSV, of the files below a folder and their classes: where it is, from here
        or within the folder.
    label_from : str, optional
        Where in the names of files their class stands: a regular expression, of which the first
        group or else the whole match is the class, or a separator, such as "_", before the last of
        which it stands.
    label_column : str or int, optional
        The column of a table that names the classes, or its position from 0 (-1 is the last).
    skip_bad : bool, default=False
        Go on without files and rows that cannot be used; they are listed in ``skipped``.
    follow_links : bool, default=False
        Follow symbolic links that lead out of a folder.
    max_megapixels, max_megabytes : float
        Larger images and image files are refused.
    progress : callable, optional
        Called as ``progress(what, done, total)``; `total` is None where it is not known.

    Returns
    -------
    ImageSet
        The images, their labels, and where they came from.

    Raises
    ------
    BadItemsError
        For files or rows that cannot be used; its ``problems`` are all of them.
    DataError
        If there is no such source, or what it gives is damaged.
    DownloadError
        If no place had the data; says which were asked, and what to do.

    Examples
    --------
    >>> import imlogit
    >>> imlogit.load("mnist-5k").image_shape
    (28, 28)
    """
    reading = Reading(
        size=size,
        fit=fit,
        grey=grey,
        shape=shape,
        layout=layout,
        labels=labels,
        label_from=label_from,
        label_column=label_column,
        skip_bad=skip_bad,
        follow_links=follow_links,
        max_megapixels=max_megapixels,
        max_megabytes=max_megabytes,
    )
    return read(os.fspath(source), reading, progress)


def read(source: str, reading: Reading | None = None, progress: Progress | None = None) -> ImageSet:
    """Load images, as `load`, in a way that is one value."""
    reading, place = reading or Reading(), find_place(source)
    # While nothing below a folder has changed it is of the kind that it was, unlisted.
    if place is not None and place.is_folder:
        kept = class_folders.SOURCE.recall(place.path, reading)
        if kept is not None:
            say(kept.remarks)
            return kept
    return _find(source, place, reading).load(reading, progress)


def find(source: str, reading: Reading | None = None) -> Found:
    """Return the row of the table that a source belongs to, read in some way, and its place.

    Raises
    ------
    DataError
        If it belongs to none.
    """
    return _find(source, find_place(source), reading or Reading())


def recognise(source: str, place: Place | None) -> Found | None:
    """Return the source of a name, or the one at its place; None if there is none."""
    if place is None:
        return next((Found(row, source) for row in NAMED if row.accepts(source)), None)
    return next((Found(row, place.path) for row in ON_DISK if row.accepts(place)), None)


def find_place(source: str) -> Place | None:
    """Return what lies where a source says, here or in the user's folder of data sets.

    None where nothing does, and for a name of the table, whatever else bears it.
    """
    if "\0" in source or not source or any(row.accepts(source) for row in NAMED):
        return None
    here = Path(os.path.expanduser(source))  # noqa: PTH111 - Path's raises for unknown users
    place = place_at(here)
    home = os.environ.get("IMLOGIT_DATA")
    if place is None and home and not here.is_absolute() and ".." not in here.parts:
        place = place_at(Path(os.path.expanduser(home)) / source)  # noqa: PTH111
    return place


def _find(source: str, place: Place | None, reading: Reading) -> Found:
    """Return what lies at a place, or say what could."""
    if place is not None and place.is_folder and (reading.labels or reading.label_from):
        return Found(class_folders.SOURCE, place.path)
    found = recognise(source, place)
    if found is not None:
        return found
    if place is None:
        known = ", ".join(f"'{row.form}' ({row.summary})" for row in SOURCES[:2])
        folders = ("", os.environ.get("IMLOGIT_DATA", ""))
        guess = nearest_path(source, folders, [row.form for row in NAMED])
        raise DataError(
            f"There is no source of images named '{printable(source)}', and no such file or "
            f"folder.{guess} Known are: {known}, and openml:NAME. `imlogit data "
            "list` shows what can be read."
        )
    conversion = conversion_of(place.path)
    if conversion is not None:
        raise DataError(conversion)
    forms = ", ".join(dict.fromkeys(form for row in SOURCES for form in row.form.split(", ")))
    raise DataError(
        f"{printable(source)} is no source of labelled images: give one of {forms}. Single images "
        "are for `imlogit predict`."
    )


def given_images(
    given: Any, reading: Reading, progress: Progress | None, parameter: str, advice: str = ""
) -> ImageSet:
    """Return images as they are, or read from their source.

    Raises
    ------
    KindError
        For what is neither images nor the name of a source.
    ParameterError
        For images with options of reading: they are read already.
    """
    if isinstance(given, (str, os.PathLike)):
        return read(os.fspath(given), reading, progress)
    if not isinstance(given, ImageSet):
        raise KindError(
            f"{parameter} is of type {type(given).__name__}: give an ImageSet, or the name of a "
            f"source.{advice}",
            parameter=parameter,
        )
    for name in reading.chosen():
        raise ParameterError(f"{name}=... is for a source: these images are read.", parameter=name)
    return given
