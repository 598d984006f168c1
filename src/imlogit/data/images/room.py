"""Arrays for many images, where memory can hold them."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from imlogit.arrays import Pixels
from imlogit.errors import DataError
from imlogit.system.text import by

# What a container may take, in bytes, or "max".
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def room_for(n: int, image: Pixels) -> Pixels:
    """Make an array for n images like this one.

    Raises
    ------
    DataError
        If memory cannot hold them.
    """
    check_room(n, image.shape)
    return np.empty((n, *image.shape), np.uint8)


def check_room(n: int, shape: tuple[int, ...]) -> None:
    """Check that memory holds n images of a shape, before any of them is made.

    Raises
    ------
    DataError
        If it does not.
    """
    needed, memory = n * math.prod(shape), available_memory()
    if needed > memory:
        raise DataError(
            f"{n:,} images of {by(shape)} take {needed / 1e9:,.0f} GB, and there are "
            f"{memory / 1e9:,.0f} GB of memory. Reduce them with size=(h, w), or with grey=True.",
            parameter="size",
        )


def available_memory() -> float:
    """Return the bytes of memory that the process may have; infinite where nothing says so."""
    return min(_physical_memory(), _limit_of_process(), _limit_of_container())


def _physical_memory() -> float:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf


def _limit_of_process() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return math.inf
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return math.inf if limit == resource.RLIM_INFINITY else limit


def _limit_of_container() -> float:
    try:
        return float(int(CONTAINER_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):  # another system, or "max"
        return math.inf
