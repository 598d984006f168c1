"""Memory maps: whether the file behind an array still is as long as the array needs."""

from __future__ import annotations

import mmap
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray

from imlogit.errors import DataError
from imlogit.system.text import printable


class MapEnd(NamedTuple):
    """Where the part of a file that an array needs ends.

    Attributes
    ----------
    file : mmap
    name : str
    n_bytes : int
        From the start of the file.
    """

    file: mmap.mmap
    name: str
    n_bytes: int

    def check(self) -> None:
        """Refuse a file that has become shorter: the system kills whoever reads beyond its end.

        Raises
        ------
        DataError
        """
        try:
            size = self.file.size()
        except (OSError, ValueError):  # a map that keeps no hold on its file: nothing is known
            return
        if size < self.n_bytes:
            raise DataError(
                f"{self.name} was cut short while it was mapped: it has {size:,} bytes, and the "
                f"array needs {self.n_bytes:,}. Write the file again, and map it anew"
            )


def map_end(array: NDArray[Any]) -> MapEnd | None:
    """Return where an array's part of a file ends; None for an array in memory."""
    root: Any = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not isinstance(root, np.memmap) or not isinstance(root.base, mmap.mmap) or not array.size:
        return None
    beyond = byte_bounds(array)[1] - byte_bounds(root)[0]
    name = getattr(root, "filename", None)
    where = "The file of a memory map" if name is None else printable(name)
    return MapEnd(root.base, where, int(root.offset) + beyond)


def check_maps(*given: Any) -> None:
    """Refuse arrays in files that have become shorter since they were mapped.

    Raises
    ------
    DataError
    """
    for one in given:
        end = map_end(one) if isinstance(one, np.ndarray) else None
        if end is not None:
            end.check()
