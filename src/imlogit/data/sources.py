"""Where images come from: one table, one row for each kind of source."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol

from imlogit.data.cache import notes
from imlogit.data.image_set import ImageSet
from imlogit.data.images.resize import conform
from imlogit.data.progress import Progress
from imlogit.data.readers import (
    class_folders,
    csv_table,
    idx_folder,
    mnist,
    mnist_5k,
    numpy_files,
    openml,
    parquet,
)
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.text import printable


class Room(Protocol):
    """What the file of a source offers; of things on disk, as modules have it."""

    def accepts(self, path: Path, /) -> bool:
        """Whether a path is one, by its name and, for a folder, what lies in it."""
        ...

    def files(self, path: Path, /) -> Sequence[Path]:
        """Return the files and folders that it consists of: unless they change, it does not."""
        ...

    def read(self, path: Path, reading: Reading, progress: Progress | None, /) -> ImageSet:
        """Read the images."""
        ...


class Source(NamedTuple):
    """A kind of place that images come from.

    Attributes
    ----------
    name : str
    form : str
        How such a source is written.
    summary : str
    accepts : callable
        Whether a text names one.
    load : callable
        Loads it, or what was kept of it.
    of_rows : bool
        Whether its images may come as rows of numbers, which ``shape`` and ``layout`` describe.
    """

    name: str
    form: str
    summary: str
    accepts: Callable[[str], bool]
    load: Callable[[str, Reading, Progress | None], ImageSet]
    of_rows: bool = False


def _known(name: str, summary: str, load: Callable[[Progress | None], ImageSet]) -> Source:
    """Return the row of a data set that has a name here, and a cache by its published hashes."""
    return Source(
        name,
        name,
        summary,
        lambda source: source == name,
        lambda _, reading, progress: conform(load(progress), reading),
    )


def _online(name: str, form: str, summary: str, room: ModuleType) -> Source:
    """Return the row of a service, whose data sets are kept once they are fetched."""

    def load(source: str, reading: Reading, progress: Progress | None) -> ImageSet:
        def fetch() -> ImageSet:
            return conform(room.read(source, reading, progress), reading)

        return notes.cached(name, source, reading, list, fetch)

    return Source(name, form, summary, room.accepts, load, of_rows=True)


def _on_disk(name: str, form: str, summary: str, room: Room, *, of_rows: bool = False) -> Source:
    """Return the row of a kind of file or folder, which is kept until it changes."""

    def accepts(source: str) -> bool:
        place = find_path(source)
        return place is not None and room.accepts(place)

    def load(source: str, reading: Reading, progress: Progress | None) -> ImageSet:
        place = find_path(source) or Path(source)

        def fetch() -> ImageSet:
            return conform(room.read(place, reading, progress), reading)

        where = os.path.realpath(place)
        return notes.cached(name, where, reading, lambda: room.files(place), fetch)

    return Source(name, form, summary, accepts, load, of_rows)


# The first that accepts a source loads it; any folder is taken as one of class folders.
SOURCES: tuple[Source, ...] = (
    _known(mnist_5k.NAME, "5,000 images of MNIST, embedded: no download", mnist_5k.load),
    _known(mnist.NAME, "all 70,000 images of MNIST, 11 MB to download once", mnist.load),
    _online("openml", "openml:NAME, openml:ID", "a data set of images on OpenML", openml),
    _on_disk("csv", "FILE.csv", "label,pixel0,pixel1,...: a row an image", csv_table, of_rows=True),
    _on_disk(
        "numpy",
        "FILE.npz, FILE.npy",
        "x_train, y_train, x_test, y_test, or images, labels",
        numpy_files,
        of_rows=True,
    ),
    _on_disk(
        "parquet",
        "FILE.parquet, FOLDER",
        "image and label, as Hugging Face data sets have them",
        parquet,
    ),
    _on_disk("idx", "FOLDER", "IDX files, as MNIST was published", idx_folder),
    _on_disk(
        "folder",
        "FOLDER",
        "a folder for each class, or such folders in train/ and test/",
        class_folders,
    ),
)


def load(
    source: str | os.PathLike[str] = "mnist-5k",
    *,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    shape: tuple[int, ...] | None = None,
    layout: str | None = None,
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
        (height, width) that every image is brought to, with antialiasing.
    grey : bool, default=False
        Convert colour to grey.
    shape : tuple of int, optional
        (height, width) or (height, width, channels) of images that are rows of numbers.
    layout : {"hwc", "chw"}, optional
        Whether the channels of a pixel stand together, or each channel is a plane of its own.
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
        grey=grey,
        shape=shape,
        layout=layout,
        skip_bad=skip_bad,
        follow_links=follow_links,
        max_megapixels=max_megapixels,
        max_megabytes=max_megabytes,
    )
    return read(os.fspath(source), reading, progress)


def read(source: str, reading: Reading | None = None, progress: Progress | None = None) -> ImageSet:
    """Load images, as `load`, in a way that is one value."""
    reading = reading or Reading()
    kind = find(source)
    of_rows = [name for name in ("shape", "layout") if getattr(reading, name) is not None]
    if of_rows and not kind.of_rows:
        words = " and ".join(f"{name}={getattr(reading, name)!r}" for name in of_rows)
        raise DataError(
            f"{printable(source)} brings images, not rows of numbers: leave {words} out.",
            parameter=of_rows[0],
        )
    return kind.load(source, reading, progress)


def find(source: str) -> Source:
    """Return the row of the table that a source belongs to.

    Raises
    ------
    DataError
        If it belongs to none.
    """
    for row in SOURCES:
        if row.accepts(source):
            return row
    if find_path(source) is None:
        known = ", ".join(f"'{row.form}' ({row.summary})" for row in SOURCES[:2])
        raise DataError(
            f"There is no source of images named '{printable(source)}', and no such file or "
            f"folder. Known are: {known}, and openml:NAME. `imlogit data list` shows what can be "
            "read."
        )
    forms = ", ".join(dict.fromkeys(form for row in SOURCES for form in row.form.split(", ")))
    raise DataError(
        f"{printable(source)} is no source of labelled images: give one of {forms}. Single images "
        "are for `imlogit predict`."
    )


def find_path(source: str) -> Path | None:
    """Return the path that a source names, here or in the user's folder of data sets."""
    if "\0" in source or not source:
        return None
    here = Path(source).expanduser()
    if os.path.lexists(here):
        return here
    home = os.environ.get("IMLOGIT_DATA")
    if home and not here.is_absolute() and ".." not in here.parts:
        there = Path(home).expanduser() / source
        if os.path.lexists(there):
            return there
    return None
