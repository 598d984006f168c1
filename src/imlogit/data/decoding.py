"""Many encoded images -> one array of pixels, by several processes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imlogit.data.download import Progress
from imlogit.data.image_set import Pixels
from imlogit.data.problems import Problem
from imlogit.data.reading import Reading


class Encoded(NamedTuple):
    """An image file, or its bytes, and what a problem with it is to be called by."""

    where: str
    content: Path | bytes


class Decoded(NamedTuple):
    """The images that could be decoded, in order.

    Attributes
    ----------
    images : ndarray of uint8, shape (n_good, h, w) or (n_good, h, w, 3)
        Grey where all are grey (or are to be), else RGB.
    good : ndarray of bool, shape (n,)
        Which ones could be.
    problems : tuple of Problem
        One for each of the others.
    """

    images: Pixels
    good: npt.NDArray[np.bool_]
    problems: tuple[Problem, ...]


def decode_all(
    encoded: Iterable[Encoded], n: int, reading: Reading, progress: Progress | None = None
) -> Decoded:
    """Decode images.

    Parameters
    ----------
    encoded : iterable of Encoded
        Taken as needed: not more than a few hundred are held at a time.
    n : int
        How many there are.
    reading : Reading
    progress : callable, optional
        Told how many are done.

    Raises
    ------
    DataError
        If they are not all of one size and none is asked for; names the first that differs.
    """
    raise NotImplementedError
