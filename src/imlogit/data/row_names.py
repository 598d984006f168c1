"""The names of many rows, such as their files, in little memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

END = b"\0"


class RowNames(Sequence[str]):
    """Texts that are held as bytes, each followed by a NUL: 70,000 names of files take 2 MB.

    Parameters
    ----------
    packed : ndarray of uint8, shape (n_bytes,)
        UTF-8; may be a memory map.
    """

    def __init__(self, packed: NDArray[np.uint8]) -> None:
        self.packed = packed
        self._ends = np.flatnonzero(packed == 0)

    @classmethod
    def of(cls, names: Iterable[str]) -> RowNames:
        """Return names as they are packed; a NUL within one becomes a space."""
        if isinstance(names, RowNames):
            return names
        texts = (name.replace("\0", " ").encode("utf-8", "surrogateescape") for name in names)
        packed = b"".join(text + END for text in texts)
        return cls(np.frombuffer(packed, np.uint8))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[k] for k in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row}: there are {len(self)} names")
        row %= len(self)
        first = self._ends[row - 1] + 1 if row else 0
        return self.packed[first : self._ends[row]].tobytes().decode("utf-8", "surrogateescape")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self):,} names>"
