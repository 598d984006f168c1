"""Where images come from: one table, one row for each source."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from imlogit.data import mnist, mnist_5k
from imlogit.data.download import Progress
from imlogit.data.image_set import ImageSet
from imlogit.errors import DataError


class Loader(Protocol):
    """What a source's file offers."""

    def __call__(self, progress: Progress | None = None) -> ImageSet:
        """Load the images."""
        ...


class Source(NamedTuple):
    """A place that images come from."""

    name: str
    summary: str
    load: Loader


SOURCES: tuple[Source, ...] = (
    Source(mnist_5k.NAME, "5,000 images of MNIST, embedded: no download", mnist_5k.load),
    Source(mnist.NAME, "all 70,000 images of MNIST, 11 MB to download once", mnist.load),
)


def load(source: str = "mnist-5k", *, progress: Progress | None = None) -> ImageSet:
    """Load images by the name of their source.

    The first time, they are kept in the cache folder (``$IMLOGIT_CACHE``, or else the user's own);
    from then on they are verified and memory-mapped from there.

    Parameters
    ----------
    source : str, default="mnist-5k"
        A name from the table of sources.
    progress : callable, optional
        Called as ``progress(what, done, total)`` during downloads, in bytes; `total` is None where
        it is not known.

    Returns
    -------
    ImageSet
        The images, their labels, and where they came from.

    Raises
    ------
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
    for row in SOURCES:
        if row.name == source:
            return row.load(progress)
    known = ", ".join(f"'{row.name}' ({row.summary})" for row in SOURCES)
    raise DataError(f"There is no source of images named '{source}'. Known are: {known}.")
