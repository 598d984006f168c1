"""Arrays for many images, where memory can hold them."""

from __future__ import annotations

import os

import numpy as np

from imlogit.arrays import Pixels
from imlogit.errors import DataError
from imlogit.system.text import by


def room_for(n: int, image: Pixels) -> Pixels:
    """Make an array for n images like this one.

    Raises
    ------
    DataError
        If the machine's memory cannot hold them.
    """
    memory = _physical_memory()
    if memory and n * image.nbytes > memory:
        raise DataError(
            f"{n:,} images of {by(image.shape)} take {n * image.nbytes / 1e9:,.0f} GB, and this "
            f"machine has {memory / 1e9:,.0f}. Reduce them with size=(h, w), or with grey=True.",
            parameter="size",
        )
    return np.empty((n, *image.shape), np.uint8)


def _physical_memory() -> int:
    """Return the bytes of memory that there are, or 0 where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
