"""Files of images that were found, with their classes -> ImageSet."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode_many import Decoded, Encoded, decode_all
from imlogit.data.problems import BadItem, raise_or_skip
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.parts import Parts
from imlogit.data.reading import Reading


@dataclass
class PartFiles:
    """The image files of a part, their classes, and what is wrong before any is opened.

    Attributes
    ----------
    files : list of Encoded
    classes : list of str
        One for each file.
    problems : list of BadItem
    """

    files: list[Encoded] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    problems: list[BadItem] = field(default_factory=list)


class FileListing(NamedTuple):
    """The image files of all parts, and what `ImageSet` calls them and where they came from."""

    parts: Parts[PartFiles]
    name: str
    origin: str


def read_listed(
    listing: FileListing, reading: Reading, progress: Progress | None = None
) -> ImageSet:
    """Decode the files of all parts.

    Parameters
    ----------
    listing : FileListing
    reading : Reading
    progress : callable, optional
        Told how many images are decoded.

    Raises
    ------
    BadItemsError
        For files that cannot be used, unless they are to be passed over.
    DataError
        For images of different sizes where these cannot be chosen, and parts that do not fit
        together.
    """
    parts, name, origin = listing
    present = parts.present
    found = [file for part in present for file in part.files]
    decoded = decode_all(found, len(found), reading, progress)
    listed_before = [problem for part in present for problem in part.problems]
    skipped = raise_or_skip(
        sorted((*listed_before, *decoded.problems), key=lambda problem: problem.where),
        source=name,
        n_items=len(found) + len(listed_before),
        skip_bad=reading.skip_bad,
        items="files",
    )
    ends = np.cumsum([0, *(len(part.files) for part in present)])
    named = [
        _named(part, decoded, slice(start, stop))
        for part, (start, stop) in zip(present, pairwise(ends.tolist()), strict=True)
    ]
    train, *others = named
    rest = iter(others)
    validation, test = (None if part is None else next(rest) for part in parts[1:])
    return assemble(
        train,
        test,
        name=name,
        origin=origin,
        skipped=skipped,
        validation=validation,
        fit=decoded.fit,
    )


def _named(part: PartFiles, decoded: Decoded, files: slice) -> Named:
    """Return the images of a part that could be decoded; ``files`` are its own among all."""
    good = decoded.good[files]
    first = int(decoded.good[: files.start].sum())
    kept = np.flatnonzero(good).tolist()
    return Named(
        decoded.images[first : first + len(kept)],
        [part.classes[k] for k in kept],
        [part.files[k].where for k in kept],
    )
