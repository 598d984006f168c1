"""Rows: whatever a user gives, validated as scikit-learn does, and read where it is."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from imlogit.arrays import Rows
from imlogit.engines.dask_matrix import is_dask, matrix_of
from imlogit.engines.matrix import HALVES, ArrayMatrix, Matrix
from imlogit.engines.scaled_matrix import NormalizedMatrix
from imlogit.engines.sharded_matrix import ShardedMatrix
from imlogit.errors import DataError, TooLargeError
from imlogit.system.shards import ShardedRows
from imlogit.system.text import first_of

# What arrays of other types, and what is no array, becomes: float64, or what it is of these.
DTYPES = (np.float64, np.float32, np.uint8)
# Types whose arrays are read where they are, whatever their layout, a block at a time.
READ = ("uint8", "float32", "float64", *HALVES)
LARGEST_FLOAT16 = 65504


def as_rows(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Return images (n, h, w) or (n, h, w, c) as rows (n, h*w*c), and the shape of one image.

    Whatever holds numbers, lists, tensors, frames of nullable types, they keep their type: uint8
    is pixels in all of them. What has up to two dimensions has None for the shape, and images
    that are read where they are keep theirs.
    """
    if is_dask(X):
        return matrix_of(X)
    if isinstance(X, Matrix):
        return X, None
    if isinstance(X, ShardedRows):
        return ShardedMatrix([ArrayMatrix(one, flat=True) for one in X.parts]), X.shape[1:]
    images = _with_plain_types(X)
    if getattr(images, "ndim", 2) <= 2:
        return images, None
    if _is_read(images):
        return images, images.shape[1:]
    images = np.asarray(images)
    return images.reshape(len(images), math.prod(images.shape[1:])), images.shape[1:]


def _is_read(X: Any) -> bool:
    """Whether it is an array that is read where it is."""
    plain = type(X) in (np.ndarray, np.memmap)
    return plain and X.ndim >= 2 and X.dtype.name in READ


def _with_plain_types(X: Any) -> Any:
    """Return frames and arrays as they are, pixels of nullable types as plain ones, else arrays."""
    if isinstance(X, np.ndarray):
        return X
    types = column_types(X)
    if types:  # a frame, whose names of columns are needed
        nullable = all(one.startswith("uint8") for one in types)
        with suppress(TypeError, ValueError):  # missing values, which are named later
            return X.astype(np.uint8) if nullable and hasattr(X, "iloc") else X
        return X
    if not isinstance(X, (list, tuple)) and not hasattr(X, "numpy"):
        return X  # sparse, or unknown: scikit-learn's checks say what is wrong
    with suppress(TypeError, ValueError):
        found = np.asarray(X)
        return found if found.dtype.kind in "buif" or found.dtype.name in HALVES else X
    return X


def column_types(X: Any) -> list[str]:
    """Return the types of a frame's columns in lower case, none for what is no frame."""
    types = getattr(X, "dtypes", None)
    return [] if types is None or not hasattr(X, "columns") else [str(t).lower() for t in types]


def validate_rows(estimator: Any, rows: Any, *, reset: bool, **y: Any) -> tuple[Matrix, Any]:
    """Return rows as a matrix and ``y`` as an array, validated as scikit-learn does.

    Only the numbers are not looked at: `check_finite` does that. Arrays of the types in `READ`
    stay where they are.

    Parameters
    ----------
    estimator : estimator
        Whose number and names of features are noted, or compared.
    rows : array-like, shape (n, d)
        As of `as_rows`.
    reset : bool
        Whether to note them.
    y : array-like, shape (n,), optional

    Raises
    ------
    ValueError, TypeError
        scikit-learn's.
    """
    how: dict[str, Any] = {"reset": reset, "ensure_all_finite": False} | y
    if not (_is_read(rows) or isinstance(rows, Matrix)):
        found = validate_data(estimator, rows, dtype=list(DTYPES), order="C", **how)
        found, labels = found if y else (found, None)
        return ArrayMatrix(found), labels
    matrix = rows if isinstance(rows, Matrix) else ArrayMatrix(rows, flat=True)
    # an array of this shape that takes no memory
    shape = np.broadcast_to(np.zeros((), np.float32), matrix.shape)
    found = validate_data(estimator, shape, dtype=None, **how)
    return matrix, found[1] if y else None


def check_finite(matrix: Matrix) -> None:
    """Refuse nan and infinity; the first pass over the rows, kept as the largest of them, tells.

    Raises
    ------
    DataError
        It lists the rows.
    """
    if matrix.dtype.kind != "f" or np.isfinite(matrix.largest):
        return
    inner = matrix.inner if isinstance(matrix, NormalizedMatrix) else matrix
    n = len(inner)
    with np.errstate(invalid="ignore"):
        nan = _rows_with(inner, _rows_of_nan)
        infinite = _rows_with(inner, _rows_of_infinity)
    if not nan.size and not infinite.size:
        raise TooLargeError(
            "the norm of a row overflows float64: divide the features by a constant"
        )
    said = [
        f"{name} in {len(rows):,} of {n:,} rows ({_spell_rows(rows)}{inner.places(rows)})"
        for name, rows in (("NaN", nan), ("infinity", infinite))
        if rows.size
    ]
    advice = "leave these rows out, or fill in what is missing"
    if infinite.size and isinstance(inner, ArrayMatrix) and inner.array.dtype.name == "float16":
        advice = f"float16 holds numbers up to {LARGEST_FLOAT16}: give what is larger as float32"
    raise DataError(f"Input X contains {' and '.join(said)}, counted from 0: {advice}")


def zero_rows(matrix: NormalizedMatrix) -> str | None:
    """Return which rows are all zeros, in words; None where none is."""
    rows = np.flatnonzero(matrix.norms == 0)
    if not rows.size:
        return None
    return f"{len(rows):,} of {len(matrix):,} rows are zeros ({_spell_rows(rows)}, counted from 0)"


def _rows_with(matrix: Matrix, what: Any) -> Rows:
    return np.flatnonzero(np.concatenate(matrix.by_block(what)))


def _rows_of_nan(block: NDArray[Any]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.isnan(block).any(axis=1)
    return found


def _rows_of_infinity(block: NDArray[Any]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.isinf(block).any(axis=1)
    return found


def _spell_rows(rows: Rows) -> str:
    return first_of([str(row) for row in rows.tolist()])
