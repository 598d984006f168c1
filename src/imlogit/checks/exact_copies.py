"""Rows that are copies of other rows."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Rows
from imlogit.engines.matrix import Matrix, as_matrix
from imlogit.errors import DataError

# So many bytes tell any two rows apart that anybody could bring together.
DIGEST_BYTES = 16


class Copies(NamedTuple):
    """Pairs of rows that are the same, in ascending order.

    Attributes
    ----------
    first : ndarray of intp, shape (m,)
        Rows of the first array.
    second : ndarray of intp, shape (m,)
        Rows of the second array, or later rows of the first where there is no second.
    """

    first: Rows
    second: Rows


def exact_copies(
    rows: Matrix | NDArray[Any], others: Matrix | NDArray[Any] | None = None
) -> Copies:
    """Find rows that are equal, byte for byte, each with the first of its kind.

    Parameters
    ----------
    rows : Matrix or ndarray, shape (n, ...)
    others : Matrix or ndarray, shape (m, ...), optional
        Looked for in ``rows``; without it every row is looked for among the earlier ones.

    Returns
    -------
    Copies
        Each row of ``others``, or each later row, at most once. Rows of another type or size
        are never equal; -0.0 and 0.0 differ, and nan equals a nan of the same bits.
    """
    known: dict[bytes, int] = {}
    first, second = [], []
    for place, digest in enumerate(_digests(as_matrix(rows))):
        before = known.setdefault(digest, place)
        if others is None and before != place:
            first.append(before)
            second.append(place)
    for place, digest in enumerate(() if others is None else _digests(as_matrix(others))):
        if digest in known:
            first.append(known[digest])
            second.append(place)
    return Copies(np.array(first, dtype=np.intp), np.array(second, dtype=np.intp))


def _digests(rows: Matrix) -> Iterator[bytes]:
    kind = str((rows.dtype, rows.shape[1:])).encode()
    if rows.dtype.kind == "O":
        raise DataError("rows of objects cannot be compared: give numbers")
    for block in rows.blocks():
        for row in block:
            yield blake2b(row.tobytes(), digest_size=DIGEST_BYTES, key=kind[:64]).digest()
