"""Any data set of images on OpenML, by its name or its number: ``openml:NAME`` or ``openml:ID``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from imlogit.data.image_set import ImageSet
from imlogit.data.network.download import Patience, offline
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.pixel_values import as_images, as_pixels
from imlogit.data.readers.source import NamedSource
from imlogit.data.reading import Reading
from imlogit.errors import DataError, DownloadError
from imlogit.system.text import printable

PREFIX = "openml:"
# What data sets of digits are called there, in small letters.
OF_DIGITS = frozenset({"mnist_784", "optdigits", "svhn", "usps"})
# CIFAR-10, the largest of the well-known ones, takes some 650 MB unpacked.
MAX_BYTES = 2_000_000_000


def _read(
    source: str,
    reading: Reading,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> ImageSet:
    """Fetch a data set from OpenML; all of it is the training part.

    Parameters
    ----------
    source : str
        ``openml:NAME``, of which the active version is taken, or ``openml:ID``.
    reading : Reading
        Its ``shape`` and ``layout`` say how a row is an image.
    progress : callable, optional
        Told of every piece that arrives.
    patience : Patience, optional
        How long to wait, and how often to try.

    Raises
    ------
    DownloadError
        If it cannot be had.
    DataError
        If it is not of images.
    """
    wanted = source.removeprefix(PREFIX)
    if not wanted:
        raise DataError(f"'{source}' names no data set: give openml:NAME or openml:ID.")
    if offline():
        raise DownloadError(f"{source} was not asked for, because IMLOGIT_OFFLINE is set.")
    from imlogit.data.network import (
        openml_api,  # its urllib.request would double the time of `import imlogit`
    )

    which: dict[str, Any] = (
        {"data_id": int(wanted)} if wanted.isdecimal() else {"name": wanted, "version": "active"}
    )
    try:
        found, redirected = openml_api.fetch_table(
            # types as they come: scikit-learn's choice for classes fails from pandas 3.1 on
            which,
            {},
            max_bytes=MAX_BYTES,
            patience=patience or Patience(),
            progress=progress,
        )
    except DataError as error:
        raise DownloadError(
            f"{source} could not be fetched: {error}. Is the name right, and is OpenML up? "
            "https://www.openml.org lists what there is."
        ) from error
    images = _image_set(found, source, reading)
    return replace(images, origin=printable(images.origin + redirected))


def _image_set(found: Any, source: str, reading: Reading) -> ImageSet:
    details = found.details
    name = printable(str(details.get("name", source.removeprefix(PREFIX))))
    if found.target is None or not isinstance(found.data, np.ndarray) or found.data.ndim != 2:
        raise DataError(f"{source} is no table of numbers with one label a row, and no images.")
    values = found.data
    if values.dtype == object:
        raise DataError(f"{source} has columns that are no numbers: it is not of images.")
    rows = as_pixels(values, source)
    images = assemble(
        Named(as_images(rows, reading, source), _labels(found.target, source)),
        None,
        name=name,
        origin=f"OpenML data set {details.get('id', '?')}, {name} version "
        f"{details.get('version', '?')}",
    )
    return replace(images, of_digits=name.lower() in OF_DIGITS)


def _labels(target: Iterable[Any], source: str) -> list[str]:
    """Return labels as text: 5, not 5.0, and without the quotes that ARFF may put around them.

    Raises
    ------
    DataError
        For a row without a label.
    """
    target = list(target)
    for row, label in enumerate(target):
        if label is None or label != label:
            raise DataError(f"{source}: row {row} has no label.")
    numbers = (int(x) if isinstance(x, float) and x.is_integer() else x for x in target)
    return [str(x).strip("'\"") for x in numbers]


SOURCE = NamedSource(
    name="openml",
    form="openml:NAME, openml:ID",
    summary="a data set of images on OpenML",
    accepts=lambda source: source.startswith(PREFIX),
    read=lambda source, reading, progress: _read(source, reading, progress),
    of_rows=True,
)
