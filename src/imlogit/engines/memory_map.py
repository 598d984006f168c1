"""Memory maps: whether the file behind an array still is as long as the array needs."""

from __future__ import annotations

import mmap
import os
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
    root = _mapped_root(array)
    if root is None:
        return None
    beyond = byte_bounds(array)[1] - byte_bounds(root)[0]
    name = getattr(root, "filename", None)
    where = "The file of a memory map" if name is None else printable(name)
    return MapEnd(root.base, where, int(root.offset) + beyond)


def place_in_file(array: NDArray[Any]) -> tuple[str, int] | None:
    """Return the path of the file that an array lies in, and where it begins there, in bytes.

    None for an array in memory, and one whose file has no name, or may hold other numbers.
    """
    root = _mapped_root(array)
    name = getattr(root, "filename", None)
    if name is None or root.mode != "r":
        return None
    before = byte_bounds(array)[0] - byte_bounds(root)[0]
    return os.fspath(name), int(root.offset) + before


def _mapped_root(array: NDArray[Any]) -> Any:
    """Return the memory map that an array is a part of, or None."""
    root: Any = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    mapped = isinstance(root, np.memmap) and isinstance(root.base, mmap.mmap)
    return root if mapped and array.size else None


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
